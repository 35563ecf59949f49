//! What is told of jobs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::StreamExt;
use private_nats::Server;
use serde_json::Value;
use tokio::sync::watch;
use workflow_agents::async_nats::jetstream::consumer::{AckPolicy, pull};
use workflow_agents::async_nats::jetstream::stream::StorageType;
use workflow_agents::async_nats::jetstream::{Context, Message};
use workflow_agents::policy::Policy;
use workflow_agents::{Bridge, Bridged, Nats, NatsError, Outlet};
use workflow_runtime::JobId;
use workflow_runtime::prelude::*;

use crate::folder::Folder;
use crate::setting::{builder, client, connected, greet, runtime, stream, stream_in};

fn outlet() -> Outlet {
    Outlet::at("events.jobs").source("/shop")
}

async fn begun(runtime: &Runtime, nats: &Nats) -> Bridged {
    Bridge::new(runtime, nats).tell(outlet()).start().await.expect("it starts")
}

/// So many messages of the stream, once they are there.
async fn messages(context: &Context, count: usize) -> Vec<Message> {
    messages_of(context, "", count).await
}

/// So many messages of a subject.
async fn messages_of(context: &Context, subject: &str, count: usize) -> Vec<Message> {
    let stream = context.get_stream("EVENTS").await.expect("it is there");
    let config = pull::Config {
        filter_subject: subject.to_owned(),
        ack_policy: AckPolicy::None,
        ..pull::Config::default()
    };
    let consumer = stream.create_consumer(config).await.expect("it is made");
    let messages = consumer.messages().await.expect("there are some").take(count);
    let messages = messages.map(|message| message.expect("it comes")).collect();
    tokio::time::timeout(Duration::from_secs(60), messages).await.expect("they come in time")
}

async fn count(context: &Context) -> u64 {
    context.get_stream("EVENTS").await.expect("it is there").cached_info().state.messages
}

fn read(message: &Message) -> Value {
    serde_json::from_slice(&message.payload).expect("it is JSON")
}

#[tokio::test]
async fn what_becomes_of_a_job_is_told_as_cloud_events() {
    let server = Server::start().unwrap();
    let context = stream(&client(&server).await, "EVENTS").await;
    let (runtime, _) = runtime().await;
    let bridged = begun(&runtime, &connected(&server).await).await;
    let right = runtime.submit(greet::with("ann".to_owned())).await.unwrap();
    let wrong = runtime.submit(greet::with("nobody".to_owned())).await.unwrap();
    let (right, wrong) = (right.id().to_string(), wrong.id().to_string());
    let mut told = BTreeMap::new();
    for message in messages(&context, 6).await {
        let headers = message.headers.clone().unwrap();
        assert_eq!(headers.get("Content-Type").unwrap().as_str(), "application/cloudevents+json");
        let event = read(&message);
        assert_eq!(headers.get("Nats-Msg-Id").unwrap().as_str(), event["id"]);
        let (job, kind) = (event["subject"].as_str().unwrap().to_owned(), event["type"].as_str().unwrap());
        let kind = kind.strip_prefix("workflow.job.").unwrap().to_owned();
        assert_eq!(message.subject.as_str(), format!("events.jobs.greet.{kind}.{job}"));
        told.insert((job, kind), event);
    }
    bridged.stop().await;
    let kinds = |job: &str| {
        told.keys().filter(|(own, _)| own == job).map(|(_, kind)| kind.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&right), ["begun", "submitted", "succeeded"]);
    assert_eq!(kinds(&wrong), ["begun", "failed", "submitted"]);
    let failed = &told[&(wrong.clone(), "failed".to_owned())];
    assert_eq!((&failed["specversion"], &failed["source"]), (&"1.0".into(), &"/shop".into()));
    assert_eq!(failed["datacontenttype"], "application/json");
    assert!(failed["time"].as_str().unwrap().parse::<workflow_runtime::Timestamp>().is_ok());
    let data = serde_json::json!({ "job": wrong, "name": "greet", "failure": "there is nobody" });
    assert_eq!(failed["data"], data);
    assert_eq!(count(&context).await, 6);
}

