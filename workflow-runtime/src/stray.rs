//! What is given and nobody takes: members of a value that its schema does not know, and lets pass.

use std::fmt;

use serde_json::Value as Json;

/// How deep schemas may refer to one another without going into a value.
const DEEP: usize = 64;

/// How many are told of at most.
const MOST: usize = 10;

/// A member of a value that nobody takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stray {
    /// Where it stands: `order.articles[1].colour`.
    place: String,
    /// The name that is meant, if one is like it.
    nearest: Option<String>,
}

impl Stray {
    /// What is said of it, in what something takes: the input of `pay`.
    pub(crate) fn warning(&self, of: impl fmt::Display) -> String {
        let cure = match &self.nearest {
            Some(nearest) => format!("; did you mean `{nearest}`?"),
            None => String::new(),
        };
        format!("`{}` is no field of {of}{cure}", self.place)
    }
}

/// The members of a value that a schema lets pass without knowing them. Where any name may stand, none is a stray.
pub(crate) fn strays(schema: &Json, value: &Json) -> Vec<Stray> {
    let mut search = Search { root: schema, found: Vec::new() };
    search.look(&[schema], value, "");
    search.found
}

struct Search<'a> {
    root: &'a Json,
    found: Vec<Stray>,
}

impl<'a> Search<'a> {
    fn look(&mut self, schemas: &[&'a Json], value: &Json, place: &str) {
        if self.found.len() >= MOST {
            return;
        }
        let mut choices = Vec::new();
        for schema in schemas {
            self.choices(schema, value, &mut choices, 0);
        }
        match value {
            Json::Object(members) => {
                for (name, member) in members {
                    self.look_at_member(&choices, value, name, member, place);
                }
            }
            Json::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let of_item = |choice: &&'a Json| item_of(choice, index);
                    let inner: Vec<&Json> = choices.iter().filter_map(of_item).collect();
                    self.look(&inner, item, &format!("{place}[{index}]"));
                }
            }
            _ => {}
        }
    }

    fn look_at_member(&mut self, choices: &[&'a Json], whole: &Json, name: &str, member: &Json, place: &str) {
        let place = if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
        let inner: Vec<&Json> = choices.iter().filter_map(|choice| member_of(choice, name)).collect();
        if !inner.is_empty() {
            return self.look(&inner, member, &place);
        }
        if choices.is_empty() || choices.iter().any(|choice| takes_any_name(choice)) {
            return;
        }
        if self.found.len() < MOST {
            let names = choices.iter().filter_map(|choice| choice["properties"].as_object());
            let free = names.flat_map(serde_json::Map::keys).map(String::as_str);
            // What is given already is not what was meant.
            let free = free.filter(|name| whole.get(name).is_none());
            let nearest = workflow_graph::nearest(name, free).map(str::to_owned);
            self.found.push(Stray { place, nearest });
        }
    }

    /// The schemas that may be meant for a value, references followed and choices taken apart.
    fn choices(&self, schema: &'a Json, value: &Json, into: &mut Vec<&'a Json>, depth: usize) {
        if depth > DEEP || is_another(schema, value) {
            return;
        }
        let target = schema["$ref"].as_str().and_then(|place| place.strip_prefix('#'));
        if let Some(target) = target.and_then(|place| self.root.pointer(place)) {
            self.choices(target, value, into, depth + 1);
        }
        let parts = ["anyOf", "oneOf", "allOf"].iter().filter_map(|key| schema[key].as_array());
        let mut is_made_of_parts = target.is_some();
        for part in parts.flatten() {
            is_made_of_parts = true;
            self.choices(part, value, into, depth + 1);
        }
        if !is_made_of_parts || !schema["properties"].is_null() {
            into.push(schema);
        }
    }
}

