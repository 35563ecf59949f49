//! What an answer is to look like.

use genai::chat::{ChatOptions, ChatResponseFormat, JsonSpec};
use serde_json::Value as Json;
use workflow_runtime::{AgentError, Schema};

use super::catalogue::Model;

/// How much of what is wrong a model is told.
const TOLD: usize = 2000;

/// What an answer is to look like.
#[derive(Debug)]
pub(super) struct Shape(Schema);

impl Shape {
    /// One by a schema.
    ///
    /// # Errors
    /// When it is no schema.
    pub(super) fn of(schema: &Json) -> Result<Self, AgentError> {
        let schema = Schema::new(schema.clone());
        let schema =
            schema.map_err(|error| AgentError::permanent(format!("the question's schema: {error}")))?;
        Ok(Self(schema))
    }

    /// What the model is told.
    pub(super) fn instruction(&self) -> String {
        let schema = self.0.json();
        format!("Answer with one JSON value and nothing else. It has to fit this JSON Schema:\n{schema}")
    }

    /// Tells the provider, too, where it takes that: objects, and no tools beside, for some take only one of both.
    pub(super) fn tell(&self, model: &Model, has_tools: bool, options: ChatOptions) -> ChatOptions {
        let schema = self.0.json();
        if !model.takes_schema || has_tools || schema["type"] != "object" {
            return options;
        }
        let mut schema = schema.clone();
        without_dialect(&mut schema);
        let spec = JsonSpec::new("answer", schema);
        options.with_response_format(ChatResponseFormat::JsonSpec(spec))
    }

    /// The value that an answer says.
    ///
    /// # Errors
    /// When it says none, or one that does not fit.
    pub(super) fn read(&self, text: &str) -> Result<Json, String> {
        let value = json(text).ok_or("there is no JSON value in it, or no whole one")?;
        self.0.check(&value).map_err(|violations| {
            let mut wrong = violations.to_string();
            wrong.truncate(wrong.floor_char_boundary(TOLD));
            wrong
        })?;
        Ok(value)
    }
}

/// A schema that does not say of which kind it is, for some providers take no such word.
pub(super) fn without_dialect(schema: &mut Json) {
    if let Some(fields) = schema.as_object_mut() {
        fields.remove("$schema");
    }
}

/// The JSON value that a text is, or that is in it: models like to say what they do, and to put fences around it.
fn json(text: &str) -> Option<Json> {
    let text = text.trim();
    let all = || serde_json::from_str(text).ok();
    let fenced = || {
        let (_, behind) = text.split_once("```")?;
        let (inner, _) = behind.split_once("```")?;
        let inner = inner.strip_prefix("json").unwrap_or(inner);
        serde_json::from_str(inner.trim()).ok()
    };
    let within = || {
        let start = text.find(['{', '['])?;
        let end = text.rfind(['}', ']'])?;
        serde_json::from_str(text.get(start..=end)?).ok()
    };
    all().or_else(fenced).or_else(within)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_found_however_it_is_wrapped() {
        let value = json!({"a": [1, "}"]});
        for text in [
            "{\"a\": [1, \"}\"]}",
            "```json\n{\"a\": [1, \"}\"]}\n```",
            "Here you are:\n```\n{\"a\": [1, \"}\"]}\n```\nAnything else?",
            "Sure! {\"a\": [1, \"}\"]} is it.",
        ] {
            assert_eq!(super::json(text), Some(value.clone()), "{text}");
        }
        for text in ["", "no", "{", "} {", "```", "```json", &"[".repeat(100_000)] {
            assert_eq!(super::json(text), None, "{text}");
        }
        assert_eq!(super::json("7"), Some(json!(7)));
    }

    #[test]
    fn what_does_not_fit_is_told_with_its_place() {
        let shape = Shape::of(&json!({"type": "object", "properties": {"n": {"type": "integer"}}})).unwrap();
        assert_eq!(shape.read("{\"n\": 1}"), Ok(json!({"n": 1})));
        assert!(shape.read("{\"n\": \"x\"}").unwrap_err().contains("/n"));
        assert!(shape.read("I cannot").unwrap_err().contains("no JSON value"));
        assert!(Shape::of(&json!({"type": "nothing"})).is_err());
    }
}
