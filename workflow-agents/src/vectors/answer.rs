//! What a server answers.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::made::Batch;

/// How much of an answer that is none is told.
const TOLD: usize = 200;

/// What is wrong with an answer, and whether another attempt may help.
type Wrong = (String, bool);

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    data: Vec<Item<'a>>,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Item<'a> {
    index: Option<usize>,
    #[serde(borrow)]
    embedding: &'a RawValue,
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: Option<u64>,
    #[serde(default)]
    total_tokens: Option<u64>,
}

/// The vectors of so many texts, in the order of the texts, and how many tokens were read; `before` is how many texts there were
/// before these.
pub(super) fn read(body: &[u8], texts: usize, before: usize) -> Result<Batch, Wrong> {
    let answer: Answer<'_> = serde_json::from_slice(body).map_err(|error| unreadable(body, &error))?;
    if answer.data.len() != texts {
        let told = format!("it answered {} vectors for {texts} texts", answer.data.len());
        return Err((told, false));
    }
    let mut places: Vec<Option<Vec<f32>>> = vec![None; texts];
    for (order, item) in answer.data.iter().enumerate() {
        // Some servers leave it out, and keep the order.
        let index = item.index.unwrap_or(order);
        let number = before + index + 1;
        let Some(place) = places.get_mut(index) else {
            return Err((format!("it answered a vector of index {index}, of {texts} texts"), false));
        };
        if place.is_some() {
            return Err((format!("it answered two vectors of text {number}"), false));
        }
        *place = Some(vector(item.embedding, number)?);
    }
    let tokens = answer.usage.and_then(|usage| usage.prompt_tokens.or(usage.total_tokens));
    Ok((places.into_iter().flatten().collect(), tokens.unwrap_or(0)))
}

fn vector(raw: &RawValue, number: usize) -> Result<Vec<f32>, Wrong> {
    serde_json::from_str(raw.get())
        .map_err(|error| (format!("the vector of text {number} is no list of numbers: {error}"), false))
}

fn unreadable(body: &[u8], error: &serde_json::Error) -> Wrong {
    let mut text = String::from_utf8_lossy(body).into_owned();
    if text.len() > TOLD {
        text.truncate(text.floor_char_boundary(TOLD));
        text.push('…');
    }
    (format!("it answered what nobody can read: {error}: {text}"), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_put_in_the_order_of_their_texts() {
        let body = br#"{"data": [{"index": 1, "embedding": [3, 4.5]}, {"index": 0, "embedding": [1, -2e-3]}],
            "usage": {"prompt_tokens": 7, "total_tokens": 7}, "object": "list"}"#;
        assert_eq!(read(body, 2, 0), Ok((vec![vec![1.0, -0.002], vec![3.0, 4.5]], 7)));
        let body = br#"{"data": [{"embedding": [1]}, {"embedding": [2]}]}"#;
        assert_eq!(read(body, 2, 0), Ok((vec![vec![1.0], vec![2.0]], 0)));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (body, told, may_pass) in [
            ("{\"data\": [{\"index\": 0, \"embedding\": [1]", "nobody can read", true),
            ("{\"error\": {\"message\": \"busy\"}}", "busy", true),
            ("{\"data\": []}", "it answered 0 vectors for 2 texts", false),
            (
                "{\"data\": [{\"index\": 0, \"embedding\": [1]}, {\"index\": 2, \"embedding\": [1]}]}",
                "index 2",
                false,
            ),
            (
                "{\"data\": [{\"index\": 1, \"embedding\": [1]}, {\"index\": 1, \"embedding\": [1]}]}",
                "two vectors of text 12",
                false,
            ),
            (
                "{\"data\": [{\"index\": 0, \"embedding\": [1, \"NaN\"]}, {\"index\": 1, \"embedding\": [1]}]}",
                "the vector of text 11 is no list of numbers",
                false,
            ),
            (
                "{\"data\": [{\"index\": 0, \"embedding\": [1]}, {\"index\": 1, \"embedding\": [null]}]}",
                "the vector of text 12 is no list of numbers",
                false,
            ),
        ] {
            let (why, passes) = read(body.as_bytes(), 2, 10).expect_err(told);
            assert!(why.contains(told) && passes == may_pass, "{why}");
        }
    }
}
