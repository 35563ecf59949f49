//! Messages from agent to agent: what [`AgentCoordination`] is made of, to be copied.

mod flood;
mod message;
mod misrouted;
mod routes;
mod steps;
mod workflow;

pub use message::{Acknowledgement, AgentMessage, Hop};
pub use misrouted::Misrouted;
pub use routes::Routes;
pub use steps::{acknowledge, receive, route, validate};
pub use workflow::AgentCoordination;
