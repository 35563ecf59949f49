//! What is to be asked.

use serde_json::Value as Json;
use workflow_runtime::{Data, data};

use crate::policy::Limits;

/// How many models may be named, one to be asked when another has failed.
const MODELS: usize = 16;

/// A question to a language model.
///
/// ```
/// use workflow_agents::Llm;
/// use workflow_runtime::data;
///
/// #[data]
/// struct Verdict {
///     is_spam: bool,
///     why: String,
/// }
///
/// let question = Llm::new("gemini-flash")
///     .or("claude-haiku")
///     .system("You sort mail.")
///     .user("You have won!")
///     .answer_as::<Verdict>()
///     .max_tokens(500);
/// ```
#[data]
#[derive(PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Llm {
    /// Which models, by their names in the table; the next is asked when one fails.
    pub(super) models: Vec<String>,
    /// What it is told before all else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) system: Option<String>,
    /// What was said so far.
    #[serde(default)]
    pub(super) messages: Vec<Message>,
    /// Agents that it may call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) tools: Vec<String>,
    /// How often it may call some.
    #[serde(default = "eight")]
    pub(super) rounds: u8,
    /// What it is to answer: a JSON Schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) output_schema: Option<Json>,
    /// How often it may mend an answer that does not fit.
    #[serde(default = "one")]
    pub(super) repairs: u8,
    /// How much it may write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) max_tokens: Option<u32>,
    /// How freely it chooses its words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) temperature: Option<f64>,
    /// How much it may use, where that is to be less than its role may.
    #[serde(default)]
    pub(super) limits: Limits,
}

fn eight() -> u8 {
    8
}

fn one() -> u8 {
    1
}

/// Something that was said.
#[data]
#[derive(PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Who said it.
    pub role: Speaker,
    /// What.
    pub content: String,
}

/// Who said something.
#[data]
#[derive(Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// Who sets the rules.
    System,
    /// Who asks.
    User,
    /// The model.
    Assistant,
}

impl Llm {
    /// A question to a model, by its name in the table.
    pub fn new(model: impl Into<String>) -> Self {
        Self::first_of([model])
    }

    /// A question to the first of these models that answers.
    pub fn first_of<S: Into<String>>(models: impl IntoIterator<Item = S>) -> Self {
        Self {
            models: models.into_iter().map(Into::into).collect(),
            system: None,
            messages: Vec::new(),
            tools: Vec::new(),
            rounds: eight(),
            output_schema: None,
            repairs: one(),
            max_tokens: None,
            temperature: None,
            limits: Limits::default(),
        }
    }

    /// Adds a model to ask when those before have failed.
    #[must_use]
    pub fn or(mut self, model: impl Into<String>) -> Self {
        self.models.push(model.into());
        self
    }

    /// Sets what it is told before all else.
    #[must_use]
    pub fn system(mut self, text: impl Into<String>) -> Self {
        self.system = Some(text.into());
        self
    }

    /// Adds what a user says.
    #[must_use]
    pub fn user(self, text: impl Into<String>) -> Self {
        self.message(Message { role: Speaker::User, content: text.into() })
    }

    /// Adds what the model has said.
    #[must_use]
    pub fn assistant(self, text: impl Into<String>) -> Self {
        self.message(Message { role: Speaker::Assistant, content: text.into() })
    }

    /// Adds what somebody says.
    #[must_use]
    pub fn message(mut self, message: Message) -> Self {
        self.messages.push(message);
        self
    }

    /// Lets it call an agent of this program. The role of the step must have it among its `tools`, too.
    #[must_use]
    pub fn tool(mut self, agent: impl Into<String>) -> Self {
        self.tools.push(agent.into());
        self
    }

    /// Sets how often it may call agents, any number of them at once: eight times, unless this is said.
    #[must_use]
    pub fn rounds(mut self, most: u8) -> Self {
        self.rounds = most;
        self
    }

    /// Sets what it is to answer: a JSON Schema.
    #[must_use]
    pub fn schema(mut self, schema: Json) -> Self {
        self.output_schema = Some(schema);
        self
    }

    /// Sets what it is to answer: what a `T` looks like.
    #[must_use]
    pub fn answer_as<T: Data>(self) -> Self {
        self.schema(schemars::schema_for!(T).to_value())
    }

    /// Sets how often it may mend an answer that does not fit: once, unless this is said.
    #[must_use]
    pub fn repairs(mut self, most: u8) -> Self {
        self.repairs = most;
        self
    }

    /// Sets how many tokens it may write in one answer.
    #[must_use]
    pub fn max_tokens(mut self, most: u32) -> Self {
        self.max_tokens = Some(most);
        self
    }

    /// Sets how freely it chooses its words; from 0.
    #[must_use]
    pub fn temperature(mut self, temperature: f64) -> Self {
        self.temperature = Some(temperature);
        self
    }

    /// Sets how much it may use: of its limits, `time` is how long all of it may take, and `output` how long an answer may be.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// What is wrong with it.
    pub(super) fn mistake(&self) -> Option<String> {
        if self.models.is_empty() {
            return Some("there is no model to ask; name one".to_owned());
        }
        if self.models.len() > MODELS {
            return Some(format!("more than {MODELS} models are named; name fewer"));
        }
        if !self.messages.iter().any(|message| message.role == Speaker::User) {
            return Some("there is nothing to ask; add what a user says".to_owned());
        }
        let is_number = self.temperature.is_none_or(|number| number.is_finite() && number >= 0.0);
        (!is_number).then(|| "the temperature is below 0; give one from 0".to_owned())
    }
}
