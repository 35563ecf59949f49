//! Whether values of one schema can ever satisfy another.

use std::fmt;

use serde_json::Value as Json;

/// Why no value of one schema satisfies another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// Where in the value, as a JSON pointer; empty for the value itself.
    pub place: String,
    /// What cannot be.
    pub reason: String,
}

impl fmt::Display for Misfit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place.as_str() {
            "" => f_reason(&self.reason, out),
            place => write!(out, "{}, at `{place}`", self.reason),
        }
    }
}

fn f_reason(reason: &str, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    out.write_str(reason)
}

/// What makes it impossible that a value of `given` satisfies `wanted`. Nothing is reported that is merely unlikely.
pub(crate) fn misfits(given: &Json, wanted: &Json) -> Vec<Misfit> {
    let mut comparison = Comparison { given, wanted, found: Vec::new(), depth: 0 };
    comparison.compare(given, wanted, "");
    comparison.found
}

struct Comparison<'a> {
    given: &'a Json,
    wanted: &'a Json,
    found: Vec<Misfit>,
    depth: usize,
}

/// Schemas may refer to themselves; deeper than this nobody looks.
const DEEPEST: usize = 16;

impl<'a> Comparison<'a> {
    fn compare(&mut self, given: &'a Json, wanted: &'a Json, place: &str) {
        if self.depth >= DEEPEST {
            return;
        }
        self.depth += 1;
        let given = resolve(given, self.given);
        let wanted = resolve(wanted, self.wanted);
        if wanted == &Json::Bool(false) {
            self.tell(place, "nothing is accepted there".to_owned());
        }
        let types_meet = self.types(given, wanted, place);
        if types_meet {
            self.constants(given, wanted, place);
            self.ranges(given, wanted, place);
            self.required(given, wanted, place);
            self.items(given, wanted, place);
        }
        self.depth -= 1;
    }

    fn tell(&mut self, place: &str, reason: String) {
        self.found.push(Misfit { place: place.to_owned(), reason });
    }

    fn types(&mut self, given: &Json, wanted: &Json, place: &str) -> bool {
        let (Some(has), Some(wants)) = (types(given), types(wanted)) else { return true };
        let meets = has.iter().any(|has| wants.iter().any(|wants| meet(has, wants)));
        if !meets {
            self.tell(place, format!("{} is given where {} is wanted", has.join(" or "), wants.join(" or ")));
        }
        meets
    }

    fn constants(&mut self, given: &Json, wanted: &Json, place: &str) {
        if let (Some(has), Some(wants)) = (constants(given), constants(wanted))
            && !has.iter().any(|value| wants.contains(value))
        {
            self.tell(place, format!("{} is given where {} is wanted", listed(&has), listed(&wants)));
        }
    }

    fn ranges(&mut self, given: &Json, wanted: &Json, place: &str) {
        const LIMITS: [(&str, &str); 3] =
            [("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems")];
        for (least, most) in LIMITS {
            for (low, high) in [(given, wanted), (wanted, given)] {
                if let (Some(low), Some(high)) = (low[least].as_f64(), high[most].as_f64())
                    && low > high
                {
                    self.tell(place, format!("{least} {low} and {most} {high} leave nothing between them"));
                }
            }
        }
    }

    fn required(&mut self, given: &'a Json, wanted: &'a Json, place: &str) {
        // What need not be an object may satisfy the other schema as something else.
        if types(given).is_none_or(|types| types != ["object"]) {
            return;
        }
        let required = wanted["required"].as_array().into_iter().flatten().filter_map(Json::as_str);
        for name in required {
            let property = &given["properties"][name];
            let closed = given["additionalProperties"] == false && given.get("patternProperties").is_none();
            if property.is_null() && closed {
                self.tell(place, format!("`{name}` is required but can never be there"));
            } else if !property.is_null() {
                self.compare(property, &wanted["properties"][name], &format!("{place}/{name}"));
            }
        }
    }

    fn items(&mut self, given: &'a Json, wanted: &'a Json, place: &str) {
        let never_empty = given["minItems"].as_u64().is_some_and(|least| least > 0);
        if never_empty && given["items"].is_object() && wanted["items"].is_object() {
            self.compare(&given["items"], &wanted["items"], &format!("{place}/0"));
        }
    }
}

/// Follows references within the document.
fn resolve<'a>(mut schema: &'a Json, root: &'a Json) -> &'a Json {
    for _ in 0..DEEPEST {
        let target = schema["$ref"].as_str().and_then(|target| target.strip_prefix('#'));
        match target.and_then(|pointer| root.pointer(pointer)) {
            Some(next) => schema = next,
            None => break,
        }
    }
    schema
}

/// The types that a schema allows, if it says so.
fn types(schema: &Json) -> Option<Vec<&str>> {
    match &schema["type"] {
        Json::String(one) => Some(vec![one]),
        Json::Array(several) => Some(several.iter().filter_map(Json::as_str).collect()),
        _ => None,
    }
}

fn meet(has: &str, wants: &str) -> bool {
    let numbers = ["integer", "number"];
    has == wants || (numbers.contains(&has) && numbers.contains(&wants))
}

/// The values that a schema allows, if it counts them.
fn constants(schema: &Json) -> Option<Vec<&Json>> {
    match (&schema["const"], &schema["enum"]) {
        (_, Json::Array(values)) => Some(values.iter().collect()),
        (Json::Null, _) => None,
        (value, _) => Some(vec![value]),
    }
}

fn listed(values: &[&Json]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(given: &Json, wanted: &Json) -> Vec<String> {
        misfits(given, wanted).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_can_never_fit_is_told() {
        let plan = json!({"type": "object", "properties": {"plan": {"type": "string"}}, "additionalProperties": false});
        let wants = json!({"type": "object", "required": ["objective"]});
        assert_eq!(told(&plan, &wants), ["`objective` is required but can never be there"]);
        assert_eq!(told(&json!({"type": "string"}), &wants), ["string is given where object is wanted"]);
        let nested =
            json!({"type": "object", "required": ["plan"], "properties": {"plan": {"type": "integer"}}});
        assert_eq!(told(&plan, &nested), ["string is given where integer is wanted, at `/plan`"]);
        assert_eq!(
            told(&json!({"enum": ["a"]}), &json!({"const": "b"})),
            ["\"a\" is given where \"b\" is wanted"]
        );
        assert_eq!(
            told(&json!({"minimum": 5}), &json!({"maximum": 3})),
            ["minimum 5 and maximum 3 leave nothing between them"]
        );
    }

    #[test]
    fn what_may_fit_is_not() {
        let open = json!({"type": "object", "properties": {"plan": {"type": "string"}}});
        assert!(told(&open, &json!({"type": "object", "required": ["objective"]})).is_empty());
        assert!(told(&json!({}), &json!({"type": "string"})).is_empty());
        assert!(told(&json!({"type": "integer"}), &json!({"type": "number"})).is_empty());
        assert!(told(&json!({"type": ["string", "null"]}), &json!({"type": "string"})).is_empty());
    }

    #[test]
    fn schemas_that_refer_to_themselves_end() {
        let list = json!({
            "$ref": "#/$defs/l",
            "$defs": {"l": {"type": "object", "required": ["next"], "properties": {"next": {"$ref": "#/$defs/l"}}}},
        });
        assert!(told(&list, &list).is_empty());
    }
}
