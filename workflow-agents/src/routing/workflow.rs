//! The workflow.

use workflow_runtime::workflow;

use super::message::{Acknowledgement, AgentMessage};
use super::steps::{acknowledge_message, receive_message, route_message, validate_routing};

workflow! {
    /// Brings a message from one agent to another: it becomes a job of its target's, and its sender hears so.
    ///
    #[doc = include_str!("../../doc/coordination.md")]
    pub workflow AgentCoordination(message: AgentMessage) -> Acknowledgement {
        phase receive { received = receive_message(message.clone()); }
        phase validate { valid = validate_routing(received.clone()); }
        phase route { routed = route_message(valid.clone()); }
        phase acknowledge { acknowledged = acknowledge_message(routed.clone()); }
        acknowledged.clone()
    }
}
