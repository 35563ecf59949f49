//! The agent.

use std::process::ExitStatus;
use std::time::Instant;

use workflow_runtime::{AgentError, State, TaskContext, task_agent};

use super::mark::Mark;
use super::request::Shell;
use super::run::Run;
use crate::Finished;
use crate::finished::last;
use crate::policy::Policy;

/// Runs a command of this machine, as the role of its step may.
///
#[doc = include_str!("../../doc/shell.md")]
#[task_agent(timeout = "120s")]
pub async fn shell(command: Shell, policy: State<Policy>, ctx: &TaskContext) -> Result<Finished, AgentError> {
    if let Some(mistake) = command.mistake() {
        return Err(AgentError::permanent(mistake));
    }
    let ambit = policy.decide(ctx, "shell", |permit| command.ambit(permit)).await?;
    let mark = Mark::of(ctx);
    if ctx.attempt() > 1 {
        let mark = mark.clone();
        drop(tokio::task::spawn_blocking(move || mark.end_all()).await);
    }
    let limits = ambit.limits;
    let name = command.name();
    let began = Instant::now();
    let mut run = Run::start(ambit, mark).await?;
    let end = run.end(ctx, command.given_input(), &limits).await;
    let (stdout, stderr) = run.finish().await;
    let status = end.map_err(|why| AgentError::retry(format!("`{name}` {why}{}", last(&stdout, &stderr))))?;
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (code, signal) = (status.code(), signal(status));
    let finished = Finished { code, signal, stdout, stderr, took_ms, out_of_memory: false, image: None };
    if command.accepts(finished.code) {
        return Ok(finished);
    }
    Err(AgentError::retry(format!("`{name}` {}{}", finished.how(), finished.last())))
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}
