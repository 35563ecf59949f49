//! Agents and workflows as services.

use std::time::Duration;

use private_nats::Server;
use serde_json::{Value, json};
use workflow_agents::async_nats::{Client, HeaderMap, Message};
use workflow_agents::{Bridge, Bridged, NatsError};
use workflow_runtime::JobFilter;
use workflow_runtime::prelude::*;

use crate::setting::{TakeOrder, client, connected, greet, runtime, talk, until_gone};

async fn started(server: &Server) -> (Client, Runtime, Bridged) {
    let (runtime, _) = runtime().await;
    let bridge = Bridge::new(&runtime, &connected(server).await).serve_tagged("nats").serve::<greet>();
    let bridged = bridge.serve::<talk>().start().await.expect("it starts");
    (client(server).await, runtime, bridged)
}

async fn asked(client: &Client, subject: &str, input: Value) -> Message {
    client.request(subject.to_owned(), input.to_string().into()).await.expect("it is answered")
}

fn error(message: &Message) -> (String, String) {
    let header =
        |name: &str| message.headers.as_ref().and_then(|all| all.get(name)).expect("it is told").to_string();
    (header("Nats-Service-Error-Code"), header("Nats-Service-Error"))
}

#[tokio::test]
async fn what_asks_for_it_is_a_service() {
    let server = Server::start().unwrap();
    let (client, runtime, _bridged) = started(&server).await;
    let reply = asked(&client, "workflow.greet", json!("ann")).await;
    assert_eq!(reply.payload, r#""hello ann""#);
    let job = reply.headers.unwrap().get("Workflow-Job").unwrap().to_string();
    assert_eq!(runtime.jobs(&JobFilter::new())[0].id.to_string(), job);
    let reply = asked(&client, "workflow.TakeOrder", json!({ "of": "services", "number": 7 })).await;
    assert_eq!(reply.payload, "7");
}

#[tokio::test]
async fn what_is_dropped_is_no_service_any_more() {
    let server = Server::start().unwrap();
    let (client, _runtime, bridged) = started(&server).await;
    asked(&client, "workflow.greet", json!("ann")).await;
    drop(bridged);
    until_gone(&client, "workflow.greet").await;
}

#[tokio::test]
async fn what_is_wrong_is_a_service_error() {
    let server = Server::start().unwrap();
    let (client, _runtime, _bridged) = started(&server).await;
    let (code, problem) =
        error(&asked(&client, "workflow.TakeOrder", json!({ "of": "x", "number": "y" })).await);
    assert_eq!(code, "400");
    assert!(problem.contains("`/number`") && problem.contains("integer"), "{problem}");
    let no_json = client.request("workflow.greet", "{".into()).await.unwrap();
    assert_eq!(error(&no_json).0, "400");
    let (code, problem) = error(&asked(&client, "workflow.greet", json!("nobody")).await);
    assert_eq!(code, "500");
    assert!(problem.contains("there is nobody"), "{problem}");
    let (code, problem) = error(&asked(&client, "workflow.talk", json!(2_000_000)).await);
    assert_eq!(code, "500");
    assert!(problem.contains("cannot be sent"), "{problem}");
}

#[tokio::test]
async fn what_is_asked_twice_with_one_id_is_one_job() {
    let server = Server::start().unwrap();
    let (client, runtime, _bridged) = started(&server).await;
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", "a");
    let ask = || client.request_with_headers("workflow.greet", headers.clone(), r#""ann""#.into());
    assert_eq!(ask().await.unwrap().payload, ask().await.unwrap().payload);
    assert_eq!(runtime.jobs(&JobFilter::new()).len(), 1);
    // What another service is asked by the same id is something else.
    let other = json!({ "of": "ids", "number": 7 }).to_string();
    let other =
        client.request_with_headers("workflow.TakeOrder", headers.clone(), other.into()).await.unwrap();
    assert_eq!(other.payload, "7");
}

#[tokio::test]
async fn of_a_group_one_is_asked() {
    let server = Server::start().unwrap();
    let (client, one, _bridged) = started(&server).await;
    let (_, other, _too) = started(&server).await;
    for number in 0..40 {
        asked(&client, "workflow.greet", json!(number.to_string())).await;
    }
    let counts = [&one, &other].map(|runtime| runtime.jobs(&JobFilter::new()).len());
    assert_eq!(counts[0] + counts[1], 40);
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
}

#[tokio::test]
async fn what_was_asked_is_answered_before_it_stops() {
    let server = Server::start().unwrap();
    let (client, _runtime, bridged) = started(&server).await;
    let ask = |number: usize| {
        let client = client.clone();
        tokio::spawn(async move { asked(&client, "workflow.greet", json!(number.to_string())).await })
    };
    let all: Vec<_> = (0..20).map(ask).collect();
    // All of them have come when one that is later has.
    asked(&client, "workflow.greet", json!("last")).await;
    bridged.stop().await;
    for one in all {
        assert!(one.await.unwrap().payload.starts_with(b"\"hello"));
    }
    until_gone(&client, "workflow.greet").await;
}

#[tokio::test]
async fn what_is_not_there_is_told_at_the_start() {
    let server = Server::start().unwrap();
    let (runtime, _) = runtime().await;
    let nats = connected(&server).await;
    let unknown = Bridge::new(&runtime, &nats).serve_named("gret").start().await.unwrap_err();
    let said = "there is no agent or workflow `gret` to be run by NATS; did you mean `greet`?";
    assert_eq!(unknown.to_string(), said);
    let untagged = Bridge::new(&runtime, &nats).serve_tagged("nat").start().await.unwrap_err();
    assert!(matches!(untagged, NatsError::NoneTagged { .. }), "{untagged}");
    let none = workflow_agents::Intake::of::<TakeOrder>("NONE", "takers");
    let none = Bridge::new(&runtime, &nats).take(none).start().await.unwrap_err();
    assert!(none.to_string().starts_with("the stream `NONE` cannot be read"), "{none}");
    let away =
        tokio::time::timeout(Duration::from_secs(20), workflow_agents::Nats::connect("nats://127.0.0.1:1"));
    let away = away.await.unwrap().unwrap_err();
    assert!(matches!(away, NatsError::Unreachable { .. }), "{away}");
}
