//! Calls of tools that come in pieces.

use genai::chat::ToolCall;
use serde_json::{Map, Value as Json};

/// How many calls a model may make at once.
pub(super) const MOST: usize = 32;

/// Calls of tools that come in pieces, as OpenAI and those like it send them. The library would put them together, too; but in a
/// list that is as long as the server says, by a number of up to four thousand millions.
#[derive(Default)]
pub(super) struct Pieces(Vec<ToolCall>);

impl Pieces {
    /// Adds a piece: the beginning of a call, which has a name, or what comes next of one.
    ///
    /// # Errors
    /// When there are too many.
    pub(super) fn add(&mut self, piece: ToolCall) -> Result<(), String> {
        if let Some(place) = self.place(&piece) {
            if let (Json::String(known), Json::String(more)) =
                (&mut self.0[place].fn_arguments, &piece.fn_arguments)
            {
                known.push_str(more);
            }
            return Ok(());
        }
        if piece.fn_name.is_empty() {
            return Ok(());
        }
        if self.0.len() == MOST {
            return Err(too_many());
        }
        let is_known = self.0.iter().any(|call| call.call_id == piece.call_id);
        let call_id = if is_known { format!("{}_{}", piece.call_id, self.0.len()) } else { piece.call_id };
        self.0.push(ToolCall { call_id, ..piece });
        Ok(())
    }

    /// The call that a piece belongs to, if it begins none. Some servers name a call in each of its pieces; some number all of
    /// their calls alike, each of them whole.
    fn place(&self, piece: &ToolCall) -> Option<usize> {
        let same = self.0.iter().rposition(|call| call.call_id == piece.call_id);
        if !piece.fn_name.is_empty() {
            return same.filter(|place| {
                let call = &self.0[*place];
                call.fn_name == piece.fn_name && !is_whole(&call.fn_arguments)
            });
        }
        let numbered = || {
            let number: usize = piece.call_id.strip_prefix("call_")?.parse().ok()?;
            (number < self.0.len()).then_some(number)
        };
        same.or_else(numbered).or_else(|| self.0.len().checked_sub(1))
    }

    pub(super) fn into_calls(self) -> Vec<ToolCall> {
        self.0.into_iter().map(read).collect()
    }
}

/// What is said of more calls than there may be.
pub(super) fn too_many() -> String {
    format!("it calls more than {MOST} agents at once, which is too many")
}

fn is_whole(arguments: &Json) -> bool {
    arguments.as_str().is_some_and(|text| serde_json::from_str::<Json>(text).is_ok())
}

/// A call whose arguments are what they say, or the text if they say nothing.
pub(super) fn read(mut call: ToolCall) -> ToolCall {
    if let Json::String(text) = &call.fn_arguments {
        call.fn_arguments = match text.trim() {
            "" => Json::Object(Map::new()),
            text => serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.to_owned())),
        };
    }
    if call.fn_arguments.is_null() {
        call.fn_arguments = Json::Object(Map::new());
    }
    call
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn calls(pieces: &[(&str, &str, &str)]) -> Vec<(String, String, Json)> {
        let mut all = Pieces::default();
        for (id, name, arguments) in pieces {
            let piece = ToolCall {
                call_id: (*id).to_owned(),
                fn_name: (*name).to_owned(),
                fn_arguments: Json::String((*arguments).to_owned()),
                thought_signatures: None,
            };
            all.add(piece).unwrap();
        }
        all.into_calls().into_iter().map(|call| (call.call_id, call.fn_name, call.fn_arguments)).collect()
    }

    fn call(id: &str, name: &str, arguments: Json) -> (String, String, Json) {
        (id.to_owned(), name.to_owned(), arguments)
    }

    #[test]
    fn pieces_find_their_call() {
        let both = [call("a", "x", json!({"n": 1})), call("b", "y", json!({"m": 2}))];
        let usual = [
            ("a", "x", ""),
            ("call_0", "", "{\"n\":"),
            ("call_0", "", "1}"),
            ("b", "y", ""),
            ("call_1", "", "{\"m\":2}"),
        ];
        assert_eq!(calls(&usual), both);
        let mixed =
            [("a", "x", "{"), ("b", "y", "{"), ("call_0", "", "\"n\":1}"), ("call_1", "", "\"m\":2}")];
        assert_eq!(calls(&mixed), both);
        let named = [("a", "x", "{\"n\""), ("a", "x", ":1}"), ("b", "y", "{\"m\":2}")];
        assert_eq!(calls(&named), both);
    }

    #[test]
    fn calls_that_are_numbered_alike_are_several_and_nonsense_is_kept_as_it_is() {
        let alike = [("call_0", "x", "{\"n\":1}"), ("call_0", "x", "{\"n\":1}"), ("call_0", "y", "oops")];
        let expected = [
            call("call_0", "x", json!({"n": 1})),
            call("call_0_1", "x", json!({"n": 1})),
            call("call_0_2", "y", json!("oops")),
        ];
        assert_eq!(calls(&alike), expected);
        assert_eq!(calls(&[("call_7", "", "{}")]), []);
    }
}
