//! JSON Schema literals, checked while the macro runs.

use serde_json::Value;

use crate::errors::nearest_or_all;
use crate::json_position::{Position, position};

/// Checks that a text is a JSON Schema: JSON, correct by the meta-schema, with references and patterns that resolve.
///
/// # Errors
/// Says what is wrong, with line and column in the text.
pub(crate) fn check_schema(text: &str) -> Result<(), String> {
    let schema: Value = serde_json::from_str(text).map_err(|error| bad_json(&error))?;
    if !matches!(schema, Value::Object(_) | Value::Bool(_)) {
        return Err("a JSON Schema is an object, like {\"type\": \"object\"}".to_owned());
    }
    if let Err(error) = jsonschema::meta::validate(&schema) {
        let place = error.instance_path().to_string();
        let problem = bad_type(&place, error.instance()).unwrap_or_else(|| error.to_string());
        return Err(bad_schema(text, &place, &problem));
    }
    jsonschema::validator_for(&schema)
        .map(drop)
        .map_err(|error| bad_schema(text, &error.instance_path().to_string(), &error.to_string()))
}

/// The commonest mistake, in plain words: a type that there is not.
fn bad_type(place: &str, value: &Value) -> Option<String> {
    const TYPES: [&str; 7] = ["string", "number", "integer", "object", "array", "boolean", "null"];
    let name = value.as_str().filter(|name| place.ends_with("/type") && !TYPES.contains(name))?;
    Some(format!("there is no type `{name}`{}", nearest_or_all(name, TYPES.into_iter())))
}

fn bad_json(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let problem = message.rsplit_once(" at line").map_or(message.as_str(), |(problem, _)| problem);
    let hint = match message.starts_with("EOF") {
        true => "; does the text hold `\"#`, which ends an r#\"…\"#? write r##\"…\"## then",
        false => "",
    };
    let place = Position { line: error.line(), column: error.column() };
    format!("this is not JSON: {problem}, at {place} of the text{hint}")
}

fn bad_schema(text: &str, pointer: &str, problem: &str) -> String {
    let place = match position(text, pointer) {
        Some(place) if !pointer.is_empty() => format!(", at `{pointer}`, {place} of the text"),
        _ => String::new(),
    };
    format!("this is not a JSON Schema: {problem}{place}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::check_schema;

    #[test]
    fn good_schemas_pass() {
        for good in [
            "{}",
            "true",
            r#"{"type": "object", "required": ["a"]}"#,
            r##"{"$ref": "#/$defs/a", "$defs": {"a": {}}}"##,
        ] {
            check_schema(good).unwrap();
        }
    }

    #[test]
    fn bad_ones_are_told_with_their_place() {
        let told = |text: &str| check_schema(text).unwrap_err();
        assert!(told("{\n  \"type\": \n}").contains("line 3, column 1"), "{}", told("{\n  \"type\": \n}"));
        let wrong_type = told("{\n  \"properties\": {\"a\": {\"type\": \"objekt\"}}}");
        assert!(wrong_type.contains("line 2, column 32"), "{wrong_type}");
        assert!(told(r##"{"$ref": "#/$defs/none"}"##).contains("none"));
        assert!(told(r#"{"pattern": "("}"#).contains("pattern") || !told(r#"{"pattern": "("}"#).is_empty());
        assert!(told("[]").contains("an object"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,80}") {
            let _ = check_schema(&text);
        }

        #[test]
        fn no_json_makes_it_panic(text in json(4)) {
            let _ = check_schema(&text);
        }
    }

    fn json(depth: u32) -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            Just("\"string\"".to_owned()),
            Just("\"#/$defs/a\"".to_owned()),
            Just("\"[\"".to_owned()),
            any::<i64>().prop_map(|number| number.to_string()),
        ];
        leaf.prop_recursive(depth, 40, 4, |inner| {
            let key = prop_oneof![
                Just("type"),
                Just("properties"),
                Just("$ref"),
                Just("$defs"),
                Just("a"),
                Just("items"),
                Just("pattern"),
                Just("anyOf"),
                Just("required"),
                Just("minimum"),
                Just("$schema"),
                Just("$id"),
            ];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
                prop::collection::vec((key, inner), 0..4).prop_map(|members| {
                    let members: Vec<String> =
                        members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
                    format!("{{{}}}", members.join(","))
                }),
            ]
        })
    }
}
