//! NATS: what is served, messages that become jobs, what is told of jobs, and messages that steps send.

mod agent;
mod asked;
mod bridge;
mod connection;
mod error;
mod intake;
mod line;
mod message;
mod news;
mod outlet;
mod reply;
mod service;
mod stop;
mod taking;
mod telling;

pub use agent::nats;
pub use bridge::{Bridge, Bridged};
pub use connection::Nats;
pub use error::NatsError;
pub use intake::Intake;
pub use message::NatsMessage;
pub use outlet::Outlet;
pub use reply::NatsReply;
