//! What was answered.

use std::collections::BTreeMap;

use async_nats::{HeaderMap, Message};
use serde::de::DeserializeOwned;
use workflow_runtime::{AgentError, data};

use super::line::line;
use crate::Output;
use crate::output::Capture;

/// By these headers a service says that something is wrong.
const CODE: &str = "Nats-Service-Error-Code";
const PROBLEM: &str = "Nats-Service-Error";

/// What was answered.
#[data]
#[derive(Default, PartialEq, Eq)]
pub struct NatsReply {
    /// What came with it; several of one name are joined by `, `.
    pub headers: BTreeMap<String, String>,
    /// What was sent back; nothing, if nothing was to be answered.
    pub body: Output,
    /// For how many milliseconds it took.
    pub took_ms: u64,
}

impl NatsReply {
    /// The body, read as JSON.
    ///
    /// # Errors
    /// When it is none, or not a `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, AgentError> {
        serde_json::from_str(&self.body.text).map_err(|error| {
            AgentError::permanent(format!("the answer is not the JSON that it should be: {error}"))
        })
    }

    /// What a message has in it, if it is no error and not too long.
    pub(super) fn read(message: &Message, most: u64) -> Result<Self, AgentError> {
        let headers = message.headers.as_ref().map(plain).unwrap_or_default();
        let subject = &message.subject;
        if headers.contains_key(CODE) || headers.contains_key(PROBLEM) {
            return Err(failure(&headers));
        }
        let length = message.payload.len() as u64;
        if length > most {
            let told = format!("{length} bytes were answered at `{subject}`, and {most} is the limit");
            return Err(AgentError::permanent(told));
        }
        let mut capture = Capture::new(most.saturating_mul(2));
        capture.add(&message.payload);
        Ok(Self { headers, body: capture.into_output(), took_ms: 0 })
    }
}

/// What a service says is wrong. Who asked wrongly need not ask again so.
fn failure(headers: &BTreeMap<String, String>) -> AgentError {
    let said = |name: &str| headers.get(name).map(String::as_str).unwrap_or_default();
    let (code, problem) = (said(CODE), said(PROBLEM));
    let told = format!("the service says {code}: {}", line(&problem));
    match code.parse::<u16>() {
        Ok(408 | 425 | 429) => AgentError::retry(told),
        Ok(400..=499) => AgentError::permanent(told),
        _ => AgentError::retry(told),
    }
}

fn plain(headers: &HeaderMap) -> BTreeMap<String, String> {
    let joined = |values: &Vec<async_nats::HeaderValue>| {
        values.iter().map(async_nats::HeaderValue::as_str).collect::<Vec<_>>().join(", ")
    };
    headers.iter().map(|(name, values)| (name.to_string(), joined(values))).collect()
}
