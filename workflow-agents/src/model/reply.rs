//! What was answered.

use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use workflow_runtime::{AgentError, data};

/// What was answered.
#[data]
#[derive(PartialEq)]
pub struct Reply {
    /// The text.
    pub text: String,
    /// What the text says, where a schema was given: it fits that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Json>,
    /// The agents that the model called, one after the other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub called: Vec<String>,
    /// Which model answered, by its name in the table.
    pub model: String,
    /// What was read and written for it, all questions together: those of tools, of repairs, and to models that failed.
    pub tokens: Tokens,
    /// What that cost, in cents, by the prices in the table.
    pub cost_cents: f64,
    /// Why the model stopped.
    pub stop: Stop,
}

impl Reply {
    /// The value, as a `T`.
    ///
    /// # Errors
    /// When no schema was given, or when it is no `T`.
    pub fn read<T: DeserializeOwned>(self) -> Result<T, AgentError> {
        let none = || AgentError::permanent("the model was asked for no value; give the question a schema");
        serde_json::from_value(self.value.ok_or_else(none)?).map_err(AgentError::permanent)
    }
}

/// How many tokens there were.
#[data]
#[derive(Copy, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Those that the model read.
    pub input: u64,
    /// Those that it wrote, its thoughts included.
    pub output: u64,
    /// Of those that it read, how many it had read before.
    #[serde(default)]
    pub cached: u64,
}

impl Tokens {
    /// As a provider tells it. A number below nothing is none.
    pub(super) fn of(usage: &genai::chat::Usage) -> Self {
        let count = |number: Option<i32>| number.and_then(|number| u64::try_from(number).ok()).unwrap_or(0);
        let cached = usage.prompt_tokens_details.as_ref().and_then(|details| details.cached_tokens);
        let (input, output) = (count(usage.prompt_tokens), count(usage.completion_tokens));
        Self { input, output, cached: count(cached).min(input) }
    }

    pub(super) fn add(&mut self, more: Self) {
        self.input += more.input;
        self.output += more.output;
        self.cached += more.cached;
    }

    /// Read and written.
    pub fn all(&self) -> u64 {
        self.input + self.output
    }
}

/// Why a model stopped.
#[data]
#[derive(Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Stop {
    /// It had said what it had to say.
    Done,
    /// It had written as much as it may: the text is no whole.
    Length,
}
