//! Which models there are: where, by which key, and at what price.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use workflow_runtime::AgentError;

use super::class::Class;
use super::client::client;
use super::provider::Provider;
use super::reply::Tokens;
use super::table::read;
use crate::policy::Mistakes;

/// A model: who answers, where, by which key, and at what price.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    pub(super) provider: Provider,
    /// What the provider calls it.
    pub(super) name: String,
    pub(super) endpoint: String,
    pub(super) key: Option<String>,
    /// In cents for a million tokens.
    pub(super) input: f64,
    pub(super) output: f64,
    pub(super) cached: f64,
    /// For how long it may say nothing.
    pub(super) silence: Duration,
    /// Whether its provider takes a JSON Schema for what it is to answer.
    pub(super) takes_schema: bool,
}

/// For how long a model may say nothing, unless it is said otherwise.
const SILENCE: Duration = Duration::from_secs(30);

impl Model {
    /// A model of a provider, where it is as a rule, by the key in the usual variable, for nothing.
    pub fn new(provider: Provider, name: impl Into<String>) -> Self {
        Self {
            provider,
            name: name.into(),
            endpoint: provider.endpoint().to_owned(),
            key: provider.key().map(str::to_owned),
            input: 0.0,
            output: 0.0,
            cached: 0.0,
            silence: SILENCE,
            takes_schema: true,
        }
    }

    /// A model of whoever speaks as OpenAI does, where it is, without a key: Ollama's are at `http://localhost:11434/v1/`.
    pub fn compatible(endpoint: impl Into<String>, name: impl Into<String>) -> Self {
        Self::new(Provider::Compatible, name).endpoint(endpoint)
    }

    /// Sets where it is, as far as that is the same for all that it is asked: `http://localhost:8000/v1/`.
    #[must_use]
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = url.into();
        if !self.endpoint.ends_with('/') {
            self.endpoint.push('/');
        }
        self
    }

    /// Sets the variable of the environment that has its key. What is in it is read when the model is asked, and kept nowhere.
    #[must_use]
    pub fn key(mut self, variable: impl Into<String>) -> Self {
        self.key = Some(variable.into());
        self
    }

    /// Makes it one that is asked without a key.
    #[must_use]
    pub fn without_key(mut self) -> Self {
        self.key = None;
        self
    }

    /// Sets what a million tokens cost, in cents: those that it reads, those that it writes. Those that it has read before cost as
    /// much as others, unless [`cached`](Self::cached) says less.
    #[must_use]
    pub fn cents(mut self, input: f64, output: f64) -> Self {
        (self.input, self.output, self.cached) = (input, output, input);
        self
    }

    /// Sets what a million tokens cost that it has read before, in cents.
    #[must_use]
    pub fn cached(mut self, cents: f64) -> Self {
        self.cached = cents;
        self
    }

    /// Sets for how long it may say nothing before it is given up: 30 seconds, unless this is said. Models that think first may need
    /// more.
    #[must_use]
    pub fn silence(mut self, time: Duration) -> Self {
        self.silence = time;
        self
    }

    /// Sets whether its provider takes a JSON Schema for what it is to answer. If not, the model is told in words, as it is anyway.
    #[must_use]
    pub fn takes_schema(mut self, whether: bool) -> Self {
        self.takes_schema = whether;
        self
    }

    /// What is wrong with where it is.
    pub(super) fn misplaced(&self) -> Option<String> {
        if self.endpoint.is_empty() {
            return Some("no `endpoint`; say where it is, like \"http://localhost:11434/v1/\"".to_owned());
        }
        let url = reqwest::Url::parse(&self.endpoint).ok();
        let is_url = url.is_some_and(|url| ["http", "https"].contains(&url.scheme()) && url.has_host());
        (!is_url)
            .then(|| format!("`{}` is no URL; write one like \"http://localhost:11434/v1/\"", self.endpoint))
    }

    /// What so many tokens cost, in cents.
    #[expect(clippy::cast_precision_loss, reason = "nobody pays for so many")]
    pub(super) fn cost(&self, tokens: &Tokens) -> f64 {
        let fresh = tokens.input.saturating_sub(tokens.cached) as f64;
        let sum =
            fresh * self.input + tokens.cached as f64 * self.cached + tokens.output as f64 * self.output;
        sum / 1_000_000.0
    }
}

