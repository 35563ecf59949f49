//! What was answered.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use workflow_runtime::{AgentError, data};

use crate::Output;

/// What was answered.
#[data]
#[derive(PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Who answered in the end, after all redirects.
    pub url: String,
    /// What came with it, by names in lower case; several of one name are joined by `, `, but for `set-cookie`, which is left out.
    pub headers: BTreeMap<String, String>,
    /// What was sent back.
    pub body: Output,
    /// For how many milliseconds it took.
    pub took_ms: u64,
}

impl Answer {
    /// The body, read as JSON.
    ///
    /// # Errors
    /// When it is none, or not a `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, AgentError> {
        serde_json::from_str(&self.body.text).map_err(|error| {
            AgentError::permanent(format!("{} did not answer the JSON that it should: {error}", self.url))
        })
    }
}
