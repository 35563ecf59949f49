//! The agent.

use std::sync::Arc;

use futures_util::StreamExt;
use rmcp::model::{CallToolResult, ErrorCode, ProgressNotificationParam, ServerResult};
use rmcp::service::ServiceError;
use workflow_runtime::{AgentError, State, TaskContext, task_agent};

use super::calling::Calling;
use super::connection::{Connection, Open};
use super::request::{Mcp, McpAnswer};
use super::server::McpServers;
use crate::held::held;
use crate::policy::{Limits, Policy};

/// Calls a tool of another server, by the Model Context Protocol, as the role of its step may.
///
#[doc = include_str!("../../doc/mcp.md")]
#[task_agent(timeout = "60s")]
pub async fn mcp(call: Mcp, policy: State<Policy>, ctx: &TaskContext) -> Result<McpAnswer, AgentError> {
    let limits = policy
        .decide(ctx, "mcp", |permit| {
            permit.server(&call.server, &call.tool)?;
            Ok(permit.limits(call.limits))
        })
        .await?;
    let servers = ctx.state::<McpServers>()?;
    let connection = servers.get(&call.server).map_err(AgentError::permanent)?;
    let late = |time: &str| format!("`{}` did not answer within {time}", call.server);
    held(ctx, &limits, called(&call, connection, ctx, &limits), late).await
}

async fn called(
    call: &Mcp,
    connection: &Connection,
    ctx: &TaskContext,
    limits: &Limits,
) -> Result<McpAnswer, AgentError> {
    let open = connection.open().await?;
    match exchange(call, &open, ctx).await {
        Ok(ServerResult::CallToolResult(result)) => answer(call, result, limits),
        Ok(_) => Err(AgentError::permanent(format!(
            "`{}` wants something from `{}` before it answers, and nobody is there to give it",
            call.tool, call.server
        ))),
        Err(error) => Err(failed(call, error, connection, &open).await),
    }
}

async fn exchange(call: &Mcp, open: &Open, ctx: &TaskContext) -> Result<ServerResult, ServiceError> {
    let mut calling = Calling::begin(open, &call.tool, call.arguments.clone()).await?;
    let mut progress = match calling.token() {
        Some(token) => open.service().progress.subscribe(token).await.left_stream(),
        None => futures_util::stream::pending().right_stream(),
    };
    loop {
        tokio::select! {
            answered = calling.answer() => return answered,
            Some(told) = progress.next() => tell(ctx, &told),
        }
    }
}

fn tell(ctx: &TaskContext, told: &ProgressNotificationParam) {
    let share = told.total.filter(|total| *total > 0.0).map_or(0.0, |total| told.progress / total);
    ctx.progress(share.clamp(0.0, 1.0), told.message.as_deref().unwrap_or_default());
}

/// What a tool has answered, if it is not longer than it may be.
fn answer(call: &Mcp, result: CallToolResult, limits: &Limits) -> Result<McpAnswer, AgentError> {
    let content = result.content.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>();
    let answer =
        McpAnswer { structured: result.structured_content, content: content.map_err(AgentError::permanent)? };
    let length = serde_json::to_vec(&answer).map_err(AgentError::permanent)?.len();
    if let Some(most) = limits.output.filter(|most| length as u64 > *most) {
        let message = format!("`{}` answers {length} bytes, and {most} are the limit", call.tool);
        return Err(AgentError::permanent(message));
    }
    if result.is_error == Some(true) {
        return Err(AgentError::retry(format!(
            "`{}` of `{}` failed: {}",
            call.tool,
            call.server,
            cut(answer.text())
        )));
    }
    Ok(answer)
}

/// How much of what a server says is wrong is told.
const TOLD: usize = 1000;

fn cut(mut text: String) -> String {
    if text.len() > TOLD {
        text.truncate(text.floor_char_boundary(TOLD));
        text.push('…');
    }
    text
}

/// Why there is no answer, and whether another attempt may have one.
async fn failed(call: &Mcp, error: ServiceError, connection: &Connection, open: &Arc<Open>) -> AgentError {
    match error {
        ServiceError::McpError(error) => {
            let told =
                format!("`{}` refuses `{}`: {}", call.server, call.tool, cut(error.message.into_owned()));
            match error.code {
                ErrorCode::INTERNAL_ERROR => AgentError::retry(told),
                _ => AgentError::permanent(told),
            }
        }
        error => {
            connection.leave(open).await;
            AgentError::retry(format!(
                "`{}` has gone, and it is not known whether `{}` was done: {error}",
                call.server, call.tool
            ))
        }
    }
}
