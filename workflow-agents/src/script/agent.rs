//! The agent.

use serde_json::Value as Json;
use workflow_runtime::{AgentError, State, TaskContext, task_agent};

use super::request::Lua;
use super::run::Run;
use crate::aside::Aside;
use crate::policy::Policy;

/// Runs a script in Lua, as the role of its step may: JSON in, JSON out.
///
#[doc = include_str!("../../doc/lua.md")]
#[task_agent(timeout = "5s", concurrency = 32)]
pub async fn lua(script: Lua, policy: State<Policy>, ctx: &TaskContext) -> Result<Json, AgentError> {
    if let Some(mistake) = script.mistake() {
        return Err(AgentError::permanent(mistake));
    }
    let ambit = policy.decide(ctx, "lua", |permit| script.ambit(permit)).await?;
    let script = ambit.source.text(ctx).await?;
    let (limits, own) = (ambit.limits, ctx.clone());
    let aside = Aside { name: "script", time: limits.time(), also: || {} };
    let work = move |brake: &std::sync::Arc<_>| {
        Run { script, input: ambit.input, limits, without_os: ambit.without_os, context: own }.run(brake)
    };
    aside.run(ctx, work).await
}
