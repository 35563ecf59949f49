//! Agents that models call.

use std::sync::atomic::Ordering;

use serde_json::json;
use workflow_agents::model::Provider;

use crate::server::{Server, answer};
use crate::setting::{Setting, bodies, question};
use crate::wire::{ALL, calls, says};

#[tokio::test(flavor = "multi_thread")]
async fn agents_are_called_as_subtasks_and_the_model_hears_what_they_gave() {
    for provider in ALL {
        let both = [("town_weather", json!({"input": "Ulm"})), ("add", json!({"a": 2, "b": 3}))];
        let server = Server::saying(&[&calls(provider, &both), &says(provider, &["21 and 5."])]).await;
        let setting = Setting::asking(provider, &server).await;
        let job = setting.begin(question().tool("town.weather").tool("add")).await;
        let id = job.id();
        let reply = job.await.unwrap();
        assert_eq!(reply.text, "21 and 5.", "{provider:?}");
        assert_eq!(
            (reply.called, reply.tokens.input),
            (vec!["town.weather".to_owned(), "add".to_owned()], 2000)
        );
        let second = bodies(&server)[1].to_string();
        assert!(second.contains("Ulm: 21 degrees"), "{provider:?}: {second}");
        assert!(provider != Provider::Gemini || second.contains("thoughtSignature"), "{second}");
        let kept = setting.kept(id);
        assert!(kept.contains("town.weather") && setting.looked.0.load(Ordering::Relaxed) == 1, "{kept}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_cannot_do_and_what_there_is_not_the_model_hears() {
    for provider in ALL {
        let wrong = [
            ("town_weather", json!({"input": "Atlantis"})),
            ("add", json!({"a": "two"})),
            ("format_disk", json!({})),
        ];
        let server = Server::saying(&[&calls(provider, &wrong), &says(provider, &["I see."])]).await;
        let setting = Setting::asking(provider, &server).await;
        let reply = setting.ask(question().tool("town.weather").tool("add")).await.unwrap();
        assert_eq!((reply.text.as_str(), reply.called.len()), ("I see.", 1), "{provider:?}");
        let second = &server.asked()[1];
        for told in ["it is under water", "these arguments do not fit", "there is no tool `format_disk`"] {
            assert!(second.contains(told), "{provider:?}: {second}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_calls_for_ever_is_stopped() {
    for provider in ALL {
        let server = Server::saying(&[&calls(provider, &[("add", json!({"a": 1, "b": 1}))])]).await;
        let setting = Setting::asking(provider, &server).await;
        let told = setting.ask(question().tool("add").rounds(3)).await.expect_err("it never ends");
        assert!(told.contains("more than 3 times") && server.asked().len() == 4, "{provider:?}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_attempt_finds_what_was_done_for_an_earlier_one() {
    let provider = Provider::Anthropic;
    let look = |city: &str| ("town_weather", json!({"input": city}));
    let first = calls(provider, &[look("Ulm")]);
    let busy = answer("503 Service Unavailable", "", "later");
    // It may ask for other things the next time, or in another order.
    let second = calls(provider, &[look("Bonn"), look("Ulm")]);
    let server = Server::saying(&[&first, &busy, &second, &says(provider, &["21"])]).await;
    let setting = Setting::asking(provider, &server).await;
    let reply = setting.ask(question().tool("town.weather")).await.unwrap();
    assert_eq!((reply.text.as_str(), setting.looked.0.load(Ordering::Relaxed)), ("21", 2));
    let last = bodies(&server)[3].to_string();
    let (bonn, ulm) = (last.find("Bonn: 21 degrees"), last.find("Ulm: 21 degrees"));
    assert!(bonn.is_some() && bonn < ulm, "{last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_there_is_not_cannot_be_offered() {
    let server = Server::saying(&[""]).await;
    let role = crate::setting::asker().tool("ad");
    let models =
        workflow_agents::model::Models::none().with("m", crate::wire::model(Provider::OpenAi, &server));
    let setting = Setting::with(role, models).await;
    let told = setting.ask(question().tool("ad")).await.expect_err("there is none");
    assert!(told.contains("there is no agent `ad` to offer; did you mean `add`?"), "{told}");
    assert!(server.asked().is_empty());
}
