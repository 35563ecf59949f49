//! What comes back.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use workflow_agents::model::{Message, Provider, Speaker, Stop, Tokens};

use crate::server::Server;
use crate::setting::{Setting, bodies, question};
use crate::wire::{ALL, HEAD, KEY, beginning, end, says};

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_comes_with_its_tokens_and_its_price_in_every_language() {
    for provider in ALL {
        let server = Server::saying(&[&says(provider, &["It is ", "21 °", "C."])]).await;
        let setting = Setting::asking(provider, &server).await;
        let request = question().system("Be brief.").max_tokens(100).temperature(0.5);
        let reply = setting.ask(request).await.unwrap();
        assert_eq!((reply.text.as_str(), reply.stop), ("It is 21 °C.", Stop::Done), "{provider:?}");
        assert_eq!(reply.tokens, Tokens { input: 1000, output: 50, cached: 400 }, "{provider:?}");
        let cents = (600.0 * 100.0 + 400.0 * 10.0 + 50.0 * 1000.0) / 1e6;
        assert!((reply.cost_cents - cents).abs() < 1e-9, "{provider:?}: {}", reply.cost_cents);
        assert_eq!((reply.model.as_str(), reply.value), ("m", None));
        let stats = setting.runtime.stats("llm").expect("it ran");
        assert!((stats.cents - cents).abs() < 1e-5, "{provider:?}: {stats:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_provider_is_asked_as_it_expects() {
    for (provider, path, key) in [
        (Provider::Anthropic, "/v1/messages", "x-api-key: "),
        (Provider::Gemini, "/v1/models/m-max:streamGenerateContent?alt=sse", "x-goog-api-key: "),
        (Provider::OpenAi, "/v1/chat/completions", "authorization: Bearer "),
        (Provider::Compatible, "/v1/chat/completions", "authorization: Bearer "),
    ] {
        let server = Server::saying(&[&says(provider, &["21"])]).await;
        let setting = Setting::asking(provider, &server).await;
        let rule = Message { role: Speaker::System, content: "No jokes.".to_owned() };
        let request =
            question().system("Be brief.").message(rule).assistant("Where?").user("In Ulm.").max_tokens(9);
        setting.ask(request).await.unwrap();
        let asked = &server.asked()[0];
        assert!(asked.starts_with(&format!("POST {path} HTTP/1.1\r\n")), "{asked}");
        assert!(asked.contains(&format!("{key}{KEY}\r\n")) && !asked.contains("accept-encoding"), "{asked}");
        let body = &bodies(&server)[0];
        match provider {
            Provider::Anthropic => {
                assert_eq!((&body["model"], &body["max_tokens"]), (&json!("m-max"), &json!(9)), "{body}");
                assert_eq!(body.get("thinking"), None, "{body}");
                assert_eq!(body["system"], "Be brief.\n\nNo jokes.");
                assert_eq!(body["messages"].as_array().map(Vec::len), Some(3), "{body}");
            }
            Provider::Gemini => {
                assert_eq!(body["generationConfig"], json!({"maxOutputTokens": 9}), "{body}");
                assert_eq!(body["contents"].as_array().map(Vec::len), Some(3), "{body}");
            }
            _ => {
                // A name that ends like that is no wish for thoughts.
                assert_eq!((&body["model"], &body["max_tokens"]), (&json!("m-max"), &json!(9)), "{body}");
                assert_eq!(body.get("reasoning_effort"), None, "{body}");
                assert_eq!(body["messages"][0], json!({"role": "system", "content": "Be brief."}), "{body}");
                assert_eq!(body["messages"].as_array().map(Vec::len), Some(5), "{body}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_is_told_while_it_comes() {
    for provider in ALL {
        let (go, wait) = tokio::sync::watch::channel(false);
        let server = Server::doing(move |mut stream, _| {
            let mut wait = wait.clone();
            Box::pin(async move {
                let first = format!("{HEAD}{}", beginning(provider, &["One line.\nThe sec"]));
                drop(stream.write_all(first.as_bytes()).await);
                drop(wait.wait_for(|go| *go).await);
                let rest = beginning(provider, &["ond line."]) + &end(provider, "stop");
                drop(stream.write_all(rest.as_bytes()).await);
                drop(stream.shutdown().await);
                drop(stream.read(&mut [0]).await);
            })
        })
        .await;
        let setting = Setting::asking(provider, &server).await;
        let job = setting.begin(question().max_tokens(100)).await;
        let mut progress = job.progress();
        let told = progress.next().await.expect("it is told");
        assert_eq!(&*told.message, "The sec", "{provider:?}");
        assert!(told.fraction > 0.0 && told.fraction < 0.1, "{provider:?}: {}", told.fraction);
        go.send(true).unwrap();
        assert_eq!(job.await.unwrap().text, "One line.\nThe second line.", "{provider:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_cut_by_its_limit_says_so() {
    for (provider, stop) in ALL.into_iter().zip(["max_tokens", "MAX_TOKENS", "length", "length"]) {
        let server =
            Server::saying(&[&format!("{HEAD}{}{}", beginning(provider, &["It"]), end(provider, stop))])
                .await;
        let setting = Setting::asking(provider, &server).await;
        let reply = setting.ask(question()).await.unwrap();
        assert_eq!((reply.text.as_str(), reply.stop), ("It", Stop::Length), "{provider:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_withheld_is_none() {
    for (provider, stop) in ALL.into_iter().zip(["refusal", "SAFETY", "content_filter", "content_filter"]) {
        let server =
            Server::saying(&[&format!("{HEAD}{}{}", beginning(provider, &["It"]), end(provider, stop))])
                .await;
        let setting = Setting::asking(provider, &server).await;
        let told = setting.ask(question()).await.expect_err("it is withheld");
        assert!(told.contains("will not answer that") && told.contains(stop), "{provider:?}: {told}");
        assert_eq!(server.asked().len(), 1, "{provider:?}");
    }
}
