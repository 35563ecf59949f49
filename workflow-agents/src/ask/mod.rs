#![doc = include_str!("../../doc/workflows.md")]

mod received;
mod response;
mod selected;
mod workflow;

pub use received::{Received, receive};
pub use response::{Response, publish};
pub use selected::select;
pub use workflow::LlmRequest;
