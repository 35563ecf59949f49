//! Messages that steps send.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, future};
use private_nats::Server;
use serde_json::json;
use tokio::sync::watch;
use workflow_agents::async_nats::service::ServiceExt;
use workflow_agents::async_nats::service::error::Error as ServiceError;
use workflow_agents::async_nats::{Client, Subscriber};
use workflow_agents::policy::{Limits, Policy, Role};
use workflow_agents::{Body, Bridge, NatsMessage, NatsReply, nats};
use workflow_runtime::prelude::*;
use workflow_runtime::store::{MemoryStore, Store};
use workflow_runtime::{JobFilter, JobState};

use crate::setting::{builder, client, connected, greet, stream};

workflow! {
    /// One message, as a clerk.
    pub workflow Send(message: NatsMessage) -> NatsReply {
        phase send {
            #[role("clerk")] #[retry(max = 1, first = "1ms")]
            reply = nats(message);
        }
        reply
    }
}

/// By this a listener knows that he is heard of.
const READY: &str = "ready";

/// A runtime where a clerk may send to some subjects.
struct Setting {
    runtime: Runtime,
    store: Arc<MemoryStore>,
    client: Client,
}

impl Setting {
    async fn new(server: &Server) -> Self {
        let store = Arc::new(MemoryStore::new());
        let role = Role::new().tool("nats").subject("orders.>").subject("workflow.*");
        let role = role.limits(Limits { output: Some(1000), ..Limits::default() });
        let builder = builder(&watch::Sender::new(0), Policy::new().role("clerk", role));
        let builder = builder.state(connected(server).await);
        let runtime = builder.on(store.clone()).await.expect("it starts");
        Self { runtime, store, client: client(server).await }
    }

    async fn send(&self, message: NatsMessage) -> Result<NatsReply, String> {
        self.runtime.run(Send { message }).await.map_err(|error| error.to_string())
    }

    /// Somebody who hears what is sent to a subject.
    async fn listener(&self, subject: &'static str) -> Subscriber {
        let heard = self.client.subscribe(subject).await.expect("it is heard");
        // Who hears himself knows that the server has read what he sent before.
        let mut own = self.client.subscribe(READY).await.expect("it is heard");
        self.client.publish(READY, "".into()).await.expect("it is sent");
        own.next().await.expect("it comes");
        heard
    }

    /// Somebody who answers whatever comes as a service does.
    async fn answering(&self, answer: Result<&'static str, (usize, &'static str)>) {
        let mut heard = self.listener("orders.ask").await;
        let client = self.client.clone();
        tokio::spawn(async move {
            let service = client.service_builder().start("asked", "1.0.0").await.expect("it starts");
            let mut endpoint = service.endpoint("orders.service").await.expect("it is there");
            let forwarded = async {
                while let Some(asked) = heard.next().await {
                    let reply = asked.reply.expect("an answer is awaited");
                    client
                        .publish_with_reply("orders.service", reply, asked.payload)
                        .await
                        .expect("it goes on");
                }
            };
            let served = async {
                while let Some(request) = endpoint.next().await {
                    let answer = match answer {
                        Ok(text) => Ok(text.into()),
                        Err((code, status)) => Err(ServiceError { status: status.to_owned(), code }),
                    };
                    request.respond(answer).await.expect("it is answered");
                }
            };
            tokio::join!(forwarded, served);
        });
    }
}

#[tokio::test]
async fn a_step_asks_a_service_and_has_its_answer() {
    let server = Server::start().unwrap();
    let setting = Setting::new(&server).await;
    let bridge = Bridge::new(&setting.runtime, &connected(&server).await).serve::<greet>();
    let _bridged = bridge.start().await.unwrap();
    let reply = setting.send(NatsMessage::ask("workflow.greet").json(json!("ann"))).await.unwrap();
    assert_eq!(reply.json::<String>().unwrap(), "hello ann");
    let job = setting.runtime.jobs(&JobFilter::new().name("greet"))[0].id.to_string();
    assert_eq!(reply.headers["Workflow-Job"], job);
}