#[tokio::test]
async fn a_job_that_is_cancelled_or_too_late_is_told_as_that() {
    let server = Server::start().unwrap();
    let context = stream(&client(&server).await, "EVENTS").await;
    let (runtime, _) = runtime().await;
    let _bridged = begun(&runtime, &connected(&server).await).await;
    let later = runtime.submit(greet::with("ann".to_owned())).delay("1h").await.unwrap();
    later.cancel("it is not needed").await;
    let late = runtime.submit(greet::with("ann".to_owned())).delay("1h").deadline("1ms").await.unwrap();
    assert!(late.clone().await.is_err());
    let told = messages(&context, 4).await;
    let mut told: Vec<_> = told.iter().map(|message| message.subject.to_string()).collect();
    told.sort();
    let subject = |kind: &str, job: JobId| format!("events.jobs.greet.{kind}.{job}");
    let (later, late) = (later.id(), late.id());
    let mut expected = [("cancelled", later), ("submitted", later), ("expired", late), ("submitted", late)]
        .map(|(kind, job)| subject(kind, job));
    expected.sort();
    assert_eq!(told, expected);
}

/// The stream itself knows an id again for as short a time as it can.
async fn forgets_ids(context: &Context) {
    let mut config = context.get_stream("EVENTS").await.expect("it is there").cached_info().config.clone();
    config.duplicate_window = Duration::from_millis(100);
    context.update_stream(config).await.expect("it is changed");
}

