//! The micro protocol, as `nats micro` speaks it.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt;
use private_nats::Server;
use serde_json::{Value, json};
use workflow_agents::Bridge;
use workflow_agents::async_nats::Client;
use workflow_runtime::Timestamp;

use crate::setting::{client, connected, greet, runtime, until_gone};

/// All that so many services answer, by their names and ids: who asks all of them cannot know how many there are.
async fn gathered(client: &Client, subject: &str, count: usize) -> BTreeMap<(String, String), Value> {
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.expect("it is heard");
    client.publish_with_reply(subject.to_owned(), inbox, "".into()).await.expect("it is sent");
    let mut all = BTreeMap::new();
    while all.len() < count {
        let answer = tokio::time::timeout(Duration::from_secs(10), answers.next()).await;
        let answer = answer.expect("they answer in time").expect("it is answered");
        let answer: Value = serde_json::from_slice(&answer.payload).expect("it is JSON");
        let text = |key: &str| answer[key].as_str().expect("it is a text").to_owned();
        all.insert((text("name"), text("id")), answer);
    }
    all
}

async fn asked(client: &Client, subject: &str) -> Value {
    let answer = client.request(subject.to_owned(), "".into()).await.expect("it is answered");
    serde_json::from_slice(&answer.payload).expect("it is JSON")
}

#[tokio::test]
async fn services_are_listed_and_told_apart() {
    let server = Server::start().unwrap();
    let client = client(&server).await;
    let mut bridged = Vec::new();
    for _ in 0..2 {
        let (runtime, _) = runtime().await;
        let bridge = Bridge::new(&runtime, &connected(&server).await).serve_tagged("nats");
        bridged.push(bridge.start().await.unwrap());
    }
    // As `nats micro ls` asks.
    let all = gathered(&client, "$SRV.PING", 4).await;
    let names: Vec<&str> = all.keys().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["TakeOrder", "TakeOrder", "greet", "greet"]);
    for ((name, id), answer) in &all {
        assert_eq!(answer["type"], "io.nats.micro.v1.ping_response");
        assert!(answer["metadata"].is_object());
        for verb in ["PING", "INFO", "STATS"] {
            let one = asked(&client, &format!("$SRV.{verb}.{name}.{id}")).await;
            assert_eq!((&one["name"], &one["id"]), (&json!(name), &json!(id)));
            assert_eq!(one["version"], if name == "greet" { "3.0.0" } else { "1.0.0" });
            assert_eq!(one["type"], format!("io.nats.micro.v1.{}_response", verb.to_lowercase()));
        }
    }
    assert_eq!(gathered(&client, "$SRV.PING.greet", 2).await.len(), 2);
    for one in bridged {
        one.stop().await;
    }
    until_gone(&client, "$SRV.PING").await;
}

#[tokio::test]
async fn what_a_service_is_and_does_is_told_in_the_fields_that_it_has() {
    let server = Server::start().unwrap();
    let (client, (runtime, _)) = (client(&server).await, runtime().await);
    let bridge = Bridge::new(&runtime, &connected(&server).await).prefix("shop").group("clerks");
    let _bridged = bridge.serve::<greet>().start().await.unwrap();
    for input in [json!("ann"), json!("nobody"), json!(7)] {
        client.request("shop.greet", input.to_string().into()).await.unwrap();
    }
    // As `nats micro info` and `nats micro stats` ask.
    let info = asked(&client, "$SRV.INFO.greet").await;
    assert_eq!(info["description"], "Greets somebody.");
    let endpoint = &info["endpoints"][0];
    for (key, value) in [("name", "run"), ("subject", "shop.greet"), ("queue_group", "clerks")] {
        assert_eq!(endpoint[key], value);
    }
    assert_eq!(endpoint["metadata"]["kind"], "agent");
    for key in ["input_schema", "output_schema"] {
        let schema: Value = serde_json::from_str(endpoint["metadata"][key].as_str().unwrap()).unwrap();
        assert_eq!(schema["type"], "string");
    }
    let stats = asked(&client, "$SRV.STATS.greet").await;
    assert!(stats["started"].as_str().unwrap().parse::<Timestamp>().is_ok(), "{stats}");
    let endpoint = &stats["endpoints"][0];
    for (key, value) in [("name", "run"), ("subject", "shop.greet"), ("queue_group", "clerks")] {
        assert_eq!(endpoint[key], value);
    }
    assert_eq!((&endpoint["num_requests"], &endpoint["num_errors"]), (&json!(3), &json!(2)));
    let (all, mean) = (&endpoint["processing_time"], &endpoint["average_processing_time"]);
    assert!(all.as_u64().unwrap() >= mean.as_u64().unwrap() && mean.as_u64().unwrap() > 0, "{stats}");
    let last = endpoint["last_error"].as_str().unwrap();
    assert!(last.contains("400") && last.contains("string"), "{stats}");
}
