//! Values that are no objects, in objects: tools take and give objects only.

use serde_json::{Map, Value as Json, json};

/// How a value is given to those who know objects only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrap {
    /// It is an object itself.
    Bare,
    /// It is the member of this name.
    In(&'static str),
}

impl Wrap {
    /// How a schema's values are given, and the schema of what is given.
    pub(super) fn of(schema: Json, name: &'static str) -> (Self, Map<String, Json>) {
        match schema {
            Json::Object(schema) if schema.get("type") == Some(&json!("object")) => (Self::Bare, schema),
            schema => (Self::In(name), wrapped(schema, name)),
        }
    }

    pub(super) fn put(self, value: Json) -> Json {
        match self {
            Self::Bare => value,
            Self::In(name) => json!({ name: value }),
        }
    }

    /// The value that was given in an object.
    pub(super) fn take(self, mut given: Map<String, Json>) -> Result<Json, String> {
        let Self::In(name) = self else { return Ok(Json::Object(given)) };
        let value = given.remove(name).ok_or_else(|| format!("the argument `{name}` is missing"))?;
        match given.keys().next() {
            None => Ok(value),
            Some(other) => Err(format!("there is no argument `{other}`: `{name}` is all that is taken")),
        }
    }
}

/// The schema of an object that holds a value of another schema, whose definitions stay at the top, where it looks for them.
fn wrapped(mut schema: Json, name: &'static str) -> Map<String, Json> {
    let mut whole = Map::new();
    for kept in ["$schema", "$defs", "definitions"] {
        if let Some(found) = schema.as_object_mut().and_then(|schema| schema.remove(kept)) {
            whole.insert(kept.to_owned(), found);
        }
    }
    whole.insert("type".to_owned(), json!("object"));
    whole.insert("properties".to_owned(), json!({ name: schema }));
    whole.insert("required".to_owned(), json!([name]));
    whole.insert("additionalProperties".to_owned(), json!(false));
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schema;

    #[test]
    fn an_object_stays_as_it_is() {
        let schema = json!({ "type": "object", "properties": { "a": { "type": "string" } } });
        let (wrap, told) = Wrap::of(schema.clone(), "input");
        assert_eq!((wrap, Json::Object(told)), (Wrap::Bare, schema));
        assert_eq!(wrap.take(Map::new()), Ok(json!({})));
        assert_eq!(wrap.put(json!({ "a": 1 })), json!({ "a": 1 }));
    }

    #[test]
    fn another_value_is_a_member_and_its_definitions_are_found() {
        let schema = json!({
            "$defs": { "Word": { "type": "string", "minLength": 2 } },
            "oneOf": [{ "$ref": "#/$defs/Word" }, { "type": "null" }],
        });
        let (wrap, told) = Wrap::of(schema, "input");
        let schema = Schema::new(Json::Object(told)).expect("it is a schema");
        for (value, is_right) in [(json!("word"), true), (json!(null), true), (json!("w"), false)] {
            assert_eq!(schema.check(&wrap.put(value.clone())).is_ok(), is_right, "{value}");
        }
        let Json::Object(given) = wrap.put(json!("word")) else { panic!("it is no object") };
        assert_eq!(wrap.take(given), Ok(json!("word")));
        assert_eq!(wrap.take(Map::new()), Err("the argument `input` is missing".to_owned()));
        let Json::Object(more) = json!({ "input": 1, "other": 2 }) else { panic!("it is no object") };
        assert!(wrap.take(more).is_err_and(|error| error.contains("`other`")));
    }
}
