//! Answers that have to fit a schema.

use serde_json::json;
use workflow_agents::Llm;
use workflow_agents::model::{Models, Provider};
use workflow_agents::policy::Policy;
use workflow_runtime::prelude::*;

use crate::server::Server;
use crate::setting::{Setting, asker, bodies, question};
use crate::wire::{ALL, HEAD, beginning, end, model, says};

/// How warm it is.
#[data]
#[derive(PartialEq)]
pub(crate) struct Warmth {
    degrees: i32,
    /// Where, if that is known.
    city: Option<String>,
}

const GOOD: &str = r#"{"degrees": 21, "city": "Ulm"}"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_fits_is_a_value_and_the_provider_is_told_the_schema() {
    for provider in ALL {
        let server = Server::saying(&[&says(provider, &["```json\n", GOOD, "\n```"])]).await;
        let setting = Setting::asking(provider, &server).await;
        let reply = setting.ask(question().answer_as::<Warmth>()).await.unwrap();
        assert_eq!(reply.read::<Warmth>().unwrap(), Warmth { degrees: 21, city: Some("Ulm".to_owned()) });
        let body = &bodies(&server)[0];
        let place = match provider {
            Provider::Anthropic => "/output_config/format/schema",
            Provider::Gemini => "/generationConfig/responseJsonSchema",
            _ => "/response_format/json_schema/schema",
        };
        assert_eq!(body.pointer(place).and_then(|schema| schema.get("$schema")), None, "{body}");
        assert_eq!(
            body.pointer(place).expect("it is told")["properties"]["degrees"]["type"],
            "integer",
            "{body}"
        );
        assert!(server.asked()[0].contains("It has to fit this JSON Schema"), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_takes_no_schema_is_told_in_words_only() {
    let server = Server::saying(&[&says(Provider::Compatible, &[GOOD])]).await;
    let setting = Setting::of(model(Provider::Compatible, &server).takes_schema(false)).await;
    setting.ask(question().answer_as::<Warmth>()).await.unwrap();
    assert!(bodies(&server)[0].get("response_format").is_none());
    assert!(server.asked()[0].contains("It has to fit this JSON Schema"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_may_be_mended_once() {
    for provider in ALL {
        let wrong = says(provider, &[r#"{"degrees": "warm"}"#]);
        let server = Server::saying(&[&wrong, &says(provider, &[GOOD])]).await;
        let setting = Setting::asking(provider, &server).await;
        let reply = setting.ask(question().answer_as::<Warmth>()).await.unwrap();
        assert_eq!(reply.value, Some(json!({"degrees": 21, "city": "Ulm"})), "{provider:?}");
        assert_eq!(reply.tokens.input, 2000, "both are paid for");
        let asked = server.asked();
        assert!(asked[1].contains("That does not fit") && asked[1].contains("/degrees"), "{}", asked[1]);
        assert!(asked[1].contains(r#"{\"degrees\": \"warm\"}"#), "{}", asked[1]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_never_fits_is_refused_after_as_many_repairs_as_it_may_have() {
    for (repairs, questions) in [(0, 1), (1, 2), (3, 4)] {
        let server =
            Server::saying(&[&says(Provider::Anthropic, &["I would rather talk about cats."])]).await;
        let setting = Setting::asking(Provider::Anthropic, &server).await;
        let told =
            setting.ask(question().answer_as::<Warmth>().repairs(repairs)).await.expect_err("it is nonsense");
        assert!(told.contains("did not answer what fits") && told.contains("no JSON value"), "{told}");
        assert_eq!(server.asked().len(), questions, "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cut_is_not_mended() {
    let cut = format!(
        "{HEAD}{}{}",
        beginning(Provider::OpenAi, &["{\"degrees\": 2"]),
        end(Provider::OpenAi, "length")
    );
    let server = Server::saying(&[&cut]).await;
    let setting = Setting::asking(Provider::OpenAi, &server).await;
    let told = setting.ask(question().answer_as::<Warmth>()).await.expect_err("it is no whole");
    assert!(told.contains("raise `max_tokens`") && server.asked().len() == 1, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_is_none_is_told_before_anybody_is_asked() {
    let server = Server::saying(&[""]).await;
    let setting = Setting::asking(Provider::OpenAi, &server).await;
    let told = setting.ask(question().schema(json!({"type": "warmth"}))).await.expect_err("it is none");
    assert!(told.contains("the question's schema") && server.asked().is_empty(), "{told}");
}

/// An agent as users write one.
#[task_agent(role = "asker")]
async fn thermometer(
    city: String,
    policy: State<Policy>,
    models: State<Models>,
    ctx: &TaskContext,
) -> Result<Warmth, AgentError> {
    Llm::new("m").user(format!("How warm is it in {city}?")).ask_for(ctx, &policy, &models).await
}

workflow! {
    /// How warm it is in Ulm.
    workflow InUlm(city: String) -> Warmth {
        phase ask {
            warmth = thermometer(city);
        }
        warmth
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_of_ones_own_ask_for_what_they_want() {
    let server = Server::saying(&[&says(Provider::Gemini, &[GOOD])]).await;
    let models = Models::none().with("m", model(Provider::Gemini, &server));
    let setting = Setting::with(asker(), models).await;
    let warmth = setting.runtime.run(InUlm { city: "Ulm".to_owned() }).await.unwrap();
    assert_eq!(warmth.degrees, 21);
    assert!(server.asked()[0].contains("How warm is it in Ulm?"));
}
