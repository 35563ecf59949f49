//! Keys, which nobody is told but who they are for.

use genai::resolver::AuthData;
use serde_json::Value as Json;
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

    /// A value without it.
    pub(super) fn strip_value(&self, value: Json) -> Json {
        let text = value.to_string();
        match self.0.len() >= SHORTEST && text.contains(&self.0) {
            true => serde_json::from_str(&self.strip(text)).unwrap_or_default(),
            false => value,
        }
    }

    /// What has come of a text, without what may be the beginning of it at its end.
    pub(super) fn strip_end<'a>(&self, text: &'a str) -> &'a str {
        let beginnings = self.0.char_indices().map(|(place, _)| &self.0[..place]).rev();
        let found = beginnings.take_while(|part| part.len() >= SHORTEST).find(|part| text.ends_with(part));
        found.and_then(|part| text.strip_suffix(part)).unwrap_or(text)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_is_taken_out_wherever_it_is() {
        let key = Key("sk-0123456789".to_owned());
        assert_eq!(key.strip("my key is sk-0123456789!".to_owned()), "my key is …!");
        assert_eq!(key.strip_value(json!({"a": ["sk-0123456789"]})), json!({"a": ["…"]}));
        assert_eq!(key.strip_value(json!({"a": 1})), json!({"a": 1}));
        assert_eq!(key.strip_end("my key is sk-012345678"), "my key is ");
        assert_eq!(key.strip_end("my key is sk-01"), "my key is sk-01");
        for short in ["", "EMPTY"] {
            let key = Key(short.to_owned());
            assert_eq!((key.strip("EMPTY".to_owned()).as_str(), key.strip_end("EMPTY")), ("EMPTY", "EMPTY"));
        }
    }
}
