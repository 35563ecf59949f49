//! Language models: which there are, how one is asked, and what it answers.

mod agent;
mod asked;
mod asking;
mod catalogue;
mod class;
mod client;
mod fault;
mod hearing;
mod line;
mod pieces;
mod provider;
mod quiet;
mod reply;
mod secret;
mod shape;
mod table;
mod tools;

pub use agent::llm;
pub use asked::{Llm, Message, Speaker};
pub use catalogue::{Model, Models};
pub use class::Class;
pub use provider::Provider;
pub use reply::{Reply, Stop, Tokens};
