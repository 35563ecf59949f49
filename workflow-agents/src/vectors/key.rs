//! Keys, which nobody is told but who they are for.

use reqwest::header::HeaderValue;
use workflow_runtime::AgentError;

/// What is shorter is not taken for a secret: who has no keys is often given `x` or `none`.
const SHORTEST: usize = 8;

/// A key, which nobody is told but who it is for. It has no `Debug`.
pub(super) struct Key(String);

impl Key {
    /// What a variable of the environment has; nothing if none is said.
    ///
    /// # Errors
    /// When it is not set.
    pub(super) fn of(variable: Option<&str>) -> Result<Self, AgentError> {
        let Some(name) = variable else { return Ok(Self(String::new())) };
        let missing = || format!("its key is not there: set the variable `{name}` for this process");
        let value = std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        Ok(Self(value.ok_or_else(|| AgentError::permanent(missing()))?.trim().to_owned()))
    }

    /// It, as it is sent.
    ///
    /// # Errors
    /// When it cannot be.
    pub(super) fn header(&self) -> Result<Option<HeaderValue>, AgentError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let value = HeaderValue::from_str(&format!("Bearer {}", self.0));
        let mut value = value.map_err(|_| {
            AgentError::permanent("its key has a character in it that no header may have; see what is set")
        })?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    /// A text without it: who was told it may repeat it.
    pub(super) fn strip(&self, text: String) -> String {
        match self.0.len() >= SHORTEST && text.contains(&self.0) {
            true => text.replace(&self.0, "…"),
            false => text,
        }
    }
}
