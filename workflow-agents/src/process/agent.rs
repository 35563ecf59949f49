//! The agent.

use std::time::Instant;

use workflow_runtime::{AgentError, State, TaskContext, task_agent};

use super::finished::{Finished, signal};
use super::mark::Mark;
use super::request::Shell;
use super::run::Run;
use crate::Output;
use crate::policy::Policy;

/// How much of what it said last a failure tells.
const LAST: usize = 2000;

/// Runs a command of this machine, as the role of its step may.
///
/// A program is run with its arguments as they are; a shell only where the role may have one. It ends when the attempt is told to
/// stop, with all that it has started. The last line that it writes is told as progress.
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
    let finished = Finished { code: status.code(), signal: signal(status), stdout, stderr, took_ms };
    if command.accepts(finished.code) {
        return Ok(finished);
    }
    let (how, last) = (finished.how(), last(&finished.stdout, &finished.stderr));
    Err(AgentError::retry(format!("`{name}` {how}{last}")))
}

/// What was said last, as the end of a sentence.
fn last(stdout: &Output, stderr: &Output) -> String {
    let said = if stderr.text.trim().is_empty() { stdout.end(LAST) } else { stderr.end(LAST) };
    if said.is_empty() { String::new() } else { format!("; it said last: {said}") }
}
