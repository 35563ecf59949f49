//! What is asked of a server, and what it answers.

use serde::Serialize;
use serde_json::{Map, Value as Json};
use workflow_runtime::{AgentError, data};

use crate::policy::Limits;

/// A call of a tool of another server.
///
/// ```
/// use workflow_agents::Mcp;
///
/// # fn example() -> Result<(), workflow_runtime::AgentError> {
/// let call = Mcp::new("files", "read").argument("path", &"notes.txt")?;
/// # drop(call);
/// # Ok(())
/// # }
/// ```
#[data]
#[derive(PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Mcp {
    /// The server, as the program calls it.
    pub(super) server: String,
    /// The tool, as the server calls it.
    pub(super) tool: String,
    /// What it is given.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(super) arguments: Map<String, Json>,
    /// How much it may use, where that is to be less than its role may.
    #[serde(default)]
    pub(super) limits: Limits,
}

impl Mcp {
    /// A call without arguments.
    pub fn new(server: impl Into<String>, tool: impl Into<String>) -> Self {
        let (server, tool) = (server.into(), tool.into());
        Self { server, tool, arguments: Map::new(), limits: Limits::default() }
    }

    /// Gives it an argument.
    ///
    /// # Errors
    /// When it is no JSON.
    pub fn argument(mut self, name: impl Into<String>, value: &impl Serialize) -> Result<Self, AgentError> {
        let value = serde_json::to_value(value).map_err(AgentError::permanent)?;
        self.arguments.insert(name.into(), value);
        Ok(self)
    }

    /// Sets how much it may use, where that is to be less than its role may: its time, and the length of its answer.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }
}

/// What a tool has answered.
#[data]
#[derive(PartialEq)]
pub struct McpAnswer {
    /// What it says for programs, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub structured: Option<Json>,
    /// What it says for models and people: texts, images and what else the protocol has, as it has them.
    pub content: Vec<Json>,
}

impl McpAnswer {
    /// All texts of it, one after the other.
    pub fn text(&self) -> String {
        let texts: Vec<&str> = self.content.iter().filter_map(|block| block["text"].as_str()).collect();
        texts.join("\n")
    }
}
