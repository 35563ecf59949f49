//! Which script is to be run, and on what.

use std::path::PathBuf;

use serde_json::Value as Json;
use workflow_runtime::data;

use super::ambit::Ambit;
use super::source::Source;
use crate::policy::{Limits, Permit, Refused};

/// How much memory a script may have that does not ask for more.
const MEMORY: u64 = 64 << 20;

/// How long the text of a script may be.
pub(super) const LONGEST: u64 = 1 << 20;

/// A script in Lua to run: a text or a file, and what it works on.
///
/// ```
/// use serde_json::json;
/// use workflow_agents::Lua;
///
/// let double = Lua::new("return input.x * 2").input(json!({ "x": 21 }));
/// let judge = Lua::file("judge.lua").input(json!(["good", "bad"]));
/// ```
#[data]
#[derive(PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Lua {
    /// The script's text; with `file`, nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// The file that the script is in, from the first folder that the role may write to, or read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    /// What the script finds as `input`.
    #[serde(default, skip_serializing_if = "Json::is_null")]
    input: Json,
    /// How much it may use, where that is to be less than its role may; of memory, 64 MiB unless it is said.
    #[serde(default)]
    limits: Limits,
}

impl Lua {
    /// A script by its text.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), file: None, input: Json::Null, limits: Limits::default() }
    }

    /// A script in a file.
    pub fn file(file: impl Into<PathBuf>) -> Self {
        Self { text: None, file: Some(file.into()), input: Json::Null, limits: Limits::default() }
    }

    /// Sets what the script finds as `input`.
    #[must_use]
    pub fn input(mut self, input: impl Into<Json>) -> Self {
        self.input = input.into();
        self
    }

    /// Sets how much it may use.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// What is wrong with it, whatever a policy says.
    pub(super) fn mistake(&self) -> Option<&'static str> {
        match (&self.text, &self.file) {
            (None, None) => Some("there is neither a text nor a file"),
            (Some(_), Some(_)) => Some("there are both a text and a file; leave one out"),
            (Some(text), None) if text.len() as u64 > LONGEST => {
                Some("the script is longer than 1 MiB; give what it works on as its input")
            }
            _ => None,
        }
    }

    /// How it is run, if it may be.
    pub(super) fn ambit(self, permit: &Permit) -> Result<Ambit, Refused> {
        let source = match (self.text, self.file) {
            (_, Some(file)) => Source::File { known: permit.file(&file)?, place: permit.place(&file) },
            (text, None) => Source::Text(text.unwrap_or_default()),
        };
        let asked = Limits { memory: self.limits.memory.or(Some(MEMORY)), ..self.limits };
        let time_told = permit.library("os").err().map(|refused| refused.to_string());
        Ok(Ambit { source, input: self.input, limits: permit.limits(asked), without_os: time_told })
    }
}
