//! Containers of an engine that speaks the Docker API.

mod address;
mod agent;
mod ambit;
mod attached;
mod engine;
mod frames;
mod image;
mod own;
mod request;
mod run;
mod trace;

pub use agent::docker;
pub use request::{Container, Pull};
