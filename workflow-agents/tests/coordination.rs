//! Messages from agent to agent: each is one job of its target's, and what nobody knows, loops and floods are refused.
#![cfg(feature = "coordination")]

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value as Json, json};
use workflow_agents::policy::Policy;
use workflow_agents::routing::Acknowledgement;
use workflow_agents::{AgentCoordination, AgentMessage, Routes};
use workflow_runtime::prelude::*;
use workflow_runtime::store::{MemoryStore, Store};
use workflow_runtime::{Failure, JobId};

/// Something that was found.
#[data]
struct Pattern {
    /// What it is called.
    name: String,
}

/// Passes on what it is told of: to whom its payload names, as what it names.
#[task_agent]
async fn post(message: AgentMessage, ctx: &TaskContext) -> Result<Json, AgentError> {
    let Some((target, kind)) = message.payload["name"].as_str().and_then(|name| name.split_once(' ')) else {
        return Ok(json!("the end"));
    };
    let next = message.next(target, kind, &message.payload)?;
    let sent = ctx.runtime()?.submit_json("AgentCoordination", json!({ "message": next })).await?;
    Ok(json!(sent.id()))
}

/// Is told what was found.
#[task_agent]
async fn listener(found: Pattern) -> String {
    format!("heard of {}", found.name)
}

fn routes() -> Routes {
    let routes = Routes::new().agent("post").agent_of_payloads("listener").agent("nobody");
    routes
        .message::<Pattern>("found")
        .expect("it is a schema")
        .message::<Pattern>("lost")
        .expect("it is a schema")
}

async fn runtime(routes: Routes) -> Runtime {
    Runtime::builder().state(Policy::new()).state(routes).in_memory().await.expect("it starts")
}

fn found(id: &str, source: &str, target: &str, name: &str) -> AgentMessage {
    AgentMessage::new(id, source, target, "found", &json!({ "name": name })).expect("it is JSON")
}

async fn send(runtime: &Runtime, message: AgentMessage) -> Result<Acknowledgement, Failure> {
    runtime.submit(AgentCoordination { message }).await.expect("it is taken in").await
}

/// Why a message is refused, for good, and that it is kept.
async fn refused(runtime: &Runtime, message: AgentMessage) -> String {
    let failure = send(runtime, message.clone()).await.expect_err("it is refused");
    assert_eq!(failure.attempt, 1, "{failure}");
    failure.message.to_string()
}

/// What the job that a message became has given.
async fn given(runtime: &Runtime, job: &str) -> Json {
    let job: JobId = job.parse().expect("it is an id");
    let handle = runtime.fetch(job).await.expect("it answers").expect("it is there");
    handle.await.expect("it succeeds")
}

#[tokio::test]
async fn a_message_is_a_job_of_its_target() {
    let runtime = runtime(routes()).await;
    let heard = send(&runtime, found("m-1", "post", "listener", "a cache")).await.expect("it is routed");
    assert!(heard.routed);
    assert_eq!((heard.message_id.as_str(), heard.target_agent.as_str()), ("m-1", "listener"));
    assert_eq!(given(&runtime, &heard.job).await, json!("heard of a cache"));
}

#[tokio::test]
async fn all_messages_of_one_id_are_one_job() {
    let runtime = runtime(routes()).await;
    let message = || found("m-1", "post", "listener", "a cache");
    let first = send(&runtime, message()).await.expect("it is routed");
    let again = send(&runtime, message()).await.expect("it is routed");
    assert_eq!(first.job, again.job);
    let other = send(&runtime, found("m-2", "post", "listener", "a cache")).await.expect("it is routed");
    assert_ne!(first.job, other.job);
}

