//! A container that runs: what it writes is read, until it ends or is ended.

use std::time::{Duration, Instant};

use bollard::models::ContainerState;
use bollard::query_parameters::StopContainerOptionsBuilder;
use futures_util::StreamExt;
use tokio::io::AsyncWriteExt;
use workflow_runtime::{AgentError, TaskContext};

use super::attached::Attached;
use super::engine::{Engine, status, told};
use super::frames::Outputs;
use super::own::Own;
use crate::Output;
use crate::output::Capture;
use crate::policy::Limits;

/// How many seconds a container has to end when it is asked to, and how long it is waited for the engine's word of it.
const GRACE: i32 = 1;
const WORD: Duration = Duration::from_secs(3);

/// For how long, once it has ended, nothing of what it has written may come until nothing more will.
const REST: Duration = Duration::from_secs(2);

/// How often what it says is told.
const TOLD: Duration = Duration::from_millis(100);

/// How often the engine is asked how a container is of which it said nothing, and how often it may fail to answer.
const ASKED: Duration = Duration::from_millis(500);
const FAILED: u32 = 5;

/// A container that runs.
pub(super) struct Run<'a> {
    engine: &'a Engine,
    name: &'a str,
    attached: Attached,
    outputs: Outputs,
    began: Instant,
    /// What was told last of how far it is.
    told: (Instant, u64),
}

/// What came of it.
pub(super) struct Ran {
    /// How it ended, or why it was ended.
    pub(super) end: Result<ContainerState, String>,
    pub(super) stdout: Output,
    pub(super) stderr: Output,
    pub(super) took: Duration,
}

impl<'a> Run<'a> {
    /// Starts what a container is for, and hears it from the beginning.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) async fn start(own: &'a Own, has_input: bool, limits: &Limits) -> Result<Self, AgentError> {
        let (engine, name) = (&own.engine, own.name.as_str());
        let attached = Attached::to(engine, name, has_input).await?;
        let started = engine.docker.start_container(name, None).await;
        started.map_err(|error| engine.failure("start the container", &error))?;
        let most = limits.output.unwrap_or(u64::MAX);
        let outputs = Outputs { stdout: Capture::new(most), stderr: Capture::new(most) };
        let now = Instant::now();
        Ok(Self { engine, name, attached, outputs, began: now, told: (now, 0) })
    }

    /// Until it ends, or is ended.
    pub(super) async fn end(mut self, context: &TaskContext, input: Option<&str>, limits: &Limits) -> Ran {
        let over = async {
            tokio::select! {
                () = late(context, limits) => {
                    let time = workflow_graph::format_duration(limits.time().unwrap_or_default());
                    format!("was ended after {time}, which is as long as its role may run it")
                }
                () = context.cancelled() => "was ended, for its attempt was told to stop".to_owned(),
            }
        };
        let end = tokio::select! {
            end = self.through(context, input) => end,
            why = over => Err(why),
        };
        if end.is_err() {
            self.ask_to_end().await;
        }
        let took = self.began.elapsed();
        let (stdout, stderr) = (self.outputs.stdout.into_output(), self.outputs.stderr.into_output());
        Ran { end, stdout, stderr, took }
    }

    /// Reads all that it writes, until it has ended.
    async fn through(
        &mut self,
        context: &TaskContext,
        input: Option<&str>,
    ) -> Result<ContainerState, String> {
        let pipe = self.attached.input();
        let fed = async move {
            if let Some(mut pipe) = pipe {
                // What it does not want to read it need not.
                drop(pipe.write_all(input.unwrap_or_default().as_bytes()).await);
                // Its end is told, for the connection stays open for what it writes.
                drop(pipe.shutdown().await);
            }
            std::future::pending::<()>().await;
        };
        let ended = ended(self.engine, self.name);
        let mut tick = tokio::time::interval(TOLD);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        tokio::pin!(fed, ended);
        loop {
            tokio::select! {
                state = &mut ended => {
                    let state = state?;
                    self.read_rest().await?;
                    return Ok(state);
                }
                more = self.attached.read(&mut self.outputs) => match more.map_err(lost)? {
                    true => {}
                    false => return self.closed().await,
                },
                () = &mut fed => {}
                _ = tick.tick() => self.tell(context),
            }
        }
    }

    /// How it ended, when nothing more comes of it. An engine closes the connection when a container has ended, not when it
    /// says nothing more; so if it runs on, what it says is lost.
    async fn closed(&self) -> Result<ContainerState, String> {
        let ended = tokio::time::timeout(REST, async {
            loop {
                if let Some(state) = state(self.engine, self.name).await? {
                    return Ok(state);
                }
                tokio::time::sleep(ASKED / 10).await;
            }
        });
        ended.await.unwrap_or_else(|_| Err(lost("it ended, and the container did not".to_owned())))
    }

    /// Tells what it said last, if it said anything.
    fn tell(&mut self, context: &TaskContext) {
        let Outputs { stdout, stderr } = &self.outputs;
        let bytes = stdout.bytes() + stderr.bytes();
        let (at, before) = self.told;
        if bytes == before || at.elapsed() < TOLD {
            return;
        }
        let out = stdout.last_line();
        let line = if out.is_empty() { stderr.last_line() } else { out };
        context.progress(0.0, &line);
        self.told = (Instant::now(), bytes);
    }

    /// Reads what it has written and has not come yet.
    async fn read_rest(&mut self) -> Result<(), String> {
        while let Ok(more) = tokio::time::timeout(REST, self.attached.read(&mut self.outputs)).await {
            if !more.map_err(lost)? {
                break;
            }
        }
        Ok(())
    }

    /// Asks it to end, and waits a while whether it does. Whether it does or not, it is removed.
    async fn ask_to_end(&mut self) {
        let options = StopContainerOptionsBuilder::new().t(GRACE).build();
        let stopped = self.engine.docker.stop_container(self.name, Some(options));
        let ended = async {
            tokio::pin!(stopped);
            loop {
                tokio::select! {
                    _ = &mut stopped => return,
                    more = self.attached.read(&mut self.outputs) => if !more.unwrap_or(false) { break },
                }
            }
            drop(stopped.await);
        };
        drop(tokio::time::timeout(WORD, ended).await);
    }
}

fn lost(why: String) -> String {
    format!("was ended, for the connection to the engine was lost while it ran: {why}")
}

/// Until it has run for as long as it may.
async fn late(context: &TaskContext, limits: &Limits) {
    match limits.time() {
        Some(time) => context.sleep(time).await,
        None => std::future::pending().await,
    }
}

/// How a container has ended, once it has. The engine's word that it has is only why it is asked how.
async fn ended(engine: &Engine, name: &str) -> Result<ContainerState, String> {
    let patient = engine.patient();
    loop {
        drop(std::pin::pin!(patient.wait_container(name, None)).next().await);
        if let Some(state) = state(engine, name).await? {
            return Ok(state);
        }
        tokio::time::sleep(ASKED).await;
    }
}

/// How a container has ended, if it has.
async fn state(engine: &Engine, name: &str) -> Result<Option<ContainerState>, String> {
    let mut failed = 0;
    loop {
        let error = match engine.docker.inspect_container(name, None).await {
            Ok(found) => return Ok(found.state.filter(|state| state.running != Some(true))),
            Err(error) => error,
        };
        if status(&error) == Some(404) {
            return Err("is gone: somebody else has removed it".to_owned());
        }
        failed += 1;
        if failed == FAILED {
            return Err(lost(told(&error)));
        }
        tokio::time::sleep(ASKED).await;
    }
}
