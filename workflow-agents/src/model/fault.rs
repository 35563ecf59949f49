//! What a failure of the library means.

use std::error::Error;

use genai::Error as Genai;
use serde_json::Value as Json;
use workflow_runtime::AgentError;

use super::secret::Key;
use crate::web::failure;

/// How much of what was answered a failure tells.
const TOLD: usize = 1000;

/// What providers call errors that no other attempt will mend, where they tell them within an answer.
const LASTING: [&str; 8] = [
    "authentication",
    "billing",
    "insufficient_quota",
    "invalid",
    "not_found",
    "permission",
    "too_large",
    "unauthenticated",
];

/// What a failure means: whether another attempt may help, and when. No key is in it.
pub(super) fn fault(error: Genai, key: &Key) -> AgentError {
    match error {
        Genai::WebStream { error, .. } => match error.downcast::<Genai>() {
            Ok(inner) => fault(*inner, key),
            Err(other) => AgentError::retry(told(key, format!("the connection failed: {}", chain(&*other)))),
        },
        Genai::HttpError { status, headers, body, .. } => {
            let said = told(key, body);
            failure(status, &headers, format!("it answered {status}{}", after(": ", said.trim())))
        }
        Genai::ChatResponse { body, .. } => said(&body, key),
        error @ (Genai::StreamParse { .. }
        | Genai::JsonValueExt(_)
        | Genai::SerdeJson(_)
        | Genai::InvalidJsonResponseElement { .. }
        | Genai::NoChatResponse { .. }) => {
            AgentError::retry(told(key, format!("it answered what nobody can read: {error}")))
        }
        error => AgentError::permanent(told(key, error.to_string())),
    }
}

/// An error that was told within an answer.
fn said(body: &Json, key: &Key) -> AgentError {
    let kind = ["/error/type", "/error/status", "/type", "/status"].iter().find_map(|place| {
        let kind = body.pointer(place)?.as_str()?;
        (kind != "error").then(|| kind.to_ascii_lowercase())
    });
    let lasts = kind.is_some_and(|kind| LASTING.iter().any(|known| kind.contains(known)));
    let text = told(key, format!("it broke off with an error: {body}"));
    if lasts { AgentError::permanent(text) } else { AgentError::retry(text) }
}

/// A text as others may read it.
fn told(key: &Key, text: String) -> String {
    let mut text = key.strip(text);
    if text.len() > TOLD {
        text.truncate(text.floor_char_boundary(TOLD));
        text.push('…');
    }
    text
}

fn after(before: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{before}{text}") }
}

/// An error with all its causes.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::Model;

    #[test]
    fn errors_within_an_answer_last_or_pass() {
        let key = Key::of(&Model::compatible("http://x/", "x")).unwrap();
        for (body, lasts) in [
            (json!({"type": "error", "error": {"type": "overloaded_error"}}), false),
            (json!({"type": "error", "error": {"type": "invalid_request_error"}}), true),
            (json!({"error": {"code": 503, "status": "UNAVAILABLE"}}), false),
            (json!({"error": {"code": 403, "status": "PERMISSION_DENIED"}}), true),
            (json!({"message": "x", "type": "server_error"}), false),
            (json!({"message": "x", "type": "insufficient_quota"}), true),
            (json!("nonsense"), false),
        ] {
            assert_eq!(said(&body, &key).is_permanent(), lasts, "{body}");
        }
    }
}
