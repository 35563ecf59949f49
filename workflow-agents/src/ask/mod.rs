//! A question, answered by the model that fits it: the workflow [`LlmRequest`], and its steps.

mod received;
mod response;
mod selected;
mod workflow;

pub use received::{Received, receive_request};
pub use response::{Response, publish_result};
pub use selected::select_model;
pub use workflow::LlmRequest;
