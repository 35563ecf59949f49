//! Messages that become jobs.

use std::time::Duration;

use futures_util::StreamExt;
use private_nats::Server;
use serde_json::{Value, json};
use tokio::sync::watch;
use workflow_agents::async_nats::jetstream::Context;
use workflow_agents::async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use workflow_agents::async_nats::jetstream::message::PublishMessage;
use workflow_agents::policy::Policy;
use workflow_agents::{Bridge, Bridged, Intake, NatsError};
use workflow_runtime::prelude::*;
use workflow_runtime::{JobFilter, Queue};

use crate::setting::{TakeOrder, builder, client, connected, dispatched, runtime, stream, until};

async fn sent(context: &Context, id: Option<&str>, payload: impl ToString) {
    let message = PublishMessage::build().payload(payload.to_string().into());
    let message = id.into_iter().fold(message, |message, id| message.message_id(id));
    context.send_publish("orders.new", message).await.expect("it is sent").await.expect("it is kept");
}

fn order(of: &str, number: u32) -> Value {
    json!({ "of": of, "number": number })
}

fn intake() -> Intake {
    Intake::of::<TakeOrder>("ORDERS", "takers")
}

async fn begun(server: &Server, intake: Intake) -> (Runtime, watch::Sender<usize>, Bridged) {
    let (runtime, told) = runtime().await;
    let bridge = Bridge::new(&runtime, &connected(server).await).take(intake);
    let bridged = bridge.start().await.expect("it starts");
    (runtime, told, bridged)
}

async fn consumer(context: &Context) -> PullConsumer {
    context
        .get_stream("ORDERS")
        .await
        .expect("it is there")
        .get_consumer("takers")
        .await
        .expect("it is there")
}

#[tokio::test]
async fn each_message_is_a_job_and_is_acknowledged() {
    let server = Server::start().unwrap();
    let context = stream(&client(&server).await, "ORDERS").await;
    let (_runtime, told, bridged) = begun(&server, intake()).await;
    for number in 0..50 {
        sent(&context, None, order("each", number)).await;
    }
    until(&told, 50).await;
    bridged.stop().await;
    assert!(dispatched("each").values().all(|times| *times == 1));
    let info = consumer(&context).await.get_info().await.unwrap();
    assert_eq!((info.num_ack_pending, info.num_pending, info.ack_floor.stream_sequence), (0, 0, 50));
}

#[tokio::test]
async fn messages_of_one_id_are_one_job_where_the_server_has_forgotten_the_first() {
    let server = Server::start().unwrap();
    let client = client(&server).await;
    let context = stream(&client, "ORDERS").await;
    let mut config = context.get_stream("ORDERS").await.unwrap().cached_info().config.clone();
    config.duplicate_window = Duration::from_millis(100);
    context.update_stream(config).await.unwrap();
    let (runtime, told, bridged) = begun(&server, intake()).await;
    sent(&context, Some("a"), order("twice", 1)).await;
    // The server knows an id no longer when the second of one is another message to it.
    while context.get_stream("ORDERS").await.unwrap().cached_info().state.messages < 2 {
        sent(&context, Some("a"), order("twice", 1)).await;
    }
    sent(&context, Some("b"), order("twice", 2)).await;
    until(&told, 2).await;
    bridged.stop().await;
    assert_eq!(runtime.jobs(&JobFilter::new()).len(), 2);
}

#[tokio::test]
async fn what_can_be_no_job_is_kept_elsewhere_and_does_not_come_again() {
    let server = Server::start().unwrap();
    let client = client(&server).await;
    let context = stream(&client, "ORDERS").await;
    let dead = stream(&client, "DEAD").await;
    let intake = intake().dead_letters("dead.orders");
    let (_runtime, told, bridged) = begun(&server, intake).await;
    sent(&context, None, json!({ "of": "dead", "number": "x" })).await;
    sent(&context, None, "{").await;
    sent(&context, None, order("dead", 1)).await;
    until(&told, 1).await;
    bridged.stop().await;
    let letters = dead.get_stream("DEAD").await.unwrap();
    let letters = letters.create_consumer(pull::Config::default()).await.unwrap();
    let letters: Vec<_> = letters.fetch().max_messages(10).messages().await.unwrap().collect().await;
    let mut problems: Vec<String> = letters
        .into_iter()
        .map(|letter| letter.unwrap().headers.clone().unwrap().get("Workflow-Problem").unwrap().to_string())
        .collect();
    problems.sort();
    assert_eq!(problems.len(), 2);
    assert!(problems[0].starts_with("it is no JSON"), "{problems:?}");
    assert!(problems[1].contains("`/number`"), "{problems:?}");
    let info = consumer(&context).await.get_info().await.unwrap();
    assert_eq!((info.num_ack_pending, info.num_pending), (0, 0));
}

#[tokio::test]
async fn what_cannot_be_kept_elsewhere_is_not_given_up() {
    let server = Server::start().unwrap();
    let client = client(&server).await;
    let context = stream(&client, "ORDERS").await;
    let (_runtime, told, bridged) = begun(&server, intake().dead_letters("nowhere.kept")).await;
    sent(&context, None, "{").await;
    sent(&context, None, order("kept", 1)).await;
    until(&told, 1).await;
    bridged.stop().await;
    let info = consumer(&context).await.get_info().await.unwrap();
    assert_eq!(info.num_ack_pending, 1);
}

#[tokio::test]
async fn what_finds_a_full_queue_comes_again() {
    let server = Server::start().unwrap();
    let context = stream(&client(&server).await, "ORDERS").await;
    let told = watch::Sender::new(0);
    let queue = Queue::new("default").concurrency(1).capacity(1);
    let runtime = builder(&told, Policy::new()).queue(queue).in_memory().await.unwrap();
    for number in 0..6 {
        sent(&context, None, order("full", number)).await;
    }
    let bridge = Bridge::new(&runtime, &connected(&server).await).take(intake());
    let bridged = bridge.start().await.unwrap();
    until(&told, 6).await;
    bridged.stop().await;
    assert!(dispatched("full").values().all(|times| *times == 1));
}

#[tokio::test]
async fn a_consumer_that_loses_what_is_not_done_is_refused() {
    let server = Server::start().unwrap();
    let context = stream(&client(&server).await, "ORDERS").await;
    let loses = pull::Config {
        durable_name: Some("takers".to_owned()),
        ack_policy: AckPolicy::None,
        ..pull::Config::default()
    };
    context.create_consumer_on_stream(loses, "ORDERS").await.unwrap();
    let (runtime, _) = runtime().await;
    let bridge = Bridge::new(&runtime, &connected(&server).await).take(intake());
    let refused = bridge.start().await.unwrap_err();
    assert!(matches!(refused, NatsError::NotExplicit { .. }), "{refused}");
}

#[tokio::test]
async fn only_messages_of_its_subject_are_taken() {
    let server = Server::start().unwrap();
    let context = stream(&client(&server).await, "ORDERS").await;
    let (_runtime, told, bridged) = begun(&server, intake().subject("orders.new")).await;
    let other = order("subject", 1).to_string();
    context.publish("orders.old", other.into()).await.unwrap().await.unwrap();
    sent(&context, None, order("subject", 2)).await;
    until(&told, 1).await;
    bridged.stop().await;
    assert_eq!(dispatched("subject").into_keys().collect::<Vec<_>>(), [2]);
}
