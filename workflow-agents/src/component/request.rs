//! Which component is to be run, and on what.

use std::path::PathBuf;

use serde_json::Value as Json;
use workflow_runtime::data;

use super::ambit::Ambit;
use crate::policy::{Limits, Permit, Refused};

/// How much memory a component may have that does not ask for more.
const MEMORY: u64 = 64 << 20;

/// A component of WebAssembly to run, and what it works on.
///
/// ```
/// use serde_json::json;
/// use workflow_agents::Wasm;
///
/// let score = Wasm::file("scorer.wasm").input(json!({ "text": "once upon a time" }));
/// ```
#[data]
#[derive(PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Wasm {
    /// The file that the component is in, from the first folder that the role may write to, or read.
    file: PathBuf,
    /// What it works on.
    #[serde(default, skip_serializing_if = "Json::is_null")]
    input: Json,
    /// How much it may use, where that is to be less than its role may; of memory, 64 MiB unless it is said.
    #[serde(default)]
    limits: Limits,
}

impl Wasm {
    /// A component in a file.
    pub fn file(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into(), input: Json::Null, limits: Limits::default() }
    }

    /// Sets what it works on.
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

    /// How it is run, if it may be.
    pub(super) fn ambit(self, permit: &Permit) -> Result<Ambit, Refused> {
        let asked = Limits { memory: self.limits.memory.or(Some(MEMORY)), ..self.limits };
        Ok(Ambit { file: permit.file(&self.file)?, input: self.input, limits: permit.limits(asked) })
    }
}
