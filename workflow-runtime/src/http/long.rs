//! Long values, of which a page shows the beginning only.

use serde_json::{Value as Json, json};

/// How long the text of a value may be that is shown as a whole, and how much is shown of what is longer.
const WHOLE: usize = 64 << 10;
const START: usize = 2 << 10;

/// The members that hold what jobs were given and gave, wherever they stand.
const VALUES: [&str; 7] = ["input", "output", "saved", "value", "items", "first", "message"];

/// Puts `{"$cut": {"bytes": …, "start": "…"}}` in the place of values whose texts are long.
pub(super) fn shorten(document: &mut Json) {
    match document {
        Json::Object(members) => {
            for (name, member) in members {
                match VALUES.contains(&name.as_str()).then(|| cut(member)).flatten() {
                    Some(cut) => *member = cut,
                    None => shorten(member),
                }
            }
        }
        Json::Array(items) => items.iter_mut().for_each(shorten),
        _ => {}
    }
}

fn cut(value: &Json) -> Option<Json> {
    if is_short(value, &mut WHOLE.clone()) {
        return None;
    }
    let text = value.to_string();
    let end = (0..=START).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    (text.len() > WHOLE).then(|| json!({ "$cut": { "bytes": text.len(), "start": &text[..end] } }))
}

/// Whether a value is surely short enough; most are, and need not be written to know.
fn is_short(value: &Json, left: &mut usize) -> bool {
    let size = match value {
        // A sign takes six at most.
        Json::String(text) => text.len() * 6 + 2,
        _ => 32,
    };
    let Some(rest) = left.checked_sub(size) else { return false };
    *left = rest;
    match value {
        Json::Array(items) => items.iter().all(|item| is_short(item, left)),
        Json::Object(members) => members.iter().all(|(name, member)| {
            left.checked_sub(name.len() * 6 + 3).is_some_and(|rest| {
                *left = rest;
                is_short(member, left)
            })
        }),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_long_is_cut_and_says_so() {
        let long = "ü".repeat(100_000);
        let mut document =
            json!({ "steps": [{ "output": { "text": long }, "path": "a", "input": "short" }] });
        shorten(&mut document);
        let step = &document["steps"][0];
        assert_eq!(step["output"]["$cut"]["bytes"], 200_011);
        assert!(
            step["output"]["$cut"]["start"].as_str().is_some_and(|start| start.starts_with("{\"text\":\"ü"))
        );
        assert_eq!((&step["path"], &step["input"]), (&json!("a"), &json!("short")));
    }

    #[test]
    fn what_may_be_long_and_is_not_stays() {
        let mut document = json!({ "output": "a".repeat(WHOLE / 2) });
        let before = document.clone();
        shorten(&mut document);
        assert_eq!(document, before);
    }
}
