//! Servers that do not do as they should.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use workflow_agents::Http;
use workflow_agents::policy::Limits;

use crate::server::Server;
use crate::setting::{Ask, Setting};

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_end_is_given_up() {
    let server = Server::doing(|mut stream, _| {
        Box::pin(async move {
            drop(stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await);
            while stream.write_all(b"400\r\n").await.is_ok() && stream.write_all(&[b'x'; 1024]).await.is_ok()
            {
                drop(stream.write_all(b"\r\n").await);
            }
        })
    })
    .await;
    let setting = Setting::asking(&server).await;
    let told = setting.ask(Http::get(server.url("/"))).await.expect_err("it never ends");
    assert!(told.contains("answers more than 1048576 bytes"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_says_nothing_is_waited_for_as_long_as_the_role_may() {
    let server = Server::doing(|mut stream, _| {
        Box::pin(async move {
            drop(stream.read(&mut [0]).await);
        })
    })
    .await;
    let setting = Setting::asking(&server).await;
    let limits = Limits { time_ms: Some(100), ..Limits::default() };
    let told = setting.ask(Http::get(server.url("/")).limits(limits)).await.expect_err("it says nothing");
    assert!(told.contains("it took longer than 100ms"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_cancelled_hangs_up() {
    let (told, mut hung_up) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::doing(move |mut stream, _| {
        let told = told.clone();
        Box::pin(async move {
            while stream.read(&mut [0]).await.is_ok_and(|count| count > 0) {}
            let _ = told.send(());
        })
    })
    .await;
    let setting = Setting::asking(&server).await;
    let job = setting.runtime.submit(Ask { request: Http::get(server.url("/")) }).await.unwrap();
    while server.asked().is_empty() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert!(job.cancel("enough").await);
    tokio::time::timeout(Duration::from_secs(20), job).await.expect("it ends").expect_err("it was cancelled");
    tokio::time::timeout(Duration::from_secs(20), hung_up.recv()).await.expect("it hangs up");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_cut_or_nonsense_are_asked_for_again_and_then_given_up() {
    for text in [
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\nx",
        "\0\0\0\0 nonsense",
        "HTTP/1.1 999999 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno header at all\r\n\r\n",
        "",
    ] {
        let server = Server::saying(&[text]).await;
        let setting = Setting::asking(&server).await;
        let told = setting.ask(Http::get(server.url("/"))).await.expect_err(text);
        assert!(told.contains("attempt 3") && server.asked().len() == 3, "{text}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_told_as_such() {
    let server = Server::saying(&[""]).await;
    let setting = Setting::asking(&server).await;
    let port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let role = crate::setting::role(&[&format!("127.0.0.1:{port}")]);
    drop(setting);
    let setting = Setting::with(role).await;
    let told =
        setting.ask(Http::get(format!("http://127.0.0.1:{port}/"))).await.expect_err("nobody is there");
    assert!(told.contains("refused") && told.contains("attempt 3"), "{told}");
    assert!(setting.audit().is_empty(), "that is no matter of policy");
}
