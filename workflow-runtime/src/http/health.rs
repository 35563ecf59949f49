//! What machines ask that look after the process: whether it lives, whether it is ready, and what it has counted.

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;

use super::endpoint::{Asked, Endpoint, Form, Method, json, text};
use super::looking::Nothing;
use super::trouble::{Kind, Trouble};

pub(super) fn endpoints() -> Vec<Endpoint> {
    let ready = "Whether the process can take jobs in: 503 if not";
    vec![
        Endpoint::get("/health", "Whether the process lives", health).open(),
        Endpoint::new::<Nothing, Ready, _, _>(Method::Get, "/ready", ready, self::ready).open(),
        Endpoint::raw::<Nothing, String, _, _>(
            Form::Text,
            "/metrics",
            "What was counted, for Prometheus",
            metrics,
        ),
    ]
}

/// It lives.
#[derive(Debug, Serialize, JsonSchema)]
struct Alive {
    alive: bool,
}

async fn health(_asked: Asked<Nothing>) -> Result<Alive, Trouble> {
    Ok(Alive { alive: true })
}

/// Whether it is ready, and what for.
#[derive(Debug, Serialize, JsonSchema)]
struct Ready {
    ready: bool,
    /// The store answers.
    store: bool,
    /// All jobs of the store that are not over have been read.
    recovered: bool,
    shutting_down: bool,
}

async fn ready(asked: Asked<Nothing>) -> Result<Response, Trouble> {
    let ready = match asked.desk.behind.runtime() {
        Some(runtime) => {
            let health = runtime.health();
            Ready {
                ready: health.is_ready(),
                store: health.store.as_ref().is_none_or(|store| store.is_reachable()),
                recovered: health.recovered,
                shutting_down: health.shutting_down,
            }
        }
        None => {
            let store =
                tokio::time::timeout(PATIENCE, asked.desk.behind.ask(|store, _| store.notes("queues"))).await;
            let store = store.is_ok_and(|notes| notes.is_ok());
            Ready { ready: store, store, recovered: true, shutting_down: false }
        }
    };
    json(if ready.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, &ready)
}

/// How long a file may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

async fn metrics(asked: Asked<Nothing>) -> Result<Response, Trouble> {
    let nothing = || {
        Trouble::new(Kind::Unknown, "another process works on the file: ask that one for what it has counted")
    };
    let runtime = asked.desk.behind.runtime().ok_or_else(nothing)?;
    Ok(text(Form::Text, runtime.metrics().to_prometheus()))
}
