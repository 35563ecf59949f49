//! The agent.

use std::future::Future;

use workflow_runtime::{AgentError, State, TaskContext, task_agent};

use super::engine::Engine;
use super::image::Image;
use super::own::{Own, clear};
use super::request::Container;
use super::run::{Ran, Run};
use super::trace::Trace;
use crate::Finished;
use crate::finished::last;
use crate::policy::Policy;

#[doc = include_str!("../../doc/docker.md")]
#[task_agent(
    timeout = "300s",
    description = "Runs a command in a container of an image, as the role of its step may, and removes the container."
)]
pub async fn docker(
    container: Container,
    policy: State<Policy>,
    ctx: &TaskContext,
) -> Result<Finished, AgentError> {
    if let Some(mistake) = container.mistake() {
        return Err(AgentError::permanent(mistake));
    }
    let ambit = policy.decide(ctx, "docker", |permit| container.ambit(permit)).await?;
    if tokio::runtime::Handle::try_current().is_err() {
        return Err(AgentError::permanent(
            "a container needs tokio, which does not run here; in a test, put something else in its place",
        ));
    }
    let address = ambit.address.clone().map_err(AgentError::permanent)?;
    let trace = Trace::of(ctx);
    let prepared = async {
        let engine = Engine::reach(address).await?;
        if ctx.attempt() > 1 {
            clear(&engine, &trace).await?;
        }
        let image = Image::get(&engine, &ambit.image, container.pulls(), ctx).await?;
        let own = Own::make(&engine, ambit.body(&engine, &image, &trace), ctx).await?;
        Ok((image, own))
    };
    let (image, mut own) = unless_stopped(ctx, prepared).await?;
    let started = Run::start(&own, container.given_input().is_some(), &ambit.limits);
    let ran = match unless_stopped(ctx, started).await {
        Ok(run) => Ok(run.end(ctx, container.given_input(), &ambit.limits).await),
        Err(error) => Err(error),
    };
    own.remove(ctx).await;
    finished(&container, &ambit.image, image, ran?)
}

/// What came of it, if it ended as it should.
fn finished(container: &Container, name: &str, image: Image, ran: Ran) -> Result<Finished, AgentError> {
    let Ran { end, stdout, stderr, took } = ran;
    let failed =
        |how: &str, last: String| AgentError::retry(format!("the container of `{name}` {how}{last}"));
    let state = end.map_err(|why| failed(&why, last(&stdout, &stderr)))?;
    let code = state.exit_code.and_then(|code| i32::try_from(code).ok());
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let out_of_memory = state.oom_killed == Some(true);
    let finished =
        Finished { code, signal: None, stdout, stderr, took_ms, out_of_memory, image: Some(image.id) };
    if container.accepts(finished.code) {
        return Ok(finished);
    }
    Err(failed(&finished.how(), finished.last()))
}

/// Does something, unless the attempt is told to stop before it is done.
async fn unless_stopped<T>(
    context: &TaskContext,
    work: impl Future<Output = Result<T, AgentError>>,
) -> Result<T, AgentError> {
    tokio::select! {
        done = work => done,
        () = context.cancelled() => {
            Err(AgentError::retry("nothing was run, for the attempt was told to stop"))
        }
    }
}
