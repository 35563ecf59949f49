//! What models say, in the languages of their providers.

use serde_json::{Value, json};
use workflow_agents::model::{Model, Provider};

use crate::server::Server;

/// A variable that every test process of cargo has, as the one with the key; and what is in it.
pub(crate) const VARIABLE: &str = "CARGO_PKG_DESCRIPTION";
pub(crate) const KEY: &str = env!("CARGO_PKG_DESCRIPTION");

/// The languages.
pub(crate) const ALL: [Provider; 4] =
    [Provider::Anthropic, Provider::Gemini, Provider::OpenAi, Provider::Compatible];

/// How an answer begins that is a stream.
pub(crate) const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

/// A model of a server: a million tokens cost a hundred cents to read and a thousand to write, ten if read before.
pub(crate) fn model(provider: Provider, server: &Server) -> Model {
    Model::new(provider, "m-max").endpoint(server.url("/v1")).key(VARIABLE).cents(100.0, 1000.0).cached(10.0)
}

/// A whole answer: parts of a text. It has read 1000 tokens, 400 of them before, and written 50.
pub(crate) fn says(provider: Provider, parts: &[&str]) -> String {
    let stop = match provider {
        Provider::Anthropic => "end_turn",
        Provider::Gemini => "STOP",
        _ => "stop",
    };
    format!("{HEAD}{}{}", beginning(provider, parts), end(provider, stop))
}

/// What comes of an answer before its end.
pub(crate) fn beginning(provider: Provider, parts: &[&str]) -> String {
    match provider {
        Provider::Anthropic => {
            let texts: String =
                parts.iter().map(|part| claude_delta(&json!({"type": "text_delta", "text": part}))).collect();
            claude_start() + &claude_block(&json!({"type": "text", "text": ""})) + &texts + &claude_stop()
        }
        Provider::Gemini => parts.iter().map(|part| gemini_part(&json!({"text": part}))).collect(),
        _ => parts.iter().map(|part| openai_delta(&json!({"content": part}))).collect(),
    }
}

/// How an answer ends, and why.
pub(crate) fn end(provider: Provider, stop: &str) -> String {
    match provider {
        Provider::Anthropic => {
            let delta = json!({"type": "message_delta", "delta": {"stop_reason": stop}, "usage": {"output_tokens": 50}});
            named("message_delta", &delta) + &named("message_stop", &json!({"type": "message_stop"}))
        }
        Provider::Gemini => {
            let usage = json!({"promptTokenCount": 1000, "cachedContentTokenCount": 400, "candidatesTokenCount": 30,
                "thoughtsTokenCount": 20, "totalTokenCount": 1050});
            data(
                &json!({"candidates": [{"content": {"parts": [{"text": ""}]}, "finishReason": stop}], "usageMetadata": usage}),
            )
        }
        _ => {
            let usage = json!({"prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1050,
                "prompt_tokens_details": {"cached_tokens": 400}});
            data(&json!({"choices": [{"index": 0, "delta": {}, "finish_reason": stop}]}))
                + &data(&json!({"choices": [], "usage": usage}))
                + "data: [DONE]\n\n"
        }
    }
}

/// An answer that calls tools: of each its name and what it is given.
pub(crate) fn calls(provider: Provider, calls: &[(&str, Value)]) -> String {
    let each = calls.iter().enumerate();
    let (body, stop): (String, _) = match provider {
        Provider::Anthropic => {
            let blocks = each.map(|(number, (name, given))| {
                let block =
                    json!({"type": "tool_use", "id": format!("id{number}"), "name": name, "input": {}});
                let text = given.to_string();
                let halves = text.split_at(text.len() / 2);
                let delta =
                    |half: &str| claude_delta(&json!({"type": "input_json_delta", "partial_json": half}));
                claude_block(&block) + &delta(halves.0) + &delta(halves.1) + &claude_stop()
            });
            (claude_start() + &blocks.collect::<String>(), "tool_use")
        }
        Provider::Gemini => {
            let part = |(name, given): &(&str, Value)| {
                gemini_part(
                    &json!({"functionCall": {"name": name, "args": given}, "thoughtSignature": "sig"}),
                )
            };
            (calls.iter().map(part).collect(), "STOP")
        }
        _ => {
            let pieces = each.map(|(number, (name, given))| {
                let text = given.to_string();
                let halves = text.split_at(text.len() / 2);
                let piece = |call: Value| openai_delta(&json!({"tool_calls": [call]}));
                piece(json!({"index": number, "id": format!("id{number}"), "type": "function",
                    "function": {"name": name, "arguments": ""}}))
                    + &piece(json!({"index": number, "function": {"arguments": halves.0}}))
                    + &piece(json!({"index": number, "function": {"arguments": halves.1}}))
            });
            (pieces.collect(), "tool_calls")
        }
    };
    format!("{HEAD}{body}{}", end(provider, stop))
}

/// An answer that is an error, as each provider writes it.
pub(crate) fn refuses(provider: Provider, status: &str, headers: &str, message: &str) -> String {
    let body = match provider {
        Provider::Anthropic => json!({"type": "error", "error": {"type": "x_error", "message": message}}),
        Provider::Gemini => json!({"error": {"code": 0, "status": "X", "message": message}}),
        _ => json!({"error": {"message": message, "type": "x", "code": null}}),
    };
    crate::server::answer(status, &format!("content-type: application/json\r\n{headers}"), &body.to_string())
}

pub(crate) fn data(value: &Value) -> String {
    format!("data: {value}\n\n")
}

fn named(event: &str, value: &Value) -> String {
    format!("event: {event}\n{}", data(value))
}

fn claude_start() -> String {
    // What was read before does not count among those that were read.
    let usage = json!({"input_tokens": 600, "cache_read_input_tokens": 400, "output_tokens": 1});
    named("message_start", &json!({"type": "message_start", "message": {"id": "m", "usage": usage}}))
}

fn claude_block(block: &Value) -> String {
    named("content_block_start", &json!({"type": "content_block_start", "index": 0, "content_block": block}))
}

fn claude_delta(delta: &Value) -> String {
    named("content_block_delta", &json!({"type": "content_block_delta", "index": 0, "delta": delta}))
}

fn claude_stop() -> String {
    named("content_block_stop", &json!({"type": "content_block_stop", "index": 0}))
}

fn gemini_part(part: &Value) -> String {
    data(&json!({"candidates": [{"content": {"role": "model", "parts": [part]}}]}))
}

fn openai_delta(delta: &Value) -> String {
    data(&json!({"choices": [{"index": 0, "delta": delta, "finish_reason": null}]}))
}
