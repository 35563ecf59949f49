//! What a policy says no to.

use serde_json::{Value as Json, json};

/// What a policy said no to, and the rule that did.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("refused: {who} may not {wanted}; the rule is {rule}")]
#[non_exhaustive]
pub struct Refused {
    /// The role, in words.
    pub who: String,
    /// The tool that was to do it.
    pub tool: String,
    /// What was to be done.
    pub wanted: String,
    /// The rule, by its name in the policy, and where that was written.
    pub rule: String,
}

impl Refused {
    /// As the audit keeps it.
    pub(super) fn act(&self) -> Json {
        json!({ "tool": self.tool, "wanted": self.wanted })
    }
}
