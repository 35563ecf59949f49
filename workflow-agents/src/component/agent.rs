//! The agent.

use std::sync::Arc;

use serde_json::Value as Json;
use workflow_runtime::{AgentError, State, TaskContext, task_agent};

use super::engine::tick;
use super::request::Wasm;
use super::run::Run;
use crate::aside::{Aside, Brake};
use crate::policy::Policy;

/// Runs a component of WebAssembly, as the role of its step may: JSON in, JSON out.
///
#[doc = include_str!("../../doc/wasm.md")]
#[task_agent(timeout = "5s", concurrency = 32)]
pub async fn wasm(component: Wasm, policy: State<Policy>, ctx: &TaskContext) -> Result<Json, AgentError> {
    let ambit = policy.decide(ctx, "wasm", |permit| component.ambit(permit)).await?;
    let aside = Aside { name: "component", time: ambit.limits.time(), also: tick };
    let own = ctx.clone();
    aside.run(ctx, move |brake: &Arc<Brake>| Run { ambit, context: own }.run(brake)).await
}
