//! The agent.

use workflow_runtime::{AgentError, State, TaskContext, task_agent};

use super::asked::Embed;
use super::made::Vectors;
use super::table::Embedders;
use crate::policy::Policy;

#[doc = include_str!("../../doc/embedding.md")]
#[task_agent(
    timeout = "10m",
    retry(max = 3, first = "1s", factor = 10, cap = "1000s"),
    description = "Makes vectors of texts by a model, as the role of its step may."
)]
pub async fn embed(request: Embed, policy: State<Policy>, ctx: &TaskContext) -> Result<Vectors, AgentError> {
    request.make(ctx, &policy, &*ctx.state::<Embedders>()?).await
}
