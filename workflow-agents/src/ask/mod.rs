//! A question, answered by the model that fits it: the workflow [`LlmRequest`], and its steps.

mod received;
mod response;
mod selected;
mod workflow;

pub use received::{Received, receive};
pub use response::{Response, publish};
pub use selected::select;
pub use workflow::LlmRequest;
