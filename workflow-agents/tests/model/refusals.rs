//! What a role may not ask.

use workflow_agents::Llm;
use workflow_agents::model::{Models, Provider};
use workflow_agents::policy::Limits;
use workflow_agents::policy::Role;

use crate::server::Server;
use crate::setting::{Setting, question};
use crate::wire::{model, says};

async fn setting(role: Role, server: &Server) -> Setting {
    let models = Models::none()
        .with("m", model(Provider::OpenAi, server))
        .with("claude-haiku", model(Provider::OpenAi, server));
    Setting::with(role, models).await
}

async fn refused(role: Role, request: Llm, rule: &str) {
    let server = Server::saying(&[&says(Provider::OpenAi, &["yes"])]).await;
    let setting = setting(role, &server).await;
    let told = setting.ask(request).await.expect_err(rule);
    assert!(
        told.contains("refused: `asker` may not") && told.contains(&format!("role.asker.{rule}")),
        "{told}"
    );
    assert!(told.contains("attempt 1"), "it is not tried again: {told}");
    let audit = setting.audit();
    assert!(audit.len() == 1 && audit[0].contains(&format!("role.asker.{rule}")), "{audit:?}");
    assert!(server.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_model_is_asked_but_those_that_are_named() {
    refused(Role::new().model("m"), question(), "tools").await;
    refused(Role::new().tool("llm"), question(), "models").await;
    refused(Role::new().tool("llm").model("claude-*"), question(), "models").await;
    // All are looked at before one is asked.
    refused(Role::new().tool("llm").model("m"), question().or("claude-haiku"), "models").await;
    let server = Server::saying(&[&says(Provider::OpenAi, &["yes"])]).await;
    let setting = setting(Role::new().tool("llm").model("claude-*"), &server).await;
    assert_eq!(setting.ask(Llm::new("claude-haiku").user("?")).await.unwrap().text, "yes");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_agent_is_offered_that_the_role_may_not_use() {
    refused(Role::new().tool("llm").model("m"), question().tool("add"), "tools").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_hold_whatever_is_asked_for() {
    let server = Server::saying(&[&says(Provider::OpenAi, &[&"x".repeat(600), &"x".repeat(400)])]).await;
    let role = |output| {
        Role::new().tool("llm").model("*").limits(Limits { output: Some(output), ..Limits::default() })
    };
    let asked = Limits { output: Some(1 << 30), ..Limits::default() };
    let reply = setting(role(1000), &server).await.ask(question().limits(asked)).await.unwrap();
    assert_eq!(reply.text.len(), 1000);
    let told =
        setting(role(999), &server).await.ask(question().limits(asked)).await.expect_err("it is too long");
    assert!(told.contains("more than 999 bytes") && told.contains("attempt 1"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_that_are_none_are_told_as_such() {
    let server = Server::saying(&[""]).await;
    let setting = setting(Role::new().tool("llm").model("*"), &server).await;
    for (request, why) in [
        (Llm::first_of::<String>([]).user("?"), "there is no model to ask"),
        (Llm::first_of(["m"; 17]).user("?"), "more than 16 models"),
        (Llm::new("m").assistant("!"), "there is nothing to ask"),
        (Llm::new("m").user("?").temperature(-1.0), "the temperature is below 0"),
        (Llm::new("n").user("?"), "there is no model `n` in the table"),
        (Llm::new("claude-haikus").user("?"), "did you mean `claude-haiku`?"),
    ] {
        let told = setting.ask(request).await.expect_err(why);
        assert!(told.contains(why) && told.contains("attempt 1"), "{told}");
    }
    assert!(server.asked().is_empty());
}
