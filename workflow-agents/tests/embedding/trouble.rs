//! Servers that fail, or answer what is wrong.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use workflow_agents::Embed;
use workflow_agents::policy::Limits;
use workflow_agents::vectors::Embedder;

use crate::server::Server;
use crate::setting::{Setting, librarian, two};
use crate::wire::{model, ok, refuses, says};

/// What is told when a server answers this.
async fn told(text: &str) -> String {
    let server = Server::saying(&[text]).await;
    Setting::of(model(&server).dimension(2)).await.make(two()).await.expect_err(text)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_an_answer_is_told_with_its_place() {
    let right = json!([1, 2]);
    for (vectors, why) in [
        (vec![(0, right.clone())], "it answered 1 vectors for 2 texts"),
        (vec![(0, right.clone()), (0, right.clone())], "two vectors of text 1"),
        (vec![(0, right.clone()), (7, right.clone())], "a vector of index 7, of 2 texts"),
        (
            vec![(0, right.clone()), (1, json!([1, 2, 3]))],
            "the vector of text 2 has 3 numbers, where 2 are expected",
        ),
        (vec![(0, right.clone()), (1, json!([]))], "the vector of text 2 has 0 numbers"),
        (vec![(0, json!([1, "NaN"])), (1, right.clone())], "the vector of text 1 is no list of numbers"),
        (vec![(0, json!([1, null])), (1, right.clone())], "the vector of text 1 is no list of numbers"),
        (vec![(0, json!("AACAPwAAAEA=")), (1, right.clone())], "the vector of text 1 is no list of numbers"),
        (vec![(0, right.clone()), (1, json!([1, 1e300]))], "vector of text 2 is no"),
    ] {
        let told = told(&says(&vectors)).await;
        assert!(told.contains(why) && told.contains("the model `m`"), "{told}");
        assert!(told.contains("attempt 1"), "it is not tried again: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_vectors_have_as_many_numbers_as_the_first() {
    let first = says(&[(0, json!([1, 2])), (1, json!([1, 2]))]);
    let server = Server::saying(&[&first, &says(&[(0, json!([1, 2, 3]))])]).await;
    let made = Setting::of(model(&server)).await.make(Embed::new("m").texts(["a", "b", "c"])).await;
    let told = made.expect_err("the third is longer");
    assert!(told.contains("the vector of text 3 has 3 numbers, where 2 are expected"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_pass_is_asked_again() {
    let right = says(&[(0, json!([1, 2])), (1, json!([3, 4]))]);
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{\"data\": [";
    for trouble in [
        refuses("429 Too Many Requests", "retry-after: 0\r\n", "slow down"),
        refuses("503 Service Unavailable", "", "busy"),
        ok("{\"data\": [{\"index\": 0, \"embedding\": [1,"),
        ok("{\"error\": {\"message\": \"busy\"}}"),
        ok("<html>"),
        cut.to_owned(),
        String::new(),
    ] {
        let server = Server::saying(&[&trouble, &right]).await;
        let setting = Setting::of(model(&server)).await;
        let made = setting.make(two()).await;
        assert_eq!(made.map(|made| made.vectors), Ok(vec![vec![1.0, 2.0], vec![3.0, 4.0]]), "{trouble}");
        assert_eq!(server.asked().len(), 2, "{trouble}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_will_not_pass_is_not_asked_again() {
    for status in ["400 Bad Request", "401 Unauthorized", "404 Not Found", "302 Found"] {
        let told = told(&refuses(status, "location: http://127.0.0.1:1/\r\n", "no such model")).await;
        let is_right = told.contains(&format!("it answered {status}")) && told.contains("no such model");
        assert!(is_right && told.contains("attempt 1"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_says_when_to_ask_again() {
    let server =
        Server::saying(&[&refuses("429 Too Many Requests", "retry-after: 3600\r\n", "slow down")]).await;
    let setting = Setting::of(model(&server)).await;
    let job = setting.begin(two()).await;
    let id = job.id();
    let waits = async {
        while !setting.kept(id).contains("slow down") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waits).await.expect("it is told");
    assert_eq!(server.asked().len(), 1);
    assert!(job.cancel("enough").await);
    job.await.expect_err("it was cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_end_is_given_up() {
    for head in ["content-length: 9999999999\r\n", ""] {
        let server = Server::doing(move |mut stream, _| {
            Box::pin(async move {
                let head = format!("HTTP/1.1 200 OK\r\n{head}\r\n{{\"data\": [{{\"embedding\": [");
                drop(stream.write_all(head.as_bytes()).await);
                while stream.write_all(&b"0.123456,".repeat(1000)).await.is_ok() {}
            })
        })
        .await;
        let told =
            Setting::of(model(&server).dimension(2)).await.make(two()).await.expect_err("it is endless");
        // Two vectors of two numbers, and what is said besides.
        assert!(told.contains("it answers more than 65664 bytes") && told.contains("attempt 1"), "{told}");
        let told = Setting::of(model(&server)).await.make(two()).await.expect_err("it is endless");
        assert!(told.contains("it answers more than 8454144 bytes"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_without_end_is_told_from_its_beginning() {
    let server = Server::doing(|mut stream, _| {
        Box::pin(async move {
            drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\nno ").await);
            while stream.write_all(&[b'x'; 1000]).await.is_ok() {}
        })
    })
    .await;
    let told = Setting::of(model(&server)).await.make(two()).await.expect_err("it is an error");
    assert!(told.contains("400 Bad Request: no xxx") && told.len() < 1500, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_is_given_up() {
    for begun in ["", "HTTP/1.1 200 OK\r\n\r\n{\"data\""] {
        let server = Server::doing(move |mut stream, _| {
            Box::pin(async move {
                drop(stream.write_all(begun.as_bytes()).await);
                drop(stream.read(&mut [0]).await);
            })
        })
        .await;
        let setting = Setting::of(model(&server).silence(Duration::from_millis(50))).await;
        let told = setting.make(two()).await.expect_err("it says nothing");
        assert!(told.contains("it said nothing for 50ms") && told.contains("attempt 3"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_longer_than_the_role_may_ask() {
    let server = Server::doing(|mut stream, _| {
        Box::pin(async move {
            drop(stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await);
            while stream.write_all(b" ").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
    })
    .await;
    let limits = Limits { time_ms: Some(100), ..Limits::default() };
    let told = Setting::of(model(&server)).await.make(two().limits(limits)).await.expect_err("it never ends");
    assert!(told.contains("it took longer than 100ms"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cancelled_hangs_up() {
    let (told, mut hung_up) = tokio::sync::mpsc::unbounded_channel();
    let (begun, mut begins) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::doing(move |mut stream, _| {
        let (told, begun) = (told.clone(), begun.clone());
        Box::pin(async move {
            let _ = begun.send(());
            while stream.read(&mut [0]).await.is_ok_and(|count| count > 0) {}
            let _ = told.send(());
        })
    })
    .await;
    let setting = Setting::of(model(&server)).await;
    let job = setting.begin(two()).await;
    begins.recv().await.expect("it is asked");
    assert!(job.cancel("enough").await);
    tokio::time::timeout(Duration::from_secs(20), job).await.expect("it ends").expect_err("it was cancelled");
    tokio::time::timeout(Duration::from_secs(20), hung_up.recv()).await.expect("it hangs up");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_told_as_such() {
    let port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let setting = Setting::of(Embedder::compatible(format!("http://127.0.0.1:{port}/v1"), "m")).await;
    let told = setting.make(two()).await.expect_err("nobody is there");
    assert!(told.contains("refused") && told.contains("attempt 3"), "{told}");
    for place in ["localhost:1", "ftp://x/", ""] {
        let told = Setting::of(Embedder::compatible(place, "m")).await.make(two()).await.expect_err(place);
        assert!(told.contains("is no URL") && told.contains("attempt 1"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn vectors_are_held_to_the_limit_of_output() {
    let server = Server::saying(&[&says(&[(0, json!([1, 2])), (1, json!([3, 4]))])]).await;
    let setting = async |output, model: Embedder| {
        let role = librarian().limits(Limits { output: Some(output), ..Limits::default() });
        Setting::with(role, workflow_agents::vectors::Embedders::new().with("m", model)).await
    };
    assert!(setting(16, model(&server)).await.make(two()).await.is_ok());
    let told = setting(15, model(&server)).await.make(two()).await.expect_err("they are too long");
    assert!(told.contains("the vectors have more than 12 bytes"), "{told}");
    assert_eq!(server.asked().len(), 2);
    let known = model(&server).dimension(2);
    setting(15, known).await.make(two()).await.expect_err("they will be too long");
    assert_eq!(server.asked().len(), 2, "that is known before it is asked");
}
