//! Who may do what, and which model plans.

use std::io;
use std::path::Path;

use workflow_agents::model::{Class, Model, Models};
use workflow_agents::policy::{Policy, Role};

use super::stand_in;

/// What each may do in a folder. The planner may ask the one model, and nothing else.
pub(crate) fn policy(folder: &Path) -> Policy {
    Policy::standard(folder).role("planner", Role::new().tool("llm").model("planner"))
}

/// The model that plans: that of a provider whose key is in the environment, or else a stand-in on this machine, which knows one
/// plan.
///
/// # Errors
/// When the stand-in finds no port to listen at.
pub(crate) fn models() -> io::Result<Models> {
    let known = Models::known();
    let has = |variable: &str| std::env::var_os(variable).is_some_and(|key| !key.is_empty());
    let keys =
        [("ANTHROPIC_API_KEY", "claude-sonnet"), ("OPENAI_API_KEY", "gpt"), ("GEMINI_API_KEY", "gemini-pro")];
    let named = keys.into_iter().find(|(variable, _)| has(variable));
    let model = match named.and_then(|(_, name)| known.get(name).ok()) {
        Some(model) => model.clone(),
        None => Model::compatible(stand_in::start()?, "stand-in").without_key().cents(100.0, 400.0),
    };
    Ok(Models::none().with("planner", model).class(Class::Medium, ["planner"]))
}
