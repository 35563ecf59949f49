//! What schemas mark as secret: as `writeOnly`, or as of the format `password`.

use std::collections::HashMap;

use serde_json::Value as Json;

/// What stands in the place of a secret.
pub(crate) const HIDDEN: &str = "•••";

/// How deep schemas refer to one another without going into a value.
const DEEP: usize = 64;

/// How long a text must be that is looked for in others: what is shorter is in too many of them.
const TELLING: usize = 4;

/// The schemas in which something is marked as secret, by what takes and what gives it.
#[derive(Debug, Default)]
pub(crate) struct Marked {
    pub(crate) inputs: HashMap<String, Json>,
    pub(crate) outputs: HashMap<String, Json>,
}

impl Marked {
    /// What is marked in these: names, each with the schema of what is taken and of what is given.
    pub(crate) fn of(schemas: impl IntoIterator<Item = (String, [Json; 2])>) -> Self {
        let mut marked = Self::default();
        for (name, [input, output]) in schemas {
            if is_marked(&input) {
                marked.inputs.insert(name.clone(), input);
            }
            if is_marked(&output) {
                marked.outputs.insert(name, output);
            }
        }
        marked
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.inputs.is_empty() && self.outputs.is_empty()
    }
}

fn says_secret(schema: &Json) -> bool {
    schema["writeOnly"] == true || schema["format"] == "password"
}

fn is_marked(schema: &Json) -> bool {
    says_secret(schema)
        || match schema {
            Json::Object(members) => members.values().any(is_marked),
            Json::Array(items) => items.iter().any(is_marked),
            _ => false,
        }
}

/// Hides what a schema marks in a value, and collects the texts that it hides.
pub(crate) fn hide(root: &Json, schema: &Json, value: &mut Json, texts: &mut Vec<String>, depth: usize) {
    if depth > DEEP {
        *value = HIDDEN.into();
        return;
    }
    if says_secret(schema) {
        collect(value, texts);
        if !value.is_null() {
            *value = HIDDEN.into();
        }
        return;
    }
    let place = schema["$ref"].as_str().and_then(|place| place.strip_prefix('#'));
    if let Some(target) = place.and_then(|place| root.pointer(place)) {
        hide(root, target, value, texts, depth + 1);
    }
    for choice in ["anyOf", "oneOf", "allOf"].iter().filter_map(|key| schema[key].as_array()).flatten() {
        hide(root, choice, value, texts, depth + 1);
    }
    match value {
        Json::Object(members) => {
            for (name, member) in members {
                let own = schema["properties"].get(name).unwrap_or(&schema["additionalProperties"]);
                hide(root, own, member, texts, 0);
            }
        }
        Json::Array(items) => {
            for (place, item) in items.iter_mut().enumerate() {
                let own = schema["prefixItems"].get(place).unwrap_or(&schema["items"]);
                hide(root, own, item, texts, 0);
            }
        }
        _ => {}
    }
}

fn collect(value: &Json, texts: &mut Vec<String>) {
    match value {
        Json::String(text) if text.len() >= TELLING && text != HIDDEN => texts.push(text.clone()),
        Json::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Json::Object(members) => members.values().for_each(|member| collect(member, texts)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_marked_is_hidden_wherever_it_stands() {
        let schema = json!({
            "properties": {
                "user": { "type": "string" },
                "password": { "type": "string", "writeOnly": true },
                "more": { "type": "array", "items": { "$ref": "#/$defs/Key" } },
                "maybe": { "anyOf": [{ "$ref": "#/$defs/Key" }, { "type": "null" }] },
                "by_name": { "additionalProperties": { "$ref": "#/$defs/Key" } },
            },
            "$defs": { "Key": { "properties": { "id": {}, "key": { "format": "password" } } } },
        });
        let mut value = json!({
            "user": "ann", "password": "hunter22",
            "more": [{ "id": 1, "key": "k-1234" }],
            "maybe": { "id": 2, "key": 99 },
            "by_name": { "a": { "key": ["deep", null] } },
        });
        let mut texts = Vec::new();
        assert!(is_marked(&schema));
        hide(&schema, &schema, &mut value, &mut texts, 0);
        let expected = json!({
            "user": "ann", "password": HIDDEN,
            "more": [{ "id": 1, "key": HIDDEN }],
            "maybe": { "id": 2, "key": HIDDEN },
            "by_name": { "a": { "key": HIDDEN } },
        });
        assert_eq!(value, expected);
        texts.sort();
        assert_eq!(texts, ["deep", "hunter22", "k-1234"]);
    }

    #[test]
    fn schemas_that_refer_to_themselves_come_to_an_end() {
        let schema =
            json!({ "$ref": "#/$defs/A", "$defs": { "A": { "$ref": "#/$defs/A", "writeOnly": false } } });
        let mut value = json!({ "a": "b" });
        hide(&schema, &schema, &mut value, &mut Vec::new(), 0);
        assert_eq!(value, HIDDEN);
    }
}
