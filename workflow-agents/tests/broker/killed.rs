//! A server that is killed, and a runtime that is gone or killed with its process, under load.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use private_nats::Server;
use serde_json::json;
use tokio::sync::watch;
use workflow_agents::async_nats::jetstream::Context;
use workflow_agents::async_nats::jetstream::consumer::Consumer;
use workflow_agents::async_nats::jetstream::consumer::pull::Config;
use workflow_agents::async_nats::jetstream::message::PublishMessage;
use workflow_agents::policy::Policy;
use workflow_agents::{Bridge, Bridged, Intake, Nats};
use workflow_runtime::prelude::*;
use workflow_runtime::{JobFilter, JobState};

use crate::folder::Folder;
use crate::setting::{TakeOrder, builder, client, client_at, connected, dispatched, stream as made, until};

/// How many messages are sent, and how often something is killed meanwhile: the runtime by turns with the server, and last,
/// for a server that is killed may have forgotten an acknowledgement, and would mend what came too early.
const MESSAGES: u32 = 3000;
const BLOWS: u32 = 9;

/// How often a process is killed.
const KILLS: u32 = 6;

/// What dispatches know these tests by.
const OF: &str = "killed";
const OF_PROCESSES: &str = "processes";

/// Sends all messages, each until the server has it; says how many it has.
async fn send_all(of: &'static str, context: Context, sent: watch::Sender<u32>) {
    let send = |number: u32| {
        let (context, sent) = (&context, &sent);
        async move {
            let payload = json!({ "of": of, "number": number }).to_string();
            let message =
                || PublishMessage::build().payload(payload.clone().into()).message_id(format!("m{number}"));
            while !is_kept(context, message()).await {}
            sent.send_modify(|sent| *sent += 1);
        }
    };
    stream::iter(0..MESSAGES).for_each_concurrent(8, send).await;
}

async fn is_kept(context: &Context, message: PublishMessage) -> bool {
    match context.send_publish("orders.new", message).await {
        Ok(answer) => answer.await.is_ok(),
        Err(_) => false,
    }
}

/// A runtime on a file, which takes what there is.
async fn opened(file: &Path, nats: &Nats, told: &watch::Sender<usize>) -> (Runtime, Bridged) {
    let runtime = builder(told, Policy::new()).open(file).await.expect("it opens");
    let intake = Intake::of::<TakeOrder>("ORDERS", "takers").wait(Duration::from_secs(1));
    let bridged = Bridge::new(&runtime, nats).take(intake).start().await.expect("it starts");
    (runtime, bridged)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_message_is_lost_and_none_is_two_jobs() {
    let (mut server, folder) = (Server::start().unwrap(), Folder::new("taken"));
    let file = folder.file("jobs.db");
    let (nats, publisher) = (connected(&server).await, client(&server).await);
    let context = made(&publisher, "ORDERS").await;
    let (told, sent) = (watch::Sender::new(0), watch::Sender::new(0));
    let (mut runtime, mut bridged) = opened(&file, &nats, &told).await;
    let sending = tokio::spawn(send_all(OF, context.clone(), sent.clone()));
    for blow in 1..=BLOWS {
        let mut sent = sent.subscribe();
        sent.wait_for(|sent| *sent >= blow * MESSAGES / (BLOWS + 1)).await.unwrap();
        if blow % 2 == 0 {
            server.kill();
            server.again().unwrap();
            continue;
        }
        // What is between the store and the server's acknowledgement is left there.
        drop(bridged);
        runtime.shutdown(Duration::from_secs(20)).await;
        drop(runtime);
        (runtime, bridged) = opened(&file, &nats, &told).await;
    }
    sending.await.unwrap();
    until(&told, MESSAGES as usize).await;
    bridged.stop().await;
    let jobs = runtime.history(JobFilter::new()).await.unwrap();
    for job in &jobs {
        let job = runtime.fetch(job.id).await.unwrap().unwrap();
        assert!(job.outcome().await.is_ok());
        assert_eq!(job.state(), JobState::Succeeded);
    }
    assert_eq!(jobs.len(), MESSAGES as usize);
    let dispatched = dispatched(OF);
    assert_eq!(dispatched.len(), MESSAGES as usize);
    assert!(dispatched.values().all(|times| *times == 1), "{dispatched:?}");
    runtime.shutdown(Duration::from_secs(5)).await;
}

/// Not a test by itself: the process that is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_takes() {
    let (Ok(address), Ok(file)) = (std::env::var(ADDRESS), std::env::var(FILE)) else { return };
    let nats = Nats::of(client_at(&address).await);
    let _taking = opened(file.as_ref(), &nats, &watch::Sender::new(0)).await;
    std::future::pending().await
}

const ADDRESS: &str = "AGENTS_TEST_NATS";
const FILE: &str = "AGENTS_TEST_JOBS";

fn process(server: &Server, file: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("it is known"));
    command.args(["--exact", "killed::a_process_that_takes"]).env(ADDRESS, server.address()).env(FILE, file);
    command.stdout(Stdio::null()).spawn().expect("it starts")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_message_is_lost_with_a_process() {
    let (server, folder) = (Server::start().unwrap(), Folder::new("processes"));
    let file = folder.file("jobs.db");
    let context = made(&client(&server).await, "ORDERS").await;
    let sent = watch::Sender::new(0);
    let sending = tokio::spawn(send_all(OF_PROCESSES, context.clone(), sent.clone()));
    for kill in 1..=KILLS {
        let mut process = process(&server, &file);
        let mut sent = sent.subscribe();
        sent.wait_for(|sent| *sent >= kill * MESSAGES / KILLS).await.unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }
    sending.await.unwrap();
    let (runtime, bridged) = opened(&file, &connected(&server).await, &watch::Sender::new(0)).await;
    // Until nothing is left, and nothing will come again.
    let taken = async {
        loop {
            let consumer: Consumer<Config> =
                context.get_consumer_from_stream("takers", "ORDERS").await.unwrap();
            let left = consumer.cached_info();
            if left.num_pending == 0 && left.num_ack_pending == 0 {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), taken).await.expect("they are taken in time");
    bridged.stop().await;
    let mut numbers = BTreeSet::new();
    for job in runtime.history(JobFilter::new()).await.unwrap() {
        let job = runtime.fetch(job.id).await.unwrap().unwrap();
        let number = job.outcome().await.unwrap();
        assert!(numbers.insert(number.to_string()), "{number} is two jobs");
    }
    assert_eq!(numbers.len(), MESSAGES as usize);
    runtime.shutdown(Duration::from_secs(5)).await;
}
