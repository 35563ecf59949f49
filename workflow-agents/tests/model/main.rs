//! Language models, each in the language that it is spoken to in, by servers of this process.
#![cfg(feature = "llm")]

mod answers;
mod ask;
mod fallback;
mod hostile;
mod refusals;
mod secrets;
#[path = "../request/server.rs"]
mod server;
mod setting;
mod shapes;
mod tools;
mod trouble;
mod wire;