#[tokio::test]
async fn what_goes_with_a_message_comes_with_it() {
    let server = Server::start().unwrap();
    let setting = Setting::new(&server).await;
    let mut heard = setting.listener("orders.new").await;
    for body in [Body::Text("é".to_owned()), Body::Json(json!([1])), Body::Base64("AAE=".to_owned())] {
        let message = NatsMessage::tell("orders.new").header("of", "é").body(body.clone());
        assert_eq!(setting.send(message).await.unwrap(), NatsReply::default());
        let came = heard.next().await.unwrap();
        let payload: &[u8] = match body {
            Body::Text(_) => "é".as_bytes(),
            Body::Json(_) => b"[1]",
            Body::Base64(_) => &[0, 1],
        };
        assert_eq!(&came.payload[..], payload);
        let (headers, reply) = (came.headers.unwrap(), came.reply);
        assert_eq!((headers.get("of").unwrap().as_str(), reply), ("é", None));
        let id = headers.get("Nats-Msg-Id").unwrap().to_string();
        assert!(id.ends_with("/reply"), "{id}");
    }
    let own = NatsMessage::tell("orders.new").header("Nats-Msg-Id", "mine");
    setting.send(own).await.unwrap();
    assert_eq!(heard.next().await.unwrap().headers.unwrap().get("Nats-Msg-Id").unwrap().as_str(), "mine");
}

#[tokio::test]
async fn a_stream_answers_that_it_has_a_message() {
    let server = Server::start().unwrap();
    let setting = Setting::new(&server).await;
    stream(&setting.client, "ORDERS").await;
    let kept = setting.send(NatsMessage::ask("orders.new").text("x")).await.unwrap();
    let kept: serde_json::Value = kept.json().unwrap();
    assert_eq!((&kept["stream"], &kept["seq"]), (&json!("ORDERS"), &json!(1)));
}

#[tokio::test]
async fn nothing_is_sent_where_the_role_may_not() {
    let server = Server::start().unwrap();
    let setting = Setting::new(&server).await;
    let others = setting.listener(">").await;
    let mut heard = others.filter(|message| future::ready(message.subject.as_str() != READY));
    let subjects = [
        "orders",
        "order.new",
        "workflow.greet.more",
        "$JS.API.STREAM.PURGE.ORDERS",
        "_INBOX.x",
        "orders.*",
        "orders.>",
        "orders..new",
        "orders.",
        "",
        "orders.a b",
        "orders.a\r\nPUB other 0",
        "orders.a\tb",
    ];
    for (number, subject) in subjects.into_iter().enumerate() {
        for message in [NatsMessage::ask(subject), NatsMessage::tell(subject)] {
            let told = setting.send(message).await.expect_err(subject);
            assert!(told.contains("refused: `clerk` may not send to"), "{told}");
            assert!(told.contains("role.clerk.subjects") && told.contains("attempt 1"), "{told}");
        }
        assert_eq!(setting.store.notes("audit").unwrap().len(), 2 * number + 2);
    }
    let long = setting.send(NatsMessage::tell(format!("orders.{}", "a".repeat(5000)))).await.unwrap_err();
    assert!(long.contains("role.clerk.subjects"), "{long}");
    // The first that is heard is the first that may be sent.
    setting.send(NatsMessage::tell("orders.new").text("heard")).await.unwrap();
    assert_eq!(heard.next().await.unwrap().payload, "heard");
}

#[tokio::test]
async fn nothing_goes_with_it_that_the_server_would_obey() {
    let server = Server::start().unwrap();
    let setting = Setting::new(&server).await;
    for (name, value) in [
        ("Nats-Rollup", "all"),
        ("nats-rollup", "all"),
        ("Nats-Schedule-Target", "other"),
        ("Nats-Trace-Dest", "other"),
        ("a b", "x"),
        ("a:", "x"),
        ("a", "x\r\nNats-Rollup: all"),
        ("a\r\nNats-Rollup", "all"),
        ("", "x"),
    ] {
        let told = setting.send(NatsMessage::tell("orders.new").header(name, value)).await.expect_err(name);
        assert!(told.contains("header") && told.contains("attempt 1"), "{told}");
    }
}

