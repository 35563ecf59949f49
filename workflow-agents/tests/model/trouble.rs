//! Servers that are busy, fail, say nothing, or are cut off.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use workflow_agents::model::Model;
use workflow_agents::policy::Limits;

use crate::server::Server;
use crate::setting::{Setting, question};
use crate::wire::{ALL, HEAD, beginning, data, model, refuses, says};

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_time_is_given_it() {
    for provider in ALL {
        let busy = refuses(provider, "429 Too Many Requests", "retry-after: 1\r\n", "slowly");
        let server = Server::saying(&[&busy, &says(provider, &["21"])]).await;
        let setting = Setting::asking(provider, &server).await;
        let began = Instant::now();
        assert_eq!(setting.ask(question()).await.unwrap().text, "21", "{provider:?}");
        assert!(began.elapsed() >= Duration::from_millis(950), "{provider:?}: {:?}", began.elapsed());
        assert_eq!(server.asked().len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_pass_is_asked_again_and_what_will_not_is_not() {
    for provider in ALL {
        for (status, questions) in [
            ("500 Internal Server Error", 2),
            ("503 Service Unavailable", 2),
            ("529 Overloaded", 2),
            ("400 Bad Request", 1),
            ("403 Forbidden", 1),
            ("404 Not Found", 1),
            ("302 Found", 1),
        ] {
            let failure = refuses(provider, status, "location: http://127.0.0.1:1/\r\n", "because");
            let server = Server::saying(&[&failure, &says(provider, &["21"])]).await;
            let setting = Setting::asking(provider, &server).await;
            let reply = setting.ask(question()).await;
            assert_eq!(server.asked().len(), questions, "{provider:?} {status}");
            match reply {
                Ok(reply) => assert_eq!((reply.text.as_str(), questions), ("21", 2)),
                Err(told) => assert!(
                    questions == 1 && told.contains(&status[..3]) && told.contains("because"),
                    "{told}"
                ),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_cut_is_asked_for_again() {
    for provider in ALL {
        let half = beginning(provider, &["It is "]);
        let within = &half[..half.len() - 9];
        let chunked = HEAD.replace("connection: close", "transfer-encoding: chunked");
        for cut in [
            format!("{HEAD}{half}"),
            format!("{HEAD}{within}"),
            format!("{chunked}{:x}\r\n{half}\r\n", half.len()),
            format!("{chunked}fff\r\n{half}"),
            HEAD.to_owned(),
            "HTTP/1.1 200 OK\r\ncontent-le".to_owned(),
            String::new(),
        ] {
            let server = Server::saying(&[&cut, &says(provider, &["21"])]).await;
            let setting = Setting::asking(provider, &server).await;
            let reply = setting.ask(question()).await.unwrap();
            assert_eq!((reply.text.as_str(), server.asked().len()), ("21", 2), "{provider:?}: {cut:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_asked_about_again_and_then_given_up() {
    for provider in ALL {
        let event = "event: content_block_delta\n";
        for nonsense in [
            format!("{HEAD}{event}data: {{\"nonsen\n\n"),
            format!("{HEAD}{event}{}", data(&json!({"hello": ["world"]}))),
            format!("{HEAD}{event}{}", data(&json!([null]))),
            format!("{HEAD}\u{0}\u{1}\u{2}"),
            format!("{HEAD}data: [DONE]\n\n"),
            crate::server::answer("200 OK", "content-type: text/html\r\n", "<html>It works!</html>"),
            "SSH-2.0-OpenSSH_9.2\r\n".to_owned(),
        ] {
            let server = Server::saying(&[&nonsense]).await;
            let setting = Setting::asking(provider, &server).await;
            let told = setting.ask(question()).await.expect_err("it is nonsense");
            assert!(
                told.contains("attempt 3") && server.asked().len() == 3,
                "{provider:?}: {nonsense:?}: {told}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_is_given_up() {
    for provider in ALL {
        for begun in [String::new(), HEAD.to_owned(), format!("{HEAD}{}", beginning(provider, &["It "]))] {
            let server = Server::doing(move |mut stream, _| {
                let begun = begun.clone();
                Box::pin(async move {
                    drop(stream.write_all(begun.as_bytes()).await);
                    drop(stream.read(&mut [0]).await);
                })
            })
            .await;
            let setting = Setting::of(model(provider, &server).silence(Duration::from_millis(50))).await;
            let told = setting.ask(question()).await.expect_err("it says nothing");
            assert!(
                told.contains("it said nothing for 50ms") && told.contains("attempt 3"),
                "{provider:?}: {told}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_little_by_little_is_heard() {
    for provider in ALL {
        let server = Server::doing(move |mut stream, _| {
            Box::pin(async move {
                for piece in says(provider, &["0", "1", "2", "3", "4", "5", "6", "7"]).split_inclusive("\n\n")
                {
                    drop(stream.write_all(piece.as_bytes()).await);
                    drop(stream.flush().await);
                    tokio::time::sleep(Duration::from_millis(150)).await;
                }
            })
        })
        .await;
        let setting = Setting::of(model(provider, &server).silence(Duration::from_secs(1))).await;
        assert_eq!(setting.ask(question()).await.unwrap().text, "01234567", "{provider:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_longer_than_the_role_may_ask() {
    for provider in ALL {
        // One that says again and again that it is there.
        let server = Server::doing(move |mut stream, _| {
            Box::pin(async move {
                drop(stream.write_all(HEAD.as_bytes()).await);
                while stream.write_all(b": ping\n\nevent: ping\ndata: {\"type\": \"ping\"}\n\n").await.is_ok()
                {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    if provider != workflow_agents::model::Provider::Anthropic {
                        drop(stream.write_all(beginning(provider, &["x"]).as_bytes()).await);
                    }
                }
            })
        })
        .await;
        let setting = Setting::asking(provider, &server).await;
        let limits = Limits { time_ms: Some(200), ..Limits::default() };
        let told = setting.ask(question().limits(limits)).await.expect_err("it never ends");
        let is_late = told.contains("it took longer than 200ms");
        // To others, what is no answer of theirs is nonsense.
        assert!(is_late || provider != workflow_agents::model::Provider::Anthropic, "{provider:?}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_is_cancelled_hangs_up() {
    let (told, mut hung_up) = tokio::sync::mpsc::unbounded_channel();
    let provider = ALL[0];
    let server = Server::doing(move |mut stream, _| {
        let told = told.clone();
        Box::pin(async move {
            drop(stream.write_all(format!("{HEAD}{}", beginning(provider, &["It "])).as_bytes()).await);
            while stream.read(&mut [0]).await.is_ok_and(|count| count > 0) {}
            let _ = told.send(());
        })
    })
    .await;
    let setting = Setting::asking(provider, &server).await;
    let job = setting.begin(question()).await;
    job.progress().next().await.expect("it is told");
    assert!(job.cancel("enough").await);
    tokio::time::timeout(Duration::from_secs(20), job).await.expect("it ends").expect_err("it was cancelled");
    tokio::time::timeout(Duration::from_secs(20), hung_up.recv()).await.expect("it hangs up");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_told_as_such() {
    let port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let setting = Setting::of(Model::compatible(format!("http://127.0.0.1:{port}/v1"), "m")).await;
    let told = setting.ask(question()).await.expect_err("nobody is there");
    assert!(told.contains("refused") && told.contains("attempt 3"), "{told}");
}