async fn opened(folder: &Folder) -> Runtime {
    let builder = builder(&watch::Sender::new(0), Policy::new());
    builder.open(folder.file("jobs.db")).await.expect("it opens")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happened_while_nobody_told_it_is_told_later_and_once() {
    let server = Server::start().unwrap();
    let context = stream(&client(&server).await, "EVENTS").await;
    forgets_ids(&context).await;
    let (nats, folder) = (connected(&server).await, Folder::new("told"));
    let mut all = 0;
    // The second time, those of the first are looked at again, before the last.
    for jobs in [600, 1] {
        let runtime = opened(&folder).await;
        let greets = (0..jobs).map(|number| greet::with(number.to_string()));
        for job in runtime.submit_all(greets).await.unwrap() {
            job.await.unwrap();
        }
        runtime.shutdown(Duration::from_secs(5)).await;
        drop(runtime);
        all += jobs;
        let runtime = opened(&folder).await;
        let bridged = begun(&runtime, &nats).await;
        messages(&context, 2 * all).await;
        bridged.stop().await;
        runtime.shutdown(Duration::from_secs(5)).await;
    }
    let messages = messages(&context, 2 * all).await;
    let subjects: BTreeSet<_> = messages.iter().map(|message| message.subject.to_string()).collect();
    assert_eq!((subjects.len(), count(&context).await), (2 * all, 2 * all as u64));
}

#[tokio::test]
async fn what_has_happened_before_it_stops_is_told() {
    let server = Server::start().unwrap();
    let context = stream(&client(&server).await, "EVENTS").await;
    let (runtime, _) = runtime().await;
    let bridged = begun(&runtime, &connected(&server).await).await;
    let jobs = runtime.submit_all((0..200).map(|number| greet::with(number.to_string()))).await.unwrap();
    for job in jobs {
        job.await.unwrap();
    }
    bridged.stop().await;
    assert_eq!(count(&context).await, 600);
}

#[tokio::test]
async fn of_what_came_from_elsewhere_it_is_told_too_that_it_came() {
    let server = Server::start().unwrap();
    let context = stream(&client(&server).await, "EVENTS").await;
    let (runtime, _) = runtime().await;
    let came = runtime.submit(greet::with("ann".to_owned())).delay("1h").await.unwrap();
    let outlet = outlet().back(Duration::ZERO);
    let bridge = Bridge::new(&runtime, &connected(&server).await).tell(outlet);
    let bridged = bridge.start().await.unwrap();
    came.cancel("it is not needed").await;
    let told = messages(&context, 2).await;
    bridged.stop().await;
    let id = came.id();
    let subjects = ["submitted", "cancelled"].map(|kind| format!("events.jobs.greet.{kind}.{id}"));
    assert!(told.iter().all(|message| subjects.contains(&message.subject.to_string())));
    assert_eq!(count(&context).await, 2);
}

/// What a stream says that has no room.
const FULL: &str = r#"{"error":{"code":400,"err_code":10077,"description":"no room"},"stream":"","seq":0}"#;

#[tokio::test]
async fn what_a_stream_does_not_take_is_told_again() {
    let server = Server::start().unwrap();
    let client = client(&server).await;
    let context = stream(&client, "EVENTS").await;
    let (runtime, _) = runtime().await;
    let bridged = begun(&runtime, &connected(&server).await).await;
    context.delete_stream("EVENTS").await.unwrap();
    let mut told = client.subscribe("events.>").await.unwrap();
    client.flush().await.unwrap();
    runtime.run(greet::with("ann".to_owned())).await.unwrap();
    for _ in 0..6 {
        let again = tokio::time::timeout(Duration::from_secs(20), told.next()).await;
        let reply = again.expect("it is told again").unwrap().reply.unwrap();
        client.publish(reply, FULL.into()).await.unwrap();
    }
    drop(told);
    let context = stream(&client, "EVENTS").await;
    messages(&context, 3).await;
    bridged.stop().await;
    assert_eq!(count(&context).await, 3);
}

#[tokio::test]
async fn what_was_too_much_to_be_heard_is_looked_up() {
    let server = Server::start().unwrap();
    let context = stream_in(&client(&server).await, "EVENTS", StorageType::Memory).await;
    let builder = builder(&watch::Sender::new(0), Policy::new()).keep(10_000);
    let runtime = builder.in_memory().await.unwrap();
    let bridged = begun(&runtime, &connected(&server).await).await;
    // The first look is over when this is told, and nobody is listened to while all the others are handed in.
    runtime.run(greet::with("ann".to_owned())).await.unwrap();
    messages(&context, 3).await;
    runtime.submit_all((0..5000).map(|number| greet::with(number.to_string()))).await.unwrap();
    for kind in ["submitted", "succeeded"] {
        messages_of(&context, &format!("events.jobs.greet.{kind}.*"), 5001).await;
    }
    bridged.stop().await;
}

/// How many jobs are run while things are killed, and how often something is: the runtime by turns with the server.
const JOBS: u32 = 1200;
const BLOWS: u32 = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_and_nothing_told_twice_whatever_is_killed() {
    let (mut server, folder) = (Server::start().unwrap(), Folder::new("told-killed"));
    let context = stream(&client(&server).await, "EVENTS").await;
    forgets_ids(&context).await;
    let nats = connected(&server).await;
    let mut runtime = opened(&folder).await;
    let mut bridged = begun(&runtime, &nats).await;
    for blow in 1..=BLOWS {
        let greets = (0..JOBS / BLOWS).map(|number| greet::with(number.to_string()));
        let jobs = runtime.submit_all(greets).await.unwrap();
        for job in jobs.into_iter().take(20) {
            job.await.unwrap();
        }
        if blow % 2 == 0 {
            server.kill();
            server.again().unwrap();
            continue;
        }
        drop(bridged);
        runtime.shutdown(Duration::from_secs(20)).await;
        drop(runtime);
        runtime = opened(&folder).await;
        bridged = begun(&runtime, &nats).await;
    }
    for kind in ["submitted", "succeeded"] {
        let told = messages_of(&context, &format!("events.jobs.greet.{kind}.*"), JOBS as usize).await;
        let jobs: BTreeSet<String> = told.iter().map(|message| message.subject.to_string()).collect();
        assert_eq!(jobs.len(), JOBS as usize, "{kind}");
    }
    bridged.stop().await;
    let begun = "events.jobs.greet.begun.*";
    let stream = context.get_stream("EVENTS").await.unwrap();
    let subjects = stream.info_with_subjects(begun).await.unwrap();
    let subjects: Vec<_> = subjects.map(|subject| subject.unwrap()).collect().await;
    assert!(subjects.len() <= JOBS as usize && subjects.iter().all(|(_, times)| *times == 1));
    assert_eq!(count(&context).await, 2 * u64::from(JOBS) + subjects.len() as u64);
    runtime.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn where_no_stream_keeps_it_nothing_begins() {
    let server = Server::start().unwrap();
    stream(&client(&server).await, "EVENTS").await;
    let (runtime, _) = runtime().await;
    let nats = connected(&server).await;
    for (wrong, shown) in
        [("other", "other.>"), ("events", ""), ("events.*", "events.*.>"), ("a b", "a b.>"), ("", ".>")]
    {
        let begun = Bridge::new(&runtime, &nats).tell(Outlet::at(wrong)).start().await;
        if shown.is_empty() {
            begun.unwrap();
            continue;
        }
        let told = begun.unwrap_err();
        assert!(matches!(told, NatsError::NotKept { .. }), "{told}");
        assert!(told.to_string().starts_with(&format!("no stream keeps `{shown}`: ")), "{told}");
    }
}
