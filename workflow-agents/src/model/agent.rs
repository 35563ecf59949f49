//! The agent.

use workflow_runtime::{AgentError, State, TaskContext, task_agent};

use super::asked::Llm;
use super::catalogue::Models;
use super::reply::Reply;
use crate::policy::Policy;

#[doc = include_str!("../../doc/llm.md")]
#[task_agent(
    timeout = "10m",
    retry(max = 3, first = "1s", factor = 10, cap = "1000s"),
    description = "Asks a language model, as the role of its step may."
)]
pub async fn llm(request: Llm, policy: State<Policy>, ctx: &TaskContext) -> Result<Reply, AgentError> {
    request.ask(ctx, &policy, &*ctx.state::<Models>()?).await
}
