//! Servers that mean harm.

use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncWriteExt;
use workflow_agents::model::{Models, Provider};

use crate::server::Server;
use crate::setting::{Setting, asker, question};
use crate::wire::{ALL, HEAD, beginning, calls, data, end, model, says};

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_end_is_given_up() {
    for provider in ALL {
        let server = Server::doing(move |mut stream, _| {
            Box::pin(async move {
                drop(stream.write_all(HEAD.as_bytes()).await);
                let more = beginning(provider, &["x".repeat(1000).as_str()]);
                while stream.write_all(more.as_bytes()).await.is_ok() {}
            })
        })
        .await;
        let setting = Setting::asking(provider, &server).await;
        let told = setting.ask(question()).await.expect_err("it never ends");
        assert!(
            told.contains("more than 1048576 bytes") && told.contains("attempt 1"),
            "{provider:?}: {told}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_without_end_are_given_up() {
    let (first, piece) = (
        json!({"index": 0, "id": "a", "function": {"name": "add", "arguments": "{"}}),
        json!({"index": 0, "function": {"arguments": "x".repeat(1000)}}),
    );
    let openai = |call| data(&json!({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}));
    let delta = json!({"type": "content_block_delta", "delta": {"type": "input_json_delta", "partial_json": "x".repeat(1000)}});
    let start = json!({"type": "content_block_start", "content_block": {"type": "tool_use", "id": "a", "name": "add"}});
    let claude = (
        format!("event: content_block_start\n{}", data(&start)),
        format!("event: content_block_delta\n{}", data(&delta)),
    );
    for (provider, (first, more)) in
        [(Provider::OpenAi, (openai(first), openai(piece))), (Provider::Anthropic, claude)]
    {
        let server = Server::doing(move |mut stream, _| {
            let (first, more) = (first.clone(), more.clone());
            Box::pin(async move {
                drop(stream.write_all(format!("{HEAD}{first}").as_bytes()).await);
                while stream.write_all(more.as_bytes()).await.is_ok() {}
            })
        })
        .await;
        let setting = Setting::asking(provider, &server).await;
        let told = setting.ask(question().tool("add")).await.expect_err("it never ends");
        assert!(told.contains("more than 1048576 bytes"), "{provider:?}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_without_end_and_an_error_without_end_are_given_up() {
    for provider in ALL {
        for begun in [format!("{HEAD}data: "), HEAD.replace("200 OK", "500 Oops")] {
            let server = Server::doing(move |mut stream, _| {
                let begun = begun.clone();
                Box::pin(async move {
                    drop(stream.write_all(begun.as_bytes()).await);
                    // The library looks through all that it has each time, so that much of it would take long.
                    while stream.write_all(&[b'x'; 1000]).await.is_ok() {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                })
            })
            .await;
            let setting = Setting::of(model(provider, &server).silence(Duration::from_millis(50))).await;
            let told = setting.ask(question()).await.expect_err("it never ends");
            assert!(told.contains("it said nothing for 50ms"), "{provider:?}: {told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_of_calls_are_not_believed() {
    let call =
        json!({"index": u32::MAX, "id": "a", "function": {"name": "add", "arguments": "{\"a\":1,\"b\":2}"}});
    let text = data(&json!({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}));
    let server = Server::saying(&[
        &format!("{HEAD}{text}{}", end(Provider::OpenAi, "tool_calls")),
        &says(Provider::OpenAi, &["3"]),
    ])
    .await;
    let setting = Setting::asking(Provider::OpenAi, &server).await;
    assert_eq!(setting.ask(question().tool("add")).await.unwrap().called, ["add"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_agents_are_called_at_once_than_is_sensible() {
    for provider in ALL {
        let many: Vec<_> = (0..33).map(|number| ("add", json!({"a": number, "b": 0}))).collect();
        let server = Server::saying(&[&calls(provider, &many)]).await;
        let setting = Setting::asking(provider, &server).await;
        let told = setting.ask(question().tool("add")).await.expect_err("they are too many");
        assert!(
            told.contains("more than 32 agents at once") && told.contains("attempt 1"),
            "{provider:?}: {told}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_nobody_has_read_do_no_harm() {
    for (provider, usage) in [
        (
            Provider::OpenAi,
            json!({"choices": [], "usage": {"prompt_tokens": -5, "completion_tokens": 2_147_483_647}}),
        ),
        (Provider::Compatible, json!({"choices": [], "usage": {"prompt_tokens": 99_999_999_999_u64}})),
        (Provider::Compatible, json!({"choices": [], "usage": "many"})),
    ] {
        let text = beginning(provider, &["21"])
            + &data(&json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))
            + &data(&usage)
            + "data: [DONE]\n\n";
        let server = Server::saying(&[&format!("{HEAD}{text}")]).await;
        let setting = Setting::asking(provider, &server).await;
        let reply = setting.ask(question()).await.unwrap();
        assert!(reply.tokens.input == 0 && reply.cost_cents >= 0.0, "{usage}: {reply:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_that_are_too_large_are_no_more_than_nonsense() {
    let usage = json!({"input_tokens": i32::MAX, "cache_read_input_tokens": i32::MAX, "output_tokens": 1});
    let start = json!({"type": "message_start", "message": {"id": "m", "usage": usage}});
    let sane = says(Provider::Anthropic, &["21"]);
    let text = format!("{HEAD}event: message_start\n{}{}", data(&start), &sane[HEAD.len()..]);
    let (large, good) = (Server::saying(&[&text]).await, Server::saying(&[&sane]).await);
    let models = Models::none()
        .with("m", model(Provider::Anthropic, &large))
        .with("other", model(Provider::Anthropic, &good));
    let setting = Setting::with(asker(), models).await;
    // The library panics at them, or not, as it was built.
    let reply = setting.ask(question().or("other")).await.unwrap();
    assert!(reply.text == "21" && reply.cost_cents < 1.0, "{reply:?}");
    assert_eq!(large.asked().len(), 1);
}
