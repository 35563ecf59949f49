//! NATS: what is served, and messages that become jobs.

mod asked;
mod bridge;
mod connection;
mod error;
mod intake;
mod line;
mod service;
mod stop;
mod taking;

pub use bridge::{Bridge, Bridged};
pub use connection::Nats;
pub use error::NatsError;
pub use intake::Intake;
