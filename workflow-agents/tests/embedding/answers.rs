//! Vectors that servers make.

use serde_json::json;
use workflow_agents::Embed;
use workflow_agents::vectors::Embedder;

use crate::server::Server;
use crate::setting::{Setting, two};
use crate::wire::{KEY, bodies, model, ok, says};

#[tokio::test(flavor = "multi_thread")]
async fn texts_are_asked_in_batches_and_their_vectors_are_in_their_order() {
    let server = Server::saying(&[
        &says(&[(1, json!([2, 0.5])), (0, json!([1, 0.25]))]),
        &says(&[(0, json!([3, 1e-3])), (1, json!([4, -1]))]),
        &says(&[(0, json!([5, 0]))]),
    ])
    .await;
    let setting = Setting::of(model(&server)).await;
    let made = setting.make(Embed::new("m").texts(["a", "b", "c", "d", "e"])).await.unwrap();
    assert_eq!(made.vectors, [[1.0, 0.25], [2.0, 0.5], [3.0, 1e-3], [4.0, -1.0], [5.0, 0.0]]);
    assert_eq!((made.model.as_str(), made.dimension, made.tokens), ("m", 2, 30));
    assert!((made.cost_cents - 0.006).abs() < 1e-12, "{}", made.cost_cents);
    let asked = server.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked[0].starts_with("POST /v1/embeddings HTTP/1.1\r\n"), "{}", asked[0]);
    assert!(asked[0].contains(&format!("authorization: Bearer {KEY}\r\n")));
    let inputs: Vec<_> = bodies(&server).into_iter().map(|body| body["input"].clone()).collect();
    assert_eq!(inputs, [json!(["a", "b"]), json!(["c", "d"]), json!(["e"])]);
    assert_eq!(bodies(&server)[2], json!({"model": "m-large", "input": ["e"], "encoding_format": "float"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn long_texts_are_not_asked_together() {
    let one = says(&[(0, json!([1]))]);
    let server = Server::saying(&[&one]).await;
    let setting = Setting::of(model(&server).batch(64).longest(1 << 20)).await;
    let long = "ä".repeat(100_000);
    let made = setting.make(Embed::new("m").texts([long.clone(), long.clone(), "b".to_owned()])).await;
    // The second and the third are asked together, and one vector is answered.
    let told = made.expect_err("there is one vector too few");
    assert!(told.contains("it answered 1 vectors for 2 texts"), "{told}");
    let counts: Vec<_> = bodies(&server).iter().map(|body| body["input"].as_array().unwrap().len()).collect();
    assert_eq!(counts, [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_asked_to_shorten_its_vectors_only_where_that_is_said() {
    let server = Server::saying(&[&says(&[(0, json!([1, 2])), (1, json!([1, 2]))])]).await;
    let setting = Setting::of(model(&server).dimension(2)).await;
    setting.make(two().dimension(2)).await.unwrap();
    let setting = Setting::of(model(&server).shortened(2)).await;
    setting.make(two()).await.unwrap();
    let asked: Vec<_> = bodies(&server).into_iter().map(|body| body["dimensions"].clone()).collect();
    assert_eq!(asked, [json!(null), json!(2)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_says_neither_index_nor_usage_is_understood() {
    let server = Server::saying(&[&ok(r#"{"data": [{"embedding": [1]}, {"embedding": [2]}]}"#)]).await;
    let setting = Setting::of(Embedder::compatible(server.url("/v1/"), "m")).await;
    let made = setting.make(two()).await.unwrap();
    assert_eq!((made.vectors, made.tokens), (vec![vec![1.0], vec![2.0]], 0));
    assert!(!server.asked()[0].contains("authorization"));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_told_how_many_texts_are_done() {
    let server = Server::saying(&[&says(&[(0, json!([1])), (1, json!([2]))])]).await;
    let setting = Setting::of(model(&server)).await;
    let job = setting.begin(Embed::new("m").texts(["a", "b", "c", "d"])).await;
    let mut progress = job.progress();
    let mut told = Vec::new();
    while let Some(next) = progress.next().await {
        told.push(format!("{next:?}"));
    }
    job.await.unwrap();
    assert!(told.iter().any(|told| told.contains("4 of 4 texts")), "{told:?}");
}
