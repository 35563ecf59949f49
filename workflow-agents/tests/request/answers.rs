//! What comes back.

use serde_json::json;
use workflow_agents::policy::Limits;
use workflow_agents::{Body, Http};

use crate::server::{Server, answer};
use crate::setting::Setting;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_is_sent_and_what_is_answered_comes_back() {
    let text = answer("200 OK", "X-One: a\r\nx-one: b\r\nSet-Cookie: secret=1\r\n", "{\"price\": 7}");
    let server = Server::saying(&[&text]).await;
    let setting = Setting::asking(&server).await;
    let request =
        Http::new("PUT", server.url("/a?b=c")).header("X-Kind", "käse").json(json!({ "n": [1, null] }));
    let given = setting.ask(request).await.unwrap();
    assert_eq!(
        (given.status, given.headers["x-one"].as_str(), given.headers.get("set-cookie")),
        (200, "a, b", None)
    );
    assert_eq!(given.json::<serde_json::Value>().unwrap()["price"], 7);
    let asked = server.asked();
    assert!(
        asked[0].starts_with("PUT /a?b=c HTTP/1.1\r\n") && asked[0].ends_with("{\"n\":[1,null]}"),
        "{asked:?}"
    );
    assert!(
        asked[0].contains("x-kind: käse") && asked[0].contains("content-type: application/json"),
        "{asked:?}"
    );
    assert!(!asked[0].contains("idempotency-key"), "what is done twice by PUT is done once: {asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_pass_is_asked_again_with_the_same_key() {
    let busy = answer("503 Service Unavailable", "", "later");
    let server = Server::saying(&[&busy, "", &answer("201 Created", "", "made")]).await;
    let setting = Setting::asking(&server).await;
    let given = setting.ask(Http::post(server.url("/orders")).text("one")).await.unwrap();
    assert_eq!((given.status, given.body.text.as_str()), (201, "made"));
    let key = |asked: &String| {
        asked.lines().find_map(|line| line.strip_prefix("idempotency-key: ")).map(str::to_owned)
    };
    let keys: Vec<_> = server.asked().iter().map(key).collect();
    assert!(keys.len() == 3 && keys[0].is_some() && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_asks_for_time_is_given_it() {
    let busy = answer("429 Too Many Requests", "Retry-After: 1\r\n", "");
    let server = Server::saying(&[&busy, &answer("200 OK", "", "")]).await;
    let setting = Setting::asking(&server).await;
    let began = std::time::Instant::now();
    setting.ask(Http::get(server.url("/"))).await.unwrap();
    assert!(began.elapsed() >= std::time::Duration::from_millis(950), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_will_not_pass_is_asked_once_unless_it_is_what_is_wanted() {
    let server = Server::saying(&[&answer("404 Not Found", "", "no such thing")]).await;
    let setting = Setting::asking(&server).await;
    let told = setting.ask(Http::get(server.url("/x"))).await.expect_err("it is not there");
    assert!(told.contains("answered 404 Not Found: no such thing") && server.asked().len() == 1, "{told}");
    let given = setting.ask(Http::get(server.url("/x")).accept(404)).await.unwrap();
    assert_eq!(given.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_go_and_come() {
    let server = Server::saying(&["HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\na\0b"]).await;
    let setting = Setting::asking(&server).await;
    let given = setting.ask(Http::post(server.url("/")).body(Body::Base64("YQBi".to_owned()))).await.unwrap();
    assert_eq!(given.body.text, "YQBi");
    assert!(server.asked()[0].ends_with("a\0b"));
    let told = setting
        .ask(Http::post(server.url("/")).body(Body::Base64("?".to_owned())))
        .await
        .expect_err("it is none");
    assert!(told.contains("no base64"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_too_long_is_none_and_one_that_is_just_right_is_whole() {
    let text = answer("200 OK", "", &"x".repeat(1000));
    let server = Server::saying(&[&text]).await;
    let setting = Setting::asking(&server).await;
    let of = |output| Http::get(server.url("/")).limits(Limits { output: Some(output), ..Limits::default() });
    let given = setting.ask(of(1000)).await.unwrap();
    assert_eq!((given.body.text.len(), given.body.truncated), (1000, false));
    let told = setting.ask(of(999)).await.expect_err("it is too long");
    assert!(told.contains("more than 999 bytes"), "{told}");
}
