//! The workflow that makes a vector of a text.

mod query;
mod response;
mod steps;
mod workflow;

pub use query::Query;
pub use response::EmbeddingResponse;
pub use steps::{generate, publish, receive, validate};
pub use workflow::Embedding;
