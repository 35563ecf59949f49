//! What servers say that make vectors.

use serde_json::{Value, json};
use workflow_agents::vectors::Embedder;

use crate::server::{Server, answer};

/// A variable that every test process of cargo has, as the one with the key; and what is in it.
pub(crate) const VARIABLE: &str = "CARGO_PKG_DESCRIPTION";
pub(crate) const KEY: &str = env!("CARGO_PKG_DESCRIPTION");

/// A model of a server, two texts at a time: a million tokens cost two hundred cents.
pub(crate) fn model(server: &Server) -> Embedder {
    Embedder::compatible(server.url("/v1"), "m-large").key(VARIABLE).cents(200.0).batch(2)
}

/// An answer of vectors, each with its index. It has read ten tokens.
pub(crate) fn says(vectors: &[(usize, Value)]) -> String {
    let item = |(index, vector): &(usize, Value)| json!({"object": "embedding", "index": index, "embedding": vector});
    let data: Vec<Value> = vectors.iter().map(item).collect();
    let usage = json!({"prompt_tokens": 10, "total_tokens": 10});
    ok(&json!({"object": "list", "data": data, "model": "m-large", "usage": usage}).to_string())
}

/// An answer that is as it should be.
pub(crate) fn ok(body: &str) -> String {
    answer("200 OK", "content-type: application/json\r\n", body)
}

/// An answer that is an error.
pub(crate) fn refuses(status: &str, headers: &str, message: &str) -> String {
    let body = json!({"error": {"message": message, "type": "x", "code": null}});
    answer(status, &format!("content-type: application/json\r\n{headers}"), &body.to_string())
}

/// What a server was sent, the body of each request.
pub(crate) fn bodies(server: &Server) -> Vec<Value> {
    let body = |asked: &String| {
        let (_, body) = asked.split_once("\r\n\r\n").expect("it has a body");
        serde_json::from_str(body).expect("it is JSON")
    };
    server.asked().iter().map(body).collect()
}
