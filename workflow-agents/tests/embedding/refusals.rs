//! What a role may not ask, and what is not asked at all.

use serde_json::json;
use workflow_agents::Embed;
use workflow_agents::policy::Role;
use workflow_agents::vectors::Embedders;

use crate::server::Server;
use crate::setting::{Setting, two};
use crate::wire::{model, says};

async fn refused(role: Role, request: Embed, rule: &str) {
    let server = Server::saying(&[&says(&[(0, json!([1])), (1, json!([2]))])]).await;
    let embedders = Embedders::new().with("m", model(&server)).with("large", model(&server));
    let setting = Setting::with(role, embedders).await;
    let told = setting.make(request).await.expect_err(rule);
    let is_told =
        told.contains("refused: `librarian` may not") && told.contains(&format!("role.librarian.{rule}"));
    assert!(is_told && told.contains("attempt 1"), "{told}");
    let audit = setting.audit();
    assert!(audit.len() == 1 && audit[0].contains(&format!("role.librarian.{rule}")), "{audit:?}");
    assert!(server.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_model_is_asked_but_those_that_are_named() {
    refused(Role::new().model("m"), two(), "tools").await;
    refused(Role::new().tool("llm").model("m"), two(), "tools").await;
    refused(Role::new().tool("embed"), two(), "models").await;
    refused(Role::new().tool("embed").model("l*"), two(), "models").await;
    // Who may not ask is not told which there are.
    refused(Role::new().tool("embed").model("m"), Embed::new("nobody").text("a"), "models").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_vector_can_be_made_of_is_not_asked() {
    let server = Server::saying(&[""]).await;
    let setting = Setting::of(model(&server).longest(10).dimension(3)).await;
    for (request, why) in [
        (Embed::new("m"), "there is no text"),
        (Embed::new("m").text("a").text(" \n"), "text 2 is empty"),
        (Embed::new("m").text("elf Zeichen"), "text 1 has 11 bytes, and the model `m` takes 10 at most"),
        (Embed::new("m2").text("a"), "there is no model `m2` in the table of embedders; did you mean `m`?"),
        (two().dimension(4), "vectors of 4 numbers are asked for, and those of the model `m` have 3"),
    ] {
        let told = setting.make(request).await.expect_err(why);
        assert!(told.contains(why) && told.contains("attempt 1"), "{told}");
    }
    assert!(server.asked().is_empty());
}

#[test]
fn a_request_with_a_mistake_in_it_is_none() {
    assert!(serde_json::from_value::<Embed>(json!({"model": "m", "texts": ["a"]})).is_ok());
    assert!(serde_json::from_value::<Embed>(json!({"model": "m", "texts": ["a"], "dimensions": 3})).is_err());
}
