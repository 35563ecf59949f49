//! What was answered.

use workflow_runtime::{TaskContext, Timestamp, data, task_agent};

use crate::model::Reply;

/// What was answered.
#[data]
#[derive(PartialEq)]
pub struct Response {
    /// What the request is called by who asked.
    pub request_id: String,
    /// The text.
    pub response: String,
    /// Which model answered, by its name in the table.
    pub model: String,
    /// How many tokens were read and written.
    pub tokens_used: u64,
    /// What that cost, in cents.
    pub cost_cents: f64,
    /// When it was answered.
    pub timestamp: Timestamp,
}

/// Gives the answer to who asked: it is the job's result. Copy this to send it elsewhere, too.
#[task_agent(name = "llm_request.publish")]
pub async fn publish_result(request_id: String, reply: Reply, ctx: &TaskContext) -> Response {
    let tokens_used = reply.tokens.all();
    Response {
        request_id,
        response: reply.text,
        model: reply.model,
        tokens_used,
        cost_cents: reply.cost_cents,
        timestamp: ctx.now(),
    }
}
