//! What vectors are to be made of.

use workflow_runtime::data;

use crate::policy::Limits;

/// Texts of which vectors are to be made.
///
/// ```
/// use workflow_agents::Embed;
///
/// let asked = Embed::new("minilm").text("async request handling").text("a cache").dimension(384);
/// ```
#[data]
#[derive(PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Embed {
    /// By which model, by its name in the table.
    pub(super) model: String,
    /// Of what.
    pub(super) texts: Vec<String>,
    /// How many numbers each vector is to have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) dimension: Option<u32>,
    /// How much it may use, where that is to be less than its role may.
    #[serde(default)]
    pub(super) limits: Limits,
}

impl Embed {
    /// Nothing yet, by a model of the table.
    pub fn new(model: impl Into<String>) -> Self {
        Self { model: model.into(), texts: Vec::new(), dimension: None, limits: Limits::default() }
    }

    /// Adds a text.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.texts.push(text.into());
        self
    }

    /// Adds texts.
    #[must_use]
    pub fn texts<S: Into<String>>(mut self, texts: impl IntoIterator<Item = S>) -> Self {
        self.texts.extend(texts.into_iter().map(Into::into));
        self
    }

    /// Sets how many numbers each vector is to have: others are an error.
    #[must_use]
    pub fn dimension(mut self, numbers: u32) -> Self {
        self.dimension = Some(numbers);
        self
    }

    /// Sets how much it may use: of its limits, `time` is how long all of it may take, and `output` how many bytes all vectors may
    /// have, four for a number.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }
}
