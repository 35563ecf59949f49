//! A command that runs: what it writes is read, what it uses is watched, until it ends or is ended.

use std::process::ExitStatus;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use workflow_runtime::{AgentError, TaskContext};

use super::ambit::Ambit;
use super::child::Running;
use super::mark::Mark;
use super::usage::{Usage, population};
use crate::Output;
use crate::output::Capture;
use crate::policy::Limits;

/// How long a command has to end when it is asked to.
const GRACE: Duration = Duration::from_secs(1);

/// For how long what a command has written is still read once it is over.
const REST: Duration = Duration::from_secs(2);

/// How often it is looked whether much has begun on this machine; what it says is told no more often than `TOLD`.
const TICK: Duration = Duration::from_millis(10);
const TOLD: Duration = Duration::from_millis(100);

/// How often it is counted what it uses: every so many ticks, and where there are more processes by this share of what it may have.
const COUNTED: u32 = 10;
const SHARE: u32 = 2;

/// How much is read at once.
const CHUNK: usize = 16 * 1024;

/// A command that runs.
pub(super) struct Run {
    running: Running,
    stdin: Option<ChildStdin>,
    stdout: Piped<ChildStdout>,
    stderr: Piped<ChildStderr>,
    /// What was told last of how far it is.
    told: (Instant, u64),
}

/// A pipe that is read, and what came out of it.
struct Piped<R> {
    pipe: Option<R>,
    buffer: Vec<u8>,
    capture: Capture,
}

impl<R: AsyncRead + Unpin> Piped<R> {
    fn new(pipe: Option<R>, most: u64) -> Self {
        Self { pipe, buffer: vec![0; CHUNK], capture: Capture::new(most) }
    }

    /// Reads once. It never returns where nothing more will come.
    async fn read(&mut self) {
        let Some(pipe) = &mut self.pipe else { return std::future::pending().await };
        match pipe.read(&mut self.buffer).await {
            Ok(0) | Err(_) => self.pipe = None,
            Ok(count) => self.capture.add(&self.buffer[..count]),
        }
    }

    async fn read_rest(&mut self) {
        while self.pipe.is_some() {
            self.read().await;
        }
    }
}

impl Run {
    pub(super) async fn start(ambit: Ambit, mark: Mark) -> Result<Self, AgentError> {
        let most = ambit.limits.output.unwrap_or(u64::MAX);
        let mut running = Running::start(ambit, mark).await?;
        let (stdin, stdout, stderr) = running.pipes();
        let (stdout, stderr) = (Piped::new(stdout, most), Piped::new(stderr, most));
        Ok(Self { running, stdin, stdout, stderr, told: (Instant::now(), 0) })
    }

    /// Until it ends, or is to be ended: then it tells why.
    pub(super) async fn end(
        &mut self,
        context: &TaskContext,
        input: &str,
        limits: &Limits,
    ) -> Result<ExitStatus, String> {
        let stdin = self.stdin.take();
        let fed = async move {
            if let Some(mut pipe) = stdin {
                // What it does not want to read it need not.
                drop(pipe.write_all(input.as_bytes()).await);
            }
            std::future::pending::<()>().await;
        };
        let late = async {
            match limits.time() {
                Some(time) => context.sleep(time).await,
                None => std::future::pending().await,
            }
        };
        let mut counting = Counting::new(limits);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        tokio::pin!(fed, late);
        loop {
            tokio::select! {
                status = self.running.wait() => {
                    counting.bounded(&self.running)?;
                    return status.map_err(|error| format!("cannot be waited for: {error}"));
                }
                () = self.stdout.read() => {}
                () = self.stderr.read() => {}
                () = &mut fed => {}
                () = &mut late => {
                    self.ask_to_end().await;
                    let time = workflow_graph::format_duration(limits.time().unwrap_or_default());
                    return Err(format!("was ended after {time}, which is as long as its role may run it"));
                }
                () = context.cancelled() => {
                    self.ask_to_end().await;
                    return Err("was ended, for its attempt was told to stop".to_owned());
                }
                _ = tick.tick() => {
                    self.tell(context);
                    counting.tick(&self.running).await?;
                }
            }
        }
    }

    /// Tells what it said last, if it said anything.
    fn tell(&mut self, context: &TaskContext) {
        let bytes = self.stdout.capture.bytes() + self.stderr.capture.bytes();
        let (at, before) = self.told;
        if bytes == before || at.elapsed() < TOLD {
            return;
        }
        let out = self.stdout.capture.last_line();
        let line = if out.is_empty() { self.stderr.capture.last_line() } else { out };
        context.progress(0.0, &line);
        self.told = (Instant::now(), bytes);
    }

    /// Asks it to end, and waits a while whether it does.
    async fn ask_to_end(&mut self) {
        self.running.ask_to_end();
        let ended = async {
            loop {
                tokio::select! {
                    _ = self.running.wait() => return,
                    () = self.stdout.read() => {}
                    () = self.stderr.read() => {}
                }
            }
        };
        // If it does not, it is ended without being asked.
        drop(tokio::time::timeout(GRACE, ended).await);
    }

    /// Ends what is left of it; gives what it wrote.
    pub(super) async fn finish(mut self) -> (Output, Output) {
        self.running.finish().await;
        let rest = async { tokio::join!(self.stdout.read_rest(), self.stderr.read_rest()) };
        // Who still has an end of a pipe is none of it.
        drop(tokio::time::timeout(REST, rest).await);
        (self.stdout.capture.into_output(), self.stderr.capture.into_output())
    }
}

/// What a command uses is counted now and then, and at once where much begins.
struct Counting {
    processes: u32,
    memory: u64,
    ticks: u32,
    population: u32,
}

impl Counting {
    fn new(limits: &Limits) -> Self {
        let (processes, memory) = (limits.processes.unwrap_or(u32::MAX), limits.memory.unwrap_or(u64::MAX));
        Self { processes, memory, ticks: 0, population: population().unwrap_or(0) }
    }

    /// Counts, if it is time to; tells why it is to be ended, if it uses more than it may.
    async fn tick(&mut self, running: &Running) -> Result<(), String> {
        self.ticks += 1;
        self.bounded(running)?;
        let population = population().unwrap_or(0);
        // Where the kernel counts, nothing outruns it.
        let is_rising =
            !running.is_counted() && population > self.population.saturating_add(self.processes / SHARE);
        let Some(id) = running.id().filter(|_| is_rising || self.ticks >= COUNTED) else { return Ok(()) };
        if is_rising {
            // What begins faster than it is counted would not let anybody count it.
            running.halt();
        }
        (self.ticks, self.population) = (0, population);
        let most = self.processes;
        let usage = tokio::task::spawn_blocking(move || Usage::of(id, most)).await.ok().flatten();
        let over = usage.and_then(|usage| self.over(usage));
        if is_rising && over.is_none() {
            running.go_on();
        }
        over.map_or(Ok(()), Err)
    }

    /// Tells why it is to be ended, if the system has refused it more processes.
    fn bounded(&self, running: &Running) -> Result<(), String> {
        if running.is_bounded() { Err(self.too_many()) } else { Ok(()) }
    }

    fn too_many(&self) -> String {
        let most = self.processes;
        format!(
            "was ended, for it wanted more than {most} processes and threads, which is as many as it may have"
        )
    }

    fn over(&self, usage: Usage) -> Option<String> {
        if usage.processes > self.processes {
            return Some(self.too_many());
        }
        let (has, most) = (usage.memory, self.memory);
        (has > most).then(|| format!("was ended, for it had {has} bytes of memory, and may have {most}"))
    }
}
