//! What is done to a query, step by step.

use workflow_runtime::{AgentError, State, TaskContext, task_agent};

use super::query::Query;
use super::response::EmbeddingResponse;
use crate::policy::Policy;
use crate::vectors::{Embed, Embedders, Vectors};

/// Receives a query: it has an id, to know the vector by.
#[task_agent(name = "embedding.receive")]
pub async fn receive(query_id: String, query: String, model: String) -> Result<Query, AgentError> {
    if query_id.trim().is_empty() {
        return Err(AgentError::permanent("there is no `query_id`; give one, to know the vector by"));
    }
    Ok(Query { query_id, query, model })
}

/// Refuses a query with nothing in it, one that is too long for the model, and one for a model that is not in the table.
#[task_agent(name = "embedding.validate")]
pub async fn validate(query: Query, ctx: &TaskContext) -> Result<Embed, AgentError> {
    ctx.state::<Embedders>()?.check(&query.model, std::slice::from_ref(&query.query))?;
    Ok(Embed::new(query.model).text(query.query))
}

/// Makes the vector, as the role of its step may use the tool `embed`.
#[task_agent(
    name = "embedding.generate",
    timeout = "30s",
    retry(max = 3, first = "1s", factor = 10, cap = "1000s")
)]
pub async fn generate(asked: Embed, policy: State<Policy>, ctx: &TaskContext) -> Result<Vectors, AgentError> {
    asked.make(ctx, &policy, &*ctx.state::<Embedders>()?).await
}

/// Gives the vector to who asks: it is the job's result. Copy this to send it elsewhere, too.
#[task_agent(name = "embedding.publish")]
pub async fn publish(
    query_id: String,
    made: Vectors,
    ctx: &TaskContext,
) -> Result<EmbeddingResponse, AgentError> {
    let Vectors { vectors, dimension, .. } = made;
    let embedding = vectors.into_iter().next();
    let embedding = embedding.ok_or_else(|| AgentError::permanent("no vector was made"))?;
    Ok(EmbeddingResponse { query_id, embedding, embedding_dim: dimension, timestamp: ctx.now().to_string() })
}
