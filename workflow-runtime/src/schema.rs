//! JSON Schemas: compiled once, applied wherever a value comes from outside.

use std::collections::BTreeMap;
use std::fmt;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use serde_json::Value as Json;

use crate::data::{Data, schema_of};

/// A JSON Schema, compiled.
pub struct Schema {
    json: Json,
    validator: Validator,
}

impl Schema {
    /// Compiles a schema.
    ///
    /// # Errors
    /// When it is not a JSON Schema, or refers to something that is not there.
    pub fn new(json: Json) -> Result<Self, SchemaError> {
        if let Err(error) = jsonschema::meta::validate(&json) {
            return Err(SchemaError::new(&error));
        }
        let validator = jsonschema::validator_for(&json).map_err(|error| SchemaError::new(&error))?;
        Ok(Self { json, validator })
    }

    /// The schema of a type: what its values are when they come from outside.
    ///
    /// # Errors
    /// As [`new`](Self::new): the type's own attributes may have made it something that is no schema.
    pub fn of<T: Data>() -> Result<Self, SchemaError> {
        Self::new(schema_of::<T>())
    }

    /// Parses and compiles a schema.
    ///
    /// # Errors
    /// As [`new`](Self::new), and when the text is not JSON.
    pub fn parse(text: &str) -> Result<Self, SchemaError> {
        let json =
            serde_json::from_str(text).map_err(|error| SchemaError(format!("it is not JSON: {error}")))?;
        Self::new(json)
    }

    /// The schema itself.
    pub fn json(&self) -> &Json {
        &self.json
    }

    /// Checks a value.
    ///
    /// # Errors
    /// Lists all that is wrong with it, each with its place.
    pub fn check(&self, value: &Json) -> Result<(), Violations> {
        if self.validator.is_valid(value) {
            return Ok(());
        }
        let mut found = Vec::new();
        self.validator.iter_errors(value).for_each(|error| violations(&error, &mut found));
        found.dedup();
        Err(Violations(found))
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Schema({})", self.json)
    }
}

/// Why a schema cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SchemaError(String);

impl SchemaError {
    fn new(error: &ValidationError<'_>) -> Self {
        match error.instance_path().to_string() {
            place if place.is_empty() => Self(error.to_string()),
            place => Self(format!("{error}, at `{place}`")),
        }
    }
}

/// All that is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violations(Vec<Violation>);

/// One thing that is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where, as a JSON pointer; empty for the value itself.
    pub place: String,
    /// What.
    pub problem: String,
}

impl Violations {
    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = &Violation> {
        self.0.iter()
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Violation { place, problem }) in self.0.iter().enumerate() {
            let between = if index == 0 { "" } else { "; " };
            match place.as_str() {
                "" => write!(out, "{between}{problem}")?,
                place => write!(out, "{between}{problem}, at `{place}`")?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for Violations {}

/// An `anyOf` says only that no choice fits; what people need is why the choice that was meant does not. It is the one
/// that went deepest before it failed.
fn violations(error: &ValidationError<'_>, found: &mut Vec<Violation>) {
    let choices = match error.kind() {
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            context.as_slice()
        }
        _ => &[],
    };
    let depth = |error: &ValidationError<'_>| error.instance_path().to_string().matches('/').count();
    let deepest = |choice: &&Vec<ValidationError<'static>>| choice.iter().map(depth).max().unwrap_or(0);
    let is_null = |choice: &&Vec<ValidationError<'static>>| matches!(choice.as_slice(), [only] if only.to_string().ends_with("is not of type \"null\""));
    match choices.iter().filter(|choice| !is_null(choice)).max_by_key(deepest) {
        Some(meant) => meant.iter().for_each(|error| violations(error, found)),
        None => {
            found.push(Violation { place: error.instance_path().to_string(), problem: error.to_string() })
        }
    }
}

/// The text of what a schema means: without annotations, with everything sorted that has no order.
///
/// Two schemas with one canonical text accept the same values. It is part of a step's fingerprint.
pub(crate) fn canonical(schema: &Json) -> String {
    canonical_value(schema, Keys::Keywords).to_string()
}

/// What the keys of an object are.
#[derive(Clone, Copy, PartialEq)]
enum Keys {
    /// Keywords of JSON Schema.
    Keywords,
    /// Names that somebody chose, each with a schema.
    Names,
    /// Parts of a value.
    Data,
}

const ANNOTATIONS: [&str; 10] = [
    "title",
    "description",
    "$comment",
    "examples",
    "default",
    "deprecated",
    "readOnly",
    "writeOnly",
    "$schema",
    "format",
];

fn canonical_value(value: &Json, keys: Keys) -> Json {
    match value {
        Json::Object(members) => {
            let kept = members
                .iter()
                .filter(|(key, _)| keys != Keys::Keywords || !ANNOTATIONS.contains(&key.as_str()));
            // By way of a sorted map, for `serde_json` may be built to keep the order of insertion.
            let sorted: BTreeMap<&String, Json> =
                kept.map(|(key, member)| (key, canonical_value(member, inner_keys(keys, key)))).collect();
            Json::Object(sorted.into_iter().map(|(key, member)| (key.clone(), member)).collect())
        }
        Json::Array(items) => Json::Array(items.iter().map(|item| canonical_value(item, keys)).collect()),
        other => other.clone(),
    }
}

fn inner_keys(outer: Keys, key: &str) -> Keys {
    match (outer, key) {
        (Keys::Data, _) | (Keys::Keywords, "const" | "enum") => Keys::Data,
        (
            Keys::Keywords,
            "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas",
        ) => Keys::Names,
        _ => Keys::Keywords,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_wrong_part_of_an_option_is_told_and_not_the_anyof() {
        let schema = Schema::new(json!({
            "properties": {"reply": {"anyOf": [{"$ref": "#/$defs/Reply"}, {"type": "null"}]}},
            "$defs": {"Reply": {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}},
        }))
        .unwrap();
        let wrong = schema.check(&json!({"reply": {"text": 1}})).unwrap_err();
        assert_eq!(wrong.to_string(), "1 is not of type \"string\", at `/reply/text`");
        let missing = schema.check(&json!({"reply": {}})).unwrap_err();
        assert_eq!(missing.to_string(), "\"text\" is a required property, at `/reply`");
        schema.check(&json!({"reply": null})).unwrap();
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let schema =
            Schema::new(json!({"required": ["a"], "properties": {"b": {"type": "string"}}})).unwrap();
        assert_eq!(schema.check(&json!({"b": 1})).unwrap_err().iter().count(), 2);
    }

    #[test]
    fn annotations_do_not_change_the_canonical_text_but_names_do() {
        let plain = json!({"type": "object", "properties": {"title": {"type": "string"}}});
        let told = json!({"title": "T", "properties": {"title": {"type": "string", "description": "d"}}, "type": "object"});
        let other = json!({"type": "object", "properties": {"name": {"type": "string"}}});
        assert_eq!(canonical(&plain), canonical(&told));
        assert_ne!(canonical(&plain), canonical(&other));
    }
}
