//! A service that has the runtime in it: `service [ADDRESS] [FILE]`.
//!
//! ```sh
//! cargo run -q -p workflow-examples --features service --bin service &
//! curl -i localhost:3000/orders -H 'content-type: application/json' -d '{"id": 7, "articles": [1, 2], "cents": 500}'
//! curl localhost:3000/jobs/JOB
//! open http://localhost:3000/dashboard
//! kill -INT %1
//! ```
//!
//! An order that was accepted is in the file: end the service however you like, and it goes on when the service is started
//! again. Meanwhile `cargo run -p workflow-examples -- --store target/service.db jobs` looks at the same file.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use workflow_examples::nightly;
use workflow_examples::order::{Fulfil, Order};
use workflow_runtime::http::Site;
use workflow_runtime::{JobId, Runtime, RuntimeBuilder, SubmitError};

const ADDRESS: &str = "127.0.0.1:3000";
const FILE: &str = "target/service.db";

/// How long what runs may run on when the service is to end. What does not is done again by the next one.
const GRACE: Duration = Duration::from_secs(20);

type Answer = (StatusCode, Json<Value>);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let address = words.next().unwrap_or_else(|| ADDRESS.to_owned());
    let file = words.next().unwrap_or_else(|| FILE.to_owned());

    let runtime = builder().open(&file).await?;
    nightly::set_schedule(&runtime).await?;

    let listener = tokio::net::TcpListener::bind(&address).await?;
    println!("http://{}", listener.local_addr()?);
    let service = routes(runtime.clone()).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(told_to_end()).await?;
    // No request is under way any more. Now what runs may end.
    let left = runtime.shutdown(GRACE).await;
    println!("{left} jobs go on when the service is started again");
    Ok(())
}

/// What the runtime is given: here stand `.state(…)`, `.pool(…)` and `.queue(…)`.
fn builder() -> RuntimeBuilder {
    Runtime::builder()
}

/// All that the service answers to, and the dashboard, which lets only this machine in: `Site::token` and `Site::login` let others.
fn routes(runtime: Runtime) -> Router {
    let dashboard = Site::new(&runtime).router();
    let orders = Router::new().route("/orders", post(accept)).route("/jobs/{id}", get(tell));
    orders.with_state(runtime).nest("/dashboard", dashboard)
}

/// Accepts an order. Once this has answered, the order is on the disk; who asks twice is told of the same job.
async fn accept(State(runtime): State<Runtime>, Json(order): Json<Order>) -> Answer {
    let key = format!("order {}", order.id);
    match runtime.submit(Fulfil { order }).once(key).or_refuse().await {
        Ok(job) => {
            (StatusCode::ACCEPTED, Json(json!({ "job": job.id(), "at": format!("/jobs/{}", job.id()) })))
        }
        Err(error) => refusal(&error),
    }
}

/// Tells where a job stands, and what came of it.
async fn tell(State(runtime): State<Runtime>, Path(id): Path<JobId>) -> Answer {
    let job = match runtime.fetch(id).await {
        Ok(Some(job)) => job,
        Ok(None) => return problem(StatusCode::NOT_FOUND, &format!("there is no job {id}")),
        Err(error) => return problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    };
    let status = job.status();
    let mut told =
        json!({ "job": id, "runs": status.name, "state": status.state.name(), "phase": status.phase });
    if let Some(failure) = &status.failure {
        told["failure"] = json!(failure.to_string());
    }
    if let Some(Ok(gave)) = job.result() {
        told["gave"] = gave;
    }
    (StatusCode::OK, Json(told))
}

/// Why an order was not accepted, and whose fault that is.
fn refusal(error: &SubmitError) -> Answer {
    let code = match error {
        SubmitError::BadInput { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        SubmitError::Full { .. } => StatusCode::TOO_MANY_REQUESTS,
        SubmitError::Duplicate { .. } | SubmitError::Forgotten { .. } => StatusCode::CONFLICT,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    problem(code, &error.to_string())
}

fn problem(code: StatusCode, text: &str) -> Answer {
    (code, Json(json!({ "problem": text })))
}

/// Waits until somebody wants the service to end: from a terminal, or as a supervisor does.
async fn told_to_end() {
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminate) = signal(SignalKind::terminate()) else { return interrupted.await };
        tokio::select! {
            () = interrupted => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    interrupted.await;
}
