//! Vectors of texts, by servers of this process, and by a model in a folder.
#![cfg(feature = "embedding")]

mod answers;
#[cfg(feature = "embedding-local")]
mod broken;
#[cfg(feature = "embedding-local")]
mod local;
#[cfg(feature = "embedding-local")]
mod minilm;
mod refusals;
mod secrets;
#[path = "../request/server.rs"]
mod server;
mod setting;
mod trouble;
mod wire;
mod workflow;
