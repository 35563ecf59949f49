//! Keys, which nobody sees but who they are for.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;
use tracing::field::Field;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use workflow_agents::model::Provider;

use crate::server::Server;
use crate::setting::{Setting, question};
use crate::wire::{ALL, HEAD, KEY, calls, data, model, refuses, says};

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_refused_is_in_no_error_and_in_no_journal() {
    for provider in ALL {
        let text = refuses(provider, "401 Unauthorized", "", &format!("no such key: {KEY}"));
        let server = Server::saying(&[&text]).await;
        let setting = Setting::asking(provider, &server).await;
        let job = setting.begin(question()).await;
        let id = job.id();
        let told = job.await.expect_err("it is refused").to_string();
        assert!(told.contains("401 Unauthorized") && told.contains("no such key: …"), "{provider:?}: {told}");
        assert!(told.contains("attempt 1"), "{provider:?}: {told}");
        assert!(server.asked()[0].contains(KEY) && server.asked().len() == 1);
        let kept = setting.kept(id);
        assert!(!told.contains(KEY) && !kept.contains(KEY) && kept.contains("401"), "{provider:?}: {kept}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_repeats_its_key_is_not_kept_doing_so() {
    for provider in ALL {
        let (one, other) = KEY.split_at(20);
        let server = Server::saying(&[&says(provider, &["My key is ", one, other, "!"])]).await;
        let setting = Setting::asking(provider, &server).await;
        let job = setting.begin(question()).await;
        let id = job.id();
        assert_eq!(job.await.unwrap().text, "My key is …!", "{provider:?}");
        assert!(!setting.kept(id).contains(KEY));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_calls_an_agent_with_its_key_does_so_without_it() {
    for provider in ALL {
        let told = calls(provider, &[("town_weather", json!({"input": format!("New {KEY}")}))]);
        let server = Server::saying(&[&told, &says(provider, &["21"])]).await;
        let setting = Setting::asking(provider, &server).await;
        let job = setting.begin(question().tool("town.weather")).await;
        let id = job.id();
        job.await.unwrap();
        let kept = setting.kept(id);
        assert!(kept.contains("New …") && !kept.contains(KEY), "{provider:?}: {kept}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_within_an_answer_has_no_key_either() {
    for provider in ALL {
        let error = json!({"type": "error", "error": {"type": "overloaded_error", "message": KEY}});
        let event = if provider == Provider::Anthropic { "event: error\n" } else { "" };
        let server = Server::saying(&[&format!("{HEAD}{event}{}", data(&error))]).await;
        let setting = Setting::asking(provider, &server).await;
        let told = setting.ask(question()).await.expect_err("it is an error");
        assert!(!told.contains(KEY) && told.contains("attempt 3"), "{provider:?}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_key_a_model_is_not_asked() {
    let server = Server::saying(&[""]).await;
    let setting = Setting::of(model(Provider::OpenAi, &server).key("NO_SUCH_VARIABLE")).await;
    let told = setting.ask(question()).await.expect_err("there is no key");
    assert!(told.contains("set the variable `NO_SUCH_VARIABLE`") && told.contains("attempt 1"), "{told}");
    assert!(server.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_without_a_key_is_told_none() {
    let server = Server::saying(&[&says(Provider::Compatible, &["21"])]).await;
    let setting = Setting::of(model(Provider::Compatible, &server).without_key()).await;
    assert_eq!(setting.ask(question()).await.unwrap().text, "21");
    assert!(!server.asked()[0].contains(KEY));
}

/// All that the library logs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("genai")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        event.record(&mut |_: &Field, value: &dyn Debug| told.push(format!("{value:?}")));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_library_would_log_is_not_logged() {
    let log = Log::default();
    tracing::subscriber::set_global_default(log.clone()).expect("it is the only one");
    for provider in ALL {
        let server = Server::saying(&[&refuses(provider, "401 Unauthorized", "", KEY)]).await;
        let setting = Setting::asking(provider, &server).await;
        setting.ask(question()).await.expect_err("it is refused");
    }
    let told = log.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    assert!(told.is_empty(), "{told:?}");
}
