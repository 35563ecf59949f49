//! Requests over HTTP.

mod agent;
mod answer;
mod asked;
mod hop;

pub use agent::http;
pub use answer::Answer;
pub use asked::{Body, Http};