/// The models that may be asked, by the names that a program calls them. A runtime that asks models is given them, by
/// `.state(models)`.
///
/// ```
/// use workflow_agents::model::{Class, Model, Models};
///
/// let models = Models::known()
///     .with("own", Model::compatible("http://localhost:11434/v1/", "qwen3:8b"))
///     .class(Class::Simple, ["own", "gemini-flash"]);
/// assert_eq!(models.of(Class::Simple), ["own", "gemini-flash"]);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Models {
    pub(super) all: Arc<BTreeMap<String, Model>>,
    pub(super) classes: Arc<BTreeMap<Class, Vec<String>>>,
    client: Arc<OnceLock<genai::Client>>,
}

/// The table that is built in.
const KNOWN: &str = include_str!("models.toml");

impl Models {
    /// No models.
    pub fn none() -> Self {
        Self::default()
    }

    /// Those of the table that is built in: some of Anthropic, Google and OpenAI, at what they asked for them when the table was
    /// written. Prices change: what counts is what you [load](Self::load).
    pub fn known() -> Self {
        read(KNOWN, "models.toml", &Self::none()).unwrap_or_default()
    }

    /// Adds a model, or puts it in the place of one.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, model: Model) -> Self {
        Arc::make_mut(&mut self.all).insert(name.into(), model);
        self
    }

    /// Sets which are asked for tasks of a class, one after the other until one answers.
    #[must_use]
    pub fn class<S: Into<String>>(mut self, class: Class, names: impl IntoIterator<Item = S>) -> Self {
        let names = names.into_iter().map(Into::into).collect();
        Arc::make_mut(&mut self.classes).insert(class, names);
        self
    }

    /// Adds what a file of TOML says: new models, or what is to be otherwise of those that are there. What names a `provider` is new.
    ///
    /// ```toml
    /// [models.claude-sonnet]
    /// input = 300.0                # cents for a million tokens
    /// output = 1500.0
    ///
    /// [models.own]
    /// provider = "compatible"
    /// name = "qwen3:8b"
    /// endpoint = "http://localhost:11434/v1/"
    ///
    /// [classes]
    /// simple = ["own", "gemini-flash"]
    /// ```
    ///
    /// # Errors
    /// All that is wrong with it, each at its line and column.
    pub fn load(&self, file: impl AsRef<Path>) -> Result<Self, Mistakes> {
        let file = file.as_ref();
        let text = std::fs::read_to_string(file).map_err(|error| Mistakes::of_file(file, &error))?;
        read(&text, &file.display().to_string(), self)
    }

    /// Adds what a text of TOML says, as [`load`](Self::load) does.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn read(&self, text: &str, name: &str) -> Result<Self, Mistakes> {
        read(text, name, self)
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.all.keys().map(String::as_str)
    }

    /// Who answers as the model of a name, if there is one.
    pub fn provider(&self, name: &str) -> Option<Provider> {
        self.all.get(name).map(|model| model.provider)
    }

    /// Which are asked for tasks of a class, in this order.
    pub fn of(&self, class: Class) -> &[String] {
        self.classes.get(&class).map_or(&[], Vec::as_slice)
    }

    /// The model of a name.
    ///
    /// # Errors
    /// When there is none.
    pub fn get(&self, name: &str) -> Result<&Model, AgentError> {
        self.all.get(name).ok_or_else(|| {
            let near = workflow_graph::nearest(name, self.names());
            let cure = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are: {}", self.names().collect::<Vec<_>>().join(", ")),
            };
            AgentError::permanent(format!("there is no model `{name}` in the table; {cure}"))
        })
    }

    /// The client by which all of them are asked.
    ///
    /// # Errors
    /// When none can be made.
    pub(super) fn client(&self) -> Result<&genai::Client, AgentError> {
        if let Some(made) = self.client.get() {
            return Ok(made);
        }
        let made =
            client().map_err(|error| AgentError::permanent(format!("no client can be made: {error}")))?;
        Ok(self.client.get_or_init(|| made))
    }
}
