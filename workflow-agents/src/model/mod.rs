//! Language models: which there are, how one is asked, and what it answers.

mod agent;
mod asked;
mod asking;
mod catalogue;
mod provider;
mod reply;
mod shape;
mod stream;
mod table;
mod tools;

pub use agent::llm;
pub use asked::{Llm, Message, Speaker};
pub use catalogue::{Model, Models};
pub use provider::Provider;
pub use reply::{Reply, Stop, Tokens};