/// Whether a value is not what a schema is meant for: it is of another type, or names another variant.
fn is_another(schema: &Json, value: &Json) -> bool {
    let kind = match value {
        Json::Object(_) => "object",
        Json::Array(_) => "array",
        _ => return false,
    };
    let is_of_type = match &schema["type"] {
        Json::Array(kinds) => kinds.iter().any(|one| one == kind),
        Json::Null => true,
        one => one == kind,
    };
    let constants = schema["properties"].as_object().into_iter().flatten();
    let mut constants = constants.filter_map(|(name, property)| Some((name, property.get("const")?)));
    !is_of_type || constants.any(|(name, constant)| value.get(name).is_some_and(|own| own != constant))
}

fn member_of<'a>(schema: &'a Json, name: &str) -> Option<&'a Json> {
    let named = schema["properties"].get(name);
    named.or_else(|| schema.get("additionalProperties").filter(|others| others.is_object()))
}

fn item_of(schema: &Json, index: usize) -> Option<&Json> {
    schema["prefixItems"].get(index).or_else(|| schema.get("items"))
}

/// Whether names may stand in an object that its schema does not list. What it forbids is an error, not a stray.
fn takes_any_name(schema: &Json) -> bool {
    !schema["properties"].is_object()
        || ["additionalProperties", "patternProperties", "unevaluatedProperties"]
            .iter()
            .any(|key| schema.get(key).is_some())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use schemars::JsonSchema;
    use serde_json::json;

    use super::*;
    use crate::data::schema_of;

    fn told<T: JsonSchema>(value: Json) -> Vec<String> {
        strays(&schema_of::<T>(), &value).iter().map(|stray| stray.warning("it")).collect()
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is of interest")]
    struct Order {
        number: u32,
        articles: Vec<Article>,
        address: Option<Address>,
        notes: BTreeMap<String, Article>,
        free: Json,
        paid: Paid,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is of interest")]
    struct Article {
        name: String,
        parts: Vec<Article>,
    }

    #[derive(JsonSchema)]
    #[schemars(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its schema is of interest")]
    struct Address {
        street: String,
    }

    #[derive(JsonSchema)]
    #[schemars(tag = "by", rename_all = "snake_case")]
    #[expect(dead_code, reason = "only its schema is of interest")]
    enum Paid {
        Card { number: String },
        Transfer { account: String },
    }

    #[test]
    fn what_nobody_takes_is_told_with_its_place_and_what_was_meant() {
        let given = json!({
            "articles": [{ "name": "hat" }, { "name": "hat", "parts": [{ "nme": "brim" }], "zzz": 1 }],
            "nmber": 1,
            "notes": { "any": { "names": "x" } },
            "paid": { "by": "card", "account": "1" },
        });
        assert_eq!(
            told::<Order>(given),
            [
                "`articles[1].parts[0].nme` is no field of it; did you mean `name`?",
                "`articles[1].zzz` is no field of it",
                "`nmber` is no field of it; did you mean `number`?",
                "`notes.any.names` is no field of it; did you mean `name`?",
                "`paid.account` is no field of it",
            ]
        );
    }

    #[test]
    fn where_any_name_may_stand_none_is_told() {
        let given = json!({
            "number": 1,
            "address": { "stret": "is refused by the schema" },
            "free": { "as": { "air": 1 } },
            "notes": { "nmber": { "name": "x" } },
            "paid": { "by": "nobody", "x": 1 },
        });
        assert_eq!(told::<Order>(given), [""; 0]);
        assert_eq!(told::<Option<Address>>(json!({ "stret": 1 })), [""; 0]);
        assert_eq!(strays(&json!(true), &json!({ "a": 1 })), []);
        let round = json!({ "$ref": "#/$defs/a", "$defs": { "a": { "$ref": "#/$defs/a" } } });
        assert_eq!(strays(&round, &json!({ "a": 1 })), []);
    }

    #[test]
    fn there_is_an_end_to_what_is_told() {
        let many: Json =
            (0..1000).map(|place| (format!("{place}"), Json::Null)).collect::<serde_json::Map<_, _>>().into();
        assert_eq!(told::<Article>(many).len(), MOST);
    }
}