#[tokio::test]
async fn where_nobody_is_it_is_told_at_once_and_tried_again() {
    let server = Server::start().unwrap();
    let setting = Setting::new(&server).await;
    let began = Instant::now();
    let told = setting.send(NatsMessage::ask("orders.ask")).await.unwrap_err();
    assert!(told.contains("nobody is there who would answer at `orders.ask`"), "{told}");
    assert!(told.contains("attempt 2"), "{told}");
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn who_does_not_answer_in_time_is_asked_again() {
    let server = Server::start().unwrap();
    let setting = Setting::new(&server).await;
    let mut silent = setting.listener("orders.ask").await;
    let message = NatsMessage::ask("orders.ask").time(Duration::from_millis(30));
    let told = setting.send(message).await.unwrap_err();
    assert!(
        told.contains("nobody answered at `orders.ask` within 30ms") && told.contains("attempt 2"),
        "{told}"
    );
    let ids = [silent.next().await.unwrap(), silent.next().await.unwrap()]
        .map(|asked| asked.headers.unwrap().get("Nats-Msg-Id").unwrap().to_string());
    assert_eq!(ids[0], ids[1], "both are known to be one");
}

#[tokio::test]
async fn what_a_service_says_is_wrong_with_the_question_is_not_asked_again() {
    let server = Server::start().unwrap();
    for (code, attempts) in [(400, 1), (404, 1), (499, 1), (408, 2), (429, 2), (500, 2), (503, 2), (7, 2)] {
        let setting = Setting::new(&server).await;
        setting.answering(Err((code, "no such item"))).await;
        let told = setting.send(NatsMessage::ask("orders.ask").text("x")).await.unwrap_err();
        assert!(told.contains(&format!("the service says {code}: no such item")), "{told}");
        assert!(told.contains(&format!("attempt {attempts}:")), "{told}");
        // Who has answered for it must not answer for the next.
        setting.client.drain().await.unwrap();
        while setting.client.request("orders.ask", "".into()).await.is_ok() {}
    }
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_no_answer() {
    let server = Server::start().unwrap();
    let setting = Setting::new(&server).await;
    static LONG: &str = match std::str::from_utf8(&[b'x'; 1001]) {
        Ok(text) => text,
        Err(_) => "",
    };
    setting.answering(Ok(LONG)).await;
    let told = setting.send(NatsMessage::ask("orders.ask")).await.unwrap_err();
    assert!(told.contains("1001 bytes were answered") && told.contains("1000 is the limit"), "{told}");
    assert!(told.contains("attempt 1"), "{told}");
}

#[tokio::test]
async fn a_message_that_is_too_long_is_not_sent_and_hurts_nobody() {
    let server = Server::start().unwrap();
    let setting = Setting::new(&server).await;
    for message in [NatsMessage::ask("orders.new"), NatsMessage::tell("orders.new")] {
        let told = setting.send(message.text("x".repeat(1 << 20))).await.unwrap_err();
        assert!(told.contains("payload size") && told.contains("attempt 1"), "{told}");
    }
    setting.answering(Ok("still there")).await;
    assert_eq!(setting.send(NatsMessage::ask("orders.ask")).await.unwrap().body.text, "still there");
}

#[tokio::test]
async fn who_is_told_to_stop_awaits_no_answer() {
    let server = Server::start().unwrap();
    let setting = Setting::new(&server).await;
    let mut silent = setting.listener("orders.ask").await;
    let job = setting.runtime.submit(Send { message: NatsMessage::ask("orders.ask") }).await.unwrap();
    silent.next().await.unwrap();
    assert!(job.cancel("it is not needed").await);
    let ended = tokio::time::timeout(Duration::from_secs(4), job.outcome()).await;
    assert!(ended.expect("it ends before its time of grace is over").is_err());
    assert_eq!(job.state(), JobState::Cancelled);
}

#[tokio::test]
async fn while_there_is_no_server_nothing_waits_to_be_sent() {
    let mut server = Server::start().unwrap();
    let setting = Setting::new(&server).await;
    setting.answering(Ok("there")).await;
    assert_eq!(setting.send(NatsMessage::ask("orders.ask")).await.unwrap().body.text, "there");
    server.kill();
    let told = setting.send(NatsMessage::ask("orders.ask").time(Duration::from_secs(1))).await.unwrap_err();
    assert!(told.contains("there is no connection to NATS at the moment"), "{told}");
    server.again().unwrap();
    while setting.send(NatsMessage::ask("orders.ask").time(Duration::from_secs(1))).await.is_err() {}
}

#[tokio::test]
async fn without_a_connection_a_step_says_what_to_do() {
    let policy = Policy::new().role("clerk", Role::new().tool("nats").subject(">"));
    let runtime = builder(&watch::Sender::new(0), policy).in_memory().await.unwrap();
    let told = runtime.run(Send { message: NatsMessage::ask("a") }).await.unwrap_err().to_string();
    assert!(told.contains("State<workflow_agents::") && told.contains(".state("), "{told}");
}
