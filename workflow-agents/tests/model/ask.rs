//! The workflow that has questions answered, from end to end.

use std::sync::Arc;

use serde_json::json;
use workflow_agents::LlmRequest;
use workflow_agents::ask::Response;
use workflow_agents::model::{Class, Message, Models, Provider, Speaker};
use workflow_agents::policy::{Policy, Role};
use workflow_runtime::prelude::*;
use workflow_runtime::store::MemoryStore;

use crate::server::{Server, answer};
use crate::wire::{model, says};

/// Providers, each a server, with the models of the table that is built in.
struct World {
    claude: Server,
    gemini: Server,
    openai: Server,
    runtime: Runtime,
}

/// What the providers answer first.
#[derive(Default)]
struct Trouble {
    claude: Option<String>,
    gemini: Option<String>,
}

impl World {
    async fn new(trouble: Trouble, role: Role) -> Self {
        let server = async |provider, trouble: Option<String>| {
            let text = trouble.unwrap_or_else(|| says(provider, &[&format!("I am of {}.", provider.name())]));
            Server::saying(&[&text]).await
        };
        let claude = server(Provider::Anthropic, trouble.claude).await;
        let gemini = server(Provider::Gemini, trouble.gemini).await;
        let openai = server(Provider::OpenAi, None).await;
        let mut models = Models::known();
        for name in ["claude-haiku", "claude-sonnet", "claude-opus"] {
            models = models.with(name, model(Provider::Anthropic, &claude));
        }
        for name in ["gemini-flash", "gemini-pro"] {
            models = models.with(name, model(Provider::Gemini, &gemini));
        }
        for name in ["gpt", "gpt-mini"] {
            models = models.with(name, model(Provider::OpenAi, &openai));
        }
        let policy = Policy::new().role("llm_request", role.tool("llm"));
        let builder = Runtime::builder().state(policy).state(models).state(crate::setting::Looked::default());
        let runtime = builder.on(Arc::new(MemoryStore::new())).await.expect("it starts");
        Self { claude, gemini, openai, runtime }
    }

    async fn ask(
        &self,
        task_type: &str,
        model: Option<&str>,
        provider: Option<&str>,
    ) -> Result<Response, String> {
        let request = LlmRequest {
            request_id: "550e8400".to_owned(),
            task_type: task_type.to_owned(),
            messages: vec![Message { role: Speaker::User, content: "Design a cache system".to_owned() }],
            model: model.map(str::to_owned),
            provider: provider.map(str::to_owned),
        };
        self.runtime.run(request).await.map_err(|error| error.to_string())
    }
}

fn all() -> Role {
    Role::new().model("*")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_model_is_chosen_by_the_kind_of_task() {
    let world = World::new(Trouble::default(), all()).await;
    for (task_type, model) in [
        ("classifier", "gemini-flash"),
        ("parser", "gemini-flash"),
        ("simple_chat", "gemini-flash"),
        ("coder", "claude-sonnet"),
        ("planning", "claude-sonnet"),
        ("decomposition", "claude-sonnet"),
        ("what nobody has thought of", "claude-sonnet"),
        ("architect", "claude-opus"),
        ("code_generation", "claude-opus"),
        ("qa", "claude-opus"),
    ] {
        let response = world.ask(task_type, Some("auto"), Some("auto")).await.unwrap();
        assert_eq!(response.model, model, "{task_type}");
        assert_eq!((response.request_id.as_str(), response.tokens_used), ("550e8400", 1050));
        assert!((response.cost_cents - 0.114).abs() < 1e-9, "{response:?}");
        let of = if model == "gemini-flash" { "gemini" } else { "anthropic" };
        assert_eq!(response.response, format!("I am of {of}."));
    }
    assert!(world.claude.asked()[0].contains("Design a cache system") && world.openai.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_provider_stands_in() {
    let trouble = Trouble { claude: Some(answer("529 Overloaded", "", "")), gemini: Some(String::new()) };
    let world = World::new(trouble, all()).await;
    assert_eq!(world.ask("architect", None, None).await.unwrap().model, "gpt");
    assert_eq!(world.ask("parser", None, None).await.unwrap().model, "gpt-mini");
    assert_eq!((world.claude.asked().len(), world.gemini.asked().len()), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_or_a_provider_can_be_said() {
    let world = World::new(Trouble::default(), all()).await;
    assert_eq!(world.ask("parser", Some("gpt"), None).await.unwrap().model, "gpt");
    assert_eq!(world.ask("parser", None, Some("anthropic")).await.unwrap().model, "claude-haiku");
    assert_eq!(world.ask("coder", None, Some("gemini")).await.unwrap().model, "gemini-pro");
    let told = world.ask("coder", None, Some("mistral")).await.expect_err("there is none");
    assert!(told.contains("no models of the class `medium` of the provider `mistral`"), "{told}");
    let told = world.ask("coder", Some("gtp"), None).await.expect_err("there is none");
    assert!(told.contains("did you mean `gpt`?"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_the_role_may_ask_is_chosen() {
    let world = World::new(Trouble::default(), Role::new().model("gpt*")).await;
    assert_eq!(world.ask("architect", None, None).await.unwrap().model, "gpt");
    let told = world.ask("architect", Some("claude-opus"), None).await.expect_err("it may not");
    assert!(told.contains("refused: `llm_request` may not ask the model `claude-opus`"), "{told}");
    let world = World::new(Trouble::default(), Role::new()).await;
    let told = world.ask("architect", None, None).await.expect_err("it may not");
    assert!(told.contains("refused: `llm_request` may not ask the model `claude-opus`"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_question_is_told_as_such() {
    let world = World::new(Trouble::default(), all()).await;
    let request = |request_id: &str, role| LlmRequest {
        request_id: request_id.to_owned(),
        task_type: "qa".to_owned(),
        messages: vec![Message { role, content: "?".to_owned() }],
        model: None,
        provider: None,
    };
    let told = world.runtime.run(request(" ", Speaker::User)).await.expect_err("it has no name").to_string();
    assert!(told.contains("there is no `request_id`"), "{told}");
    let told = world.runtime.run(request("1", Speaker::Assistant)).await.expect_err("it is none").to_string();
    assert!(told.contains("add a message of the role `user`"), "{told}");
    assert!(world.claude.asked().is_empty());
}

#[test]
fn it_is_asked_for_by_json_as_well() {
    let asked = json!({
        "request_id": "550e8400",
        "task_type": "architect",
        "messages": [{ "role": "user", "content": "Design a cache system" }],
    });
    let request: LlmRequest = serde_json::from_value(asked).unwrap();
    assert_eq!((request.model, request.provider), (None, None));
    assert_eq!(Models::known().of(Class::Complex)[0], "claude-opus");
}
