//! What came of a task.

use serde_json::Value as Json;
use workflow_agents::model::Reply;
use workflow_runtime::prelude::*;

use super::plan::Plan;

/// What the critic says.
#[data]
#[derive(PartialEq, Eq)]
pub(crate) struct Judgement {
    /// Whether it is good enough.
    pub(crate) accepted: bool,
    /// Why, or why not.
    pub(crate) reasons: Vec<String>,
}

/// What came of a task.
#[data]
#[derive(PartialEq)]
pub(crate) struct Crafted {
    /// What the critic says.
    pub(crate) judgement: Judgement,
    /// The names of the files that were written.
    pub(crate) files: Vec<String>,
    /// Which model planned, and what that cost, in cents.
    pub(crate) model: String,
    /// What the plan cost, in cents.
    pub(crate) cost_cents: f64,
    /// Whether the critic was let touch what he judges.
    pub(crate) critic_meddled: bool,
}

/// Tells what came of it.
#[task_agent]
pub(crate) async fn tell(
    reply: Reply,
    plan: Plan,
    written: usize,
    judged: Json,
    critic_meddled: bool,
) -> Result<Crafted, AgentError> {
    Ok(Crafted {
        judgement: serde_json::from_value(judged).map_err(AgentError::permanent)?,
        files: plan.files.into_iter().take(written).map(|file| file.name).collect(),
        model: reply.model,
        cost_cents: reply.cost_cents,
        critic_meddled,
    })
}
