//! Requests over HTTP.

mod agent;
mod answer;
mod asked;
mod client;
mod hop;
mod resolve;

pub use agent::http;
pub use answer::Answer;
pub use asked::Http;
