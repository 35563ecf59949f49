//! Keys, which nobody is told but who they are for.

use genai::resolver::AuthData;
use workflow_runtime::AgentError;

use super::catalogue::Model;

/// What is shorter is not taken for a secret: who has no keys is often given `x` or `none`.
const SHORTEST: usize = 8;

/// A key, which nobody is told but who it is for. It has no `Debug`.
pub(super) struct Key(String);

impl Key {
    /// The key of a model, from the environment.
    ///
    /// # Errors
    /// When the variable is not set.
    pub(super) fn of(model: &Model) -> Result<Self, AgentError> {
        let Some(name) = &model.key else { return Ok(Self(String::new())) };
        let missing = || format!("its key is not there: set the variable `{name}` for this process");
        let value = std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        Ok(Self(value.ok_or_else(|| AgentError::permanent(missing()))?.trim().to_owned()))
    }

    pub(super) fn auth(&self) -> AuthData {
        AuthData::from_single(self.0.clone())
    }

    /// A text without it: who was told it may repeat it.
    pub(super) fn strip(&self, text: String) -> String {
        match self.0.len() >= SHORTEST && text.contains(&self.0) {
            true => text.replace(&self.0, "…"),
            false => text,
        }
    }
}
