//! What is sent, and what the sender hears.

use serde::Serialize;
use serde_json::Value as Json;
use workflow_runtime::{AgentError, Timestamp, data};

/// A message from one agent to another.
#[data]
#[derive(PartialEq)]
#[serde(deny_unknown_fields)]
pub struct AgentMessage {
    /// What it is known by: all messages of one id are one, and make one job.
    pub message_id: String,
    /// Who sends it.
    pub source_agent: String,
    /// Who is to get it.
    pub target_agent: String,
    /// What it is about.
    pub message_type: String,
    /// What it says.
    #[serde(default)]
    pub payload: Json,
    /// The way that what led to it has come, the first first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub route: Vec<Hop>,
}

/// A message that was sent before.
#[data]
#[derive(PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Hop {
    /// Who sent it.
    pub source_agent: String,
    /// Who got it.
    pub target_agent: String,
    /// What it was about.
    pub message_type: String,
}

impl AgentMessage {
    /// A message that nothing led to.
    ///
    /// # Errors
    /// When the payload is no JSON.
    pub fn new(
        message_id: impl Into<String>,
        source_agent: impl Into<String>,
        target_agent: impl Into<String>,
        message_type: impl Into<String>,
        payload: &impl Serialize,
    ) -> Result<Self, AgentError> {
        Ok(Self {
            message_id: message_id.into(),
            source_agent: source_agent.into(),
            target_agent: target_agent.into(),
            message_type: message_type.into(),
            payload: serde_json::to_value(payload).map_err(AgentError::permanent)?,
            route: Vec::new(),
        })
    }

    /// What who got this one sends next, to its sender or to another: it has come the way of this one.
    ///
    /// # Errors
    /// When the payload is no JSON.
    pub fn next(
        &self,
        target_agent: impl Into<String>,
        message_type: impl Into<String>,
        payload: &impl Serialize,
    ) -> Result<Self, AgentError> {
        let (target, kind) = (target_agent.into(), message_type.into());
        let id = format!("{}>{target}:{kind}", self.message_id);
        let mut next = Self::new(id, self.target_agent.clone(), target, kind, payload)?;
        next.route.clone_from(&self.route);
        next.route.push(self.hop());
        Ok(next)
    }

    /// It, as part of a way.
    pub(super) fn hop(&self) -> Hop {
        Hop {
            source_agent: self.source_agent.clone(),
            target_agent: self.target_agent.clone(),
            message_type: self.message_type.clone(),
        }
    }
}

/// What the sender of a message hears: it is on its way.
#[data]
#[derive(PartialEq, Eq)]
pub struct Acknowledgement {
    /// The message.
    pub message_id: String,
    /// Who has sent it.
    pub source_agent: String,
    /// Whose job it is now.
    pub target_agent: String,
    /// It is.
    pub routed: bool,
    /// The job.
    pub job: String,
    /// When it became one.
    pub timestamp: Timestamp,
}
