//! The workflow.

use workflow_runtime::workflow;

use super::message::{Acknowledgement, AgentMessage};
use super::steps::{acknowledge, receive, route, validate};

workflow! {
    /// Brings a message from one agent to another: it becomes a job of its target's, and its sender hears so.
    ///
    #[doc = include_str!("../../doc/coordination.md")]
    pub workflow AgentCoordination(message: AgentMessage) -> Acknowledgement {
        phase receive { received = receive(message.clone()); }
        phase validate { valid = validate(received.clone()); }
        phase route { routed = route(valid.clone()); }
        phase acknowledge { acknowledged = acknowledge(routed.clone()); }
        acknowledged.clone()
    }
}