#[tokio::test]
async fn what_nobody_knows_is_refused_and_told_of() {
    let runtime = runtime(routes()).await;
    for (message, why) in [
        (found("m", "pots", "listener", "a"), "no agent `pots` sends messages; did you mean `post`?"),
        (found("m", "post", "lisener", "a"), "no agent `lisener` gets messages; did you mean `listener`?"),
        (found("m", "post", "", "a"), "the message's `target_agent` has 0 bytes"),
        (found(&"m".repeat(300), "post", "listener", "a"), "the message's `message_id` has 300 bytes"),
    ] {
        let said = refused(&runtime, message).await;
        assert!(said.contains(why), "{said}");
    }
    let kind =
        AgentMessage::new("m", "post", "listener", "fond", &json!({ "name": "a" })).expect("it is JSON");
    assert!(refused(&runtime, kind).await.contains("type `fond`; did you mean `found`?"));
    let payload =
        AgentMessage::new("m", "post", "listener", "found", &json!({ "name": 1 })).expect("it is JSON");
    let said = refused(&runtime, payload).await;
    assert!(said.contains("payload of a message `found`") && said.contains("`/name`"), "{said}");
    // A target that is known and that the program does not have.
    let said = refused(&runtime, found("m", "post", "nobody", "a")).await;
    assert!(said.contains("no agent or workflow `nobody`"), "{said}");
}

#[tokio::test]
async fn loops_are_refused() {
    let runtime = runtime(routes()).await;
    assert!(refused(&runtime, found("m", "post", "post", "a")).await.contains("in a loop"));
    let mut message = found("m", "listener", "post", "a");
    message = message.next("listener", "found", &json!({ "name": "a" })).expect("it is JSON");
    // An answer is none, and what is asked again is.
    send(&runtime, message.clone()).await.expect("it is routed");
    message = message.next("post", "found", &json!({ "name": "a" })).expect("it is JSON");
    assert!(
        refused(&runtime, message.clone()).await.contains("`listener` has told `post` of `found` before")
    );
    message.message_type = "lost".to_owned();
    send(&runtime, message).await.expect("it is routed");
}

#[tokio::test]
async fn two_who_would_talk_for_ever_do_not() {
    let runtime = runtime(routes().hops(3)).await;
    let mut message = found("m", "listener", "post", "a");
    for hop in 0..4 {
        let kind = format!("found{hop}");
        message = message.next("listener", kind, &json!({ "name": "a" })).expect("it is JSON");
    }
    (message.source_agent, message.message_type) = ("post".to_owned(), "lost".to_owned());
    let said = refused(&runtime, message).await;
    assert!(said.contains("4 messages led to this one, and 3 may"), "{said}");
}

#[tokio::test]
async fn a_conversation_of_agents_ends_by_itself() {
    let runtime = runtime(routes().agent("other")).await;
    // `post` tells `nobody`, which the program does not have: the answer of the job that it has handed in is a refusal.
    let heard = send(&runtime, found("m", "listener", "post", "nobody found")).await.expect("it is routed");
    let next = given(&runtime, &heard.job).await;
    let job: JobId = next.as_str().and_then(|id| id.parse().ok()).expect("it is an id");
    let handle = runtime.fetch(job).await.expect("it answers").expect("it is there");
    let failure = handle.await.expect_err("it is refused");
    assert!(failure.message.contains("nobody"), "{failure}");
}

#[tokio::test]
async fn floods_are_refused_and_only_of_who_floods() {
    let runtime = runtime(routes().at_most(3, Duration::from_secs(3600))).await;
    for number in 0..3 {
        send(&runtime, found(&format!("m-{number}"), "post", "listener", "a")).await.expect("it is routed");
    }
    let said = refused(&runtime, found("m-3", "post", "listener", "a")).await;
    assert!(said.contains("`post` has sent 3 messages within 3600s"), "{said}");
    send(&runtime, found("m-4", "listener", "post", "a")).await.expect("it is routed");
}

#[tokio::test]
async fn what_is_refused_is_kept() {
    let store = Arc::new(MemoryStore::new());
    let builder = Runtime::builder().state(Policy::new()).state(routes());
    let runtime = builder.on(store.clone()).await.expect("it starts");
    refused(&runtime, found("m-9", "post", "lisener", "a")).await;
    let audit = store.notes("audit").expect("it answers");
    let [kept] = &audit[..] else { panic!("one is kept: {audit:?}") };
    let kept: Json = serde_json::from_str(&kept.text).expect("it is JSON");
    assert_eq!(kept["act"]["message"], "m-9", "{kept}");
    assert!(kept["came"].as_str().is_some_and(|came| came.contains("refused: no agent `lisener`")), "{kept}");
}
