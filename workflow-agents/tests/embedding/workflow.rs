//! The workflow that makes a vector of a text, from end to end.

use serde_json::json;
use workflow_agents::Embedding;
use workflow_agents::embedding::EmbeddingResponse;
use workflow_agents::policy::Role;
use workflow_agents::vectors::Embedders;

use crate::server::Server;
use crate::setting::Setting;
use crate::wire::{bodies, model, refuses, says};

fn query(query: &str) -> Embedding {
    Embedding { query_id: "550e8400".to_owned(), query: query.to_owned(), model: "m".to_owned() }
}

async fn run(setting: &Setting, query: Embedding) -> Result<EmbeddingResponse, String> {
    setting.runtime.run(query).await.map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_becomes_a_vector() {
    let server = Server::saying(&[&says(&[(0, json!([0.123, 0.456, 0.789]))])]).await;
    let setting = Setting::of(model(&server)).await;
    let response = run(&setting, query("async request handling pattern")).await.unwrap();
    assert_eq!(bodies(&server)[0]["input"], json!(["async request handling pattern"]));
    assert_eq!((response.query_id.as_str(), response.embedding_dim), ("550e8400", 3));
    assert_eq!(response.embedding, [0.123, 0.456, 0.789]);
    assert!(response.timestamp.ends_with('Z') && response.timestamp.len() >= 20, "{}", response.timestamp);
    let told = serde_json::to_value(&response).unwrap();
    let mut names: Vec<&String> = told.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(names, ["embedding", "embedding_dim", "query_id", "timestamp"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_query_is_told_as_such() {
    let server = Server::saying(&[""]).await;
    let setting = Setting::of(model(&server).longest(20)).await;
    for (asked, why) in [
        (Embedding { query_id: " ".to_owned(), ..query("a") }, "there is no `query_id`"),
        (query(" "), "text 1 is empty"),
        (query("async request handling pattern"), "text 1 has 30 bytes"),
        (Embedding { model: "qodo".to_owned(), ..query("a") }, "there is no model `qodo`"),
    ] {
        let told = run(&setting, asked).await.expect_err(why);
        assert!(told.contains(why), "{told}");
    }
    assert!(server.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_its_role_may_ask_is_asked() {
    let server = Server::saying(&[""]).await;
    let setting =
        Setting::with(Role::new().tool("embed").model("x"), Embedders::new().with("m", model(&server))).await;
    let told = run(&setting, query("a")).await.expect_err("it may not");
    assert!(told.contains("refused: `embedding` may not ask the model `m`"), "{told}");
    assert!(server.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_busy_is_asked_again_when_it_says() {
    let right = says(&[(0, json!([1, 2]))]);
    let busy = refuses("503 Service Unavailable", "retry-after: 0\r\n", "busy");
    let server = Server::saying(&[&busy, &right]).await;
    let setting = Setting::of(model(&server)).await;
    assert_eq!(run(&setting, query("a")).await.unwrap().embedding, [1.0, 2.0]);
    assert_eq!(server.asked().len(), 2);
}

#[test]
fn it_is_asked_for_by_json_as_well() {
    let asked = json!({"query_id": "550e8400", "query": "async request handling pattern", "model": "qodo"});
    let query: Embedding = serde_json::from_value(asked).unwrap();
    assert_eq!(query.model, "qodo");
}
