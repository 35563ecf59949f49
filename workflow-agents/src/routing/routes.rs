//! Who may tell whom of what.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value as Json;
use workflow_runtime::{Data, Schema, SchemaError, Timestamp};

use super::flood::Flood;
use super::message::AgentMessage;
use super::misrouted::Misrouted;

/// How long ids and names may be, in bytes.
const LONG: usize = 256;

/// Who sends and gets messages, and what they may be about: what [`AgentCoordination`](crate::AgentCoordination) is given as
/// `State<Routes>`. What is not known is refused.
#[derive(Debug)]
pub struct Routes {
    agents: BTreeMap<String, Gets>,
    messages: BTreeMap<String, Schema>,
    hops: usize,
    most: usize,
    within: Duration,
    flood: Mutex<Flood>,
}

/// What an agent gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gets {
    /// The message.
    Message,
    /// What it says.
    Payload,
}

impl Default for Routes {
    fn default() -> Self {
        Self::new()
    }
}

impl Routes {
    /// Nobody, about nothing.
    pub fn new() -> Self {
        Self {
            agents: BTreeMap::new(),
            messages: BTreeMap::new(),
            hops: 8,
            most: 100,
            within: Duration::from_secs(60),
            flood: Mutex::default(),
        }
    }

    /// Makes an agent or a workflow known that sends messages, and gets them as an [`AgentMessage`].
    #[must_use]
    pub fn agent(mut self, name: impl Into<String>) -> Self {
        self.agents.insert(name.into(), Gets::Message);
        self
    }

    /// Makes an agent or a workflow known that sends messages, and of those that it gets is given the payload only.
    #[must_use]
    pub fn agent_of_payloads(mut self, name: impl Into<String>) -> Self {
        self.agents.insert(name.into(), Gets::Payload);
        self
    }

    /// Makes a type of messages known whose payloads are of a Rust type.
    ///
    /// # Errors
    /// When the type's schema is none.
    pub fn message<T: Data>(mut self, message_type: impl Into<String>) -> Result<Self, SchemaError> {
        self.messages.insert(message_type.into(), Schema::of::<T>()?);
        Ok(self)
    }

    /// Makes a type of messages known whose payloads have a JSON Schema.
    ///
    /// # Errors
    /// When it is none.
    pub fn message_of(mut self, message_type: impl Into<String>, schema: Json) -> Result<Self, SchemaError> {
        self.messages.insert(message_type.into(), Schema::new(schema)?);
        Ok(self)
    }

    /// Sets how many messages may lead to one: 8, if nothing is said.
    #[must_use]
    pub fn hops(mut self, most: usize) -> Self {
        self.hops = most;
        self
    }

    /// Sets how many messages one may send in some time: 100 a minute, if nothing is said. Each process counts by itself.
    #[must_use]
    pub fn at_most(mut self, messages: usize, within: Duration) -> Self {
        (self.most, self.within) = (messages, within);
        self
    }

    /// Refuses what is no message at all.
    pub(super) fn read(message: &AgentMessage) -> Result<(), Misrouted> {
        let members = [
            ("message_id", &message.message_id),
            ("source_agent", &message.source_agent),
            ("target_agent", &message.target_agent),
            ("message_type", &message.message_type),
        ];
        let is_wrong = |(_, text): &(_, &String)| text.is_empty() || text.len() > LONG;
        match members.into_iter().find(is_wrong) {
            Some((member, text)) => Err(Misrouted::BadMember { member, length: text.len(), most: LONG }),
            None => Ok(()),
        }
    }

    /// Refuses a message that goes nowhere, says what none of its type says, or has come too far.
    pub(super) fn check(&self, message: &AgentMessage) -> Result<(), Misrouted> {
        let AgentMessage { source_agent, target_agent, message_type, payload, route, .. } = message;
        if !self.agents.contains_key(source_agent) {
            let nearest = nearest(source_agent, &self.agents);
            return Err(Misrouted::UnknownSource { name: source_agent.clone(), nearest });
        }
        if !self.agents.contains_key(target_agent) {
            let nearest = nearest(target_agent, &self.agents);
            return Err(Misrouted::UnknownTarget { name: target_agent.clone(), nearest });
        }
        let Some(schema) = self.messages.get(message_type) else {
            let nearest = nearest(message_type, &self.messages);
            return Err(Misrouted::UnknownType { name: message_type.clone(), nearest });
        };
        schema.check(payload).map_err(|violations| Misrouted::BadPayload {
            message_type: message_type.clone(),
            problem: violations.to_string(),
        })?;
        if route.len() > self.hops {
            return Err(Misrouted::TooFar { hops: route.len(), most: self.hops });
        }
        if route.contains(&message.hop()) || source_agent == target_agent {
            return Err(Misrouted::Loop {
                source_agent: source_agent.clone(),
                target_agent: target_agent.clone(),
                message_type: message_type.clone(),
            });
        }
        Ok(())
    }

    /// Counts a message of somebody, and refuses it where that is one too many.
    pub(super) fn count(&self, source: &str, now: Timestamp) -> Result<(), Misrouted> {
        let (most, within) = (self.most, self.within);
        let mut flood = self.flood.lock().unwrap_or_else(PoisonError::into_inner);
        if flood.lets(source, now, most, within) {
            return Ok(());
        }
        Err(Misrouted::Flood { source_agent: source.to_owned(), most, within })
    }

    /// What the target of a message is given.
    pub(super) fn input(&self, message: &AgentMessage) -> Result<Json, serde_json::Error> {
        match self.agents.get(&message.target_agent) {
            Some(Gets::Payload) => Ok(message.payload.clone()),
            _ => serde_json::to_value(message),
        }
    }
}

fn nearest<T>(name: &str, known: &BTreeMap<String, T>) -> Option<String> {
    workflow_graph::nearest(name, known.keys().map(String::as_str)).map(str::to_owned)
}
