//! Models that stand in for one another.

use std::time::{Duration, Instant};

use workflow_agents::Llm;
use workflow_agents::model::{Models, Provider};

use crate::server::{Server, answer};
use crate::setting::{Setting, asker};
use crate::wire::{calls, model, refuses, says};

async fn setting(first: &Server, second: &Server) -> Setting {
    let models = Models::none()
        .with("first", model(Provider::Anthropic, first))
        .with("second", model(Provider::Gemini, second));
    Setting::with(asker(), models).await
}

fn question() -> Llm {
    Llm::new("first").or("second").user("How warm is it?")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_is_asked_at_once_whether_it_may_pass_or_not() {
    for failure in [
        refuses(Provider::Anthropic, "401 Unauthorized", "", "no"),
        refuses(Provider::Anthropic, "429 Too Many Requests", "retry-after: 60\r\n", "slowly"),
        answer("500 Internal Server Error", "", ""),
        String::new(),
        "nonsense".to_owned(),
    ] {
        let (first, second) =
            (Server::saying(&[&failure]).await, Server::saying(&[&says(Provider::Gemini, &["21"])]).await);
        let setting = setting(&first, &second).await;
        let began = Instant::now();
        let reply = setting.ask(question()).await.unwrap();
        assert_eq!((reply.text.as_str(), reply.model.as_str()), ("21", "second"), "{failure}");
        assert!(began.elapsed() < Duration::from_secs(20) && first.asked().len() == 1, "{failure}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_that_answers_is_enough() {
    let (first, second) =
        (Server::saying(&[&says(Provider::Anthropic, &["21"])]).await, Server::saying(&[""]).await);
    let reply = setting(&first, &second).await.ask(question()).await.unwrap();
    assert_eq!((reply.model.as_str(), second.asked().len()), ("first", 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn when_all_fail_each_is_told_and_they_are_asked_again_only_if_one_may_mend() {
    let no = refuses(Provider::Gemini, "403 Forbidden", "", "not you");
    let (first, second) =
        (Server::saying(&[&answer("500 Oops", "", "")]).await, Server::saying(&[&no]).await);
    let told = setting(&first, &second).await.ask(question()).await.expect_err("all fail");
    assert!(told.contains("the model `first`: it answered 500"), "{told}");
    assert!(
        told.contains("the model `second`: it answered 403 Forbidden") && told.contains("not you"),
        "{told}"
    );
    assert!(told.contains("attempt 3") && first.asked().len() == 3, "{told}");
    let (first, second) = (Server::saying(&[&no]).await, Server::saying(&[&no]).await);
    let told = setting(&first, &second).await.ask(question()).await.expect_err("all fail");
    assert!(told.contains("attempt 1") && first.asked().len() == 1 && second.asked().len() == 1, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_is_asked_from_the_beginning_and_what_was_done_is_not_done_again() {
    let looks = |provider| calls(provider, &[("town_weather", serde_json::json!({"input": "Ulm"}))]);
    let first = Server::saying(&[&looks(Provider::Anthropic), &answer("500 Oops", "", "")]).await;
    let second = Server::saying(&[&looks(Provider::Gemini), &says(Provider::Gemini, &["21"])]).await;
    let setting = setting(&first, &second).await;
    let reply = setting.ask(question().tool("town.weather")).await.unwrap();
    assert_eq!(
        (reply.model.as_str(), setting.looked.0.load(std::sync::atomic::Ordering::Relaxed)),
        ("second", 1)
    );
    // What the first has read and written is paid for, too.
    assert_eq!((reply.tokens.input, reply.called.len()), (3000, 1));
    assert!(!second.asked()[0].contains("21 degrees") && second.asked()[1].contains("21 degrees"));
}
