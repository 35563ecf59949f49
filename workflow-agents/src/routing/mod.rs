//! Messages from agent to agent.

mod flood;
mod message;
mod misrouted;
mod routes;
mod steps;
mod workflow;

pub use message::{Acknowledgement, AgentMessage, Hop};
pub use misrouted::Misrouted;
pub use routes::Routes;
pub use steps::{acknowledge_message, receive_message, route_message, validate_routing};
pub use workflow::AgentCoordination;
