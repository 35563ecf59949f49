//! What tests of agents and workflows need: a runtime without threads, whose clock stands still until nothing else is
//! to be done, or until the test moves it.
//!
//! ```standalone_crate
//! use std::time::Duration;
//! use workflow_runtime::prelude::*;
//! use workflow_runtime::testing::TestRuntime;
//!
//! #[task_agent(retry(max = 3, first = "1h", cap = "1d"))]
//! async fn fetch(url: String) -> String {
//!     url
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let runtime = TestRuntime::new();
//! runtime.fail_attempt("fetch", 1, AgentError::retry("no answer"));
//!
//! let page = runtime.run(fetch::with("https://example.com".to_owned())).await.unwrap();
//!
//! assert_eq!(page, "https://example.com");
//! // The hour between the attempts passed on the runtime's own clock.
//! assert!(runtime.elapsed() >= Duration::from_secs(2700));
//! # }
//! ```

pub mod conformance;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value as Json;

use crate::agent::{Agent, Call, Callable};
use crate::apart::PARTS;
use crate::builder::{RuntimeBuilder, StartError};
use crate::context::{Resources, TaskContext};
use crate::data::Erased;
use crate::engine::{Clock, Executor, Job, Local, Opened, Override, lock};
use crate::error::AgentError;
use crate::failure::Failure;
use crate::job_id::JobIds;
use crate::listing::{JobFilter, JobStatus};
use crate::record::Line;
use crate::registry::Registry;
use crate::runtime::Runtime;
use crate::state::JobState;
use crate::store::Store;
use crate::timestamp::Timestamp;

/// A runtime for one test: without threads, with a clock and an order of its own, the same in every run.
///
/// It is a [`Runtime`], and can be used as one. Whoever waits, as by `job.await`, does the work; when nothing is ready,
/// the clock jumps to the next moment at which something is to happen.
pub struct TestRuntime {
    runtime: Runtime,
    start: Timestamp,
    setup: Setup,
}

/// How a runtime was set up, so that it can be set up again.
struct Setup {
    registry: Arc<Registry>,
    resources: Resources,
    store: Option<Arc<dyn Store>>,
    seed: u64,
    runs: AtomicUsize,
}

impl fmt::Debug for TestRuntime {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "TestRuntime({} after its start)", workflow_graph::format_duration(self.elapsed()))
    }
}

impl Deref for TestRuntime {
    type Target = Runtime;

    fn deref(&self) -> &Runtime {
        &self.runtime
    }
}

impl Runtime {
    /// A runtime for one test, of all agents and workflows of the program.
    ///
    /// # Panics
    /// When something is wrong with the agents and workflows: that is what a test is for.
    pub fn test() -> TestRuntime {
        TestRuntime::new()
    }
}

/// The moment at which the clock of a test stands at first: the beginning of 2025, in UTC.
const START: Timestamp = Timestamp::from_micros(1_735_689_600_000_000);

impl Default for TestRuntime {
    fn default() -> Self {
        Self::new()
    }
}

impl TestRuntime {
    /// A runtime of all agents and workflows of the program.
    ///
    /// # Panics
    /// When something is wrong with the agents and workflows: that is what a test is for.
    pub fn new() -> Self {
        Self::of(Runtime::builder())
    }

    /// A runtime that is set up like this.
    ///
    /// # Panics
    /// When something is wrong with the agents and workflows, or with what was set up.
    pub fn of(builder: RuntimeBuilder) -> Self {
        Self::seeded(builder, 0)
    }

    /// The same, but for its jobs, which are kept in a store; those that are there and not over go on. After a crash, what
    /// was not written is lost.
    ///
    /// # Panics
    /// As [`seeded`](Self::seeded) does, and when the store cannot be used.
    pub fn on(builder: RuntimeBuilder, seed: u64, store: Arc<dyn Store>) -> Self {
        match Self::start(builder, seed, START, 0, Some(store)) {
            Ok(runtime) => runtime,
            Err(error) => panic!("{error}"),
        }
    }

    /// A runtime in which a seed decides who goes first of those that are ready; 0 for whoever came first.
    ///
    /// # Panics
    /// When something is wrong with the agents and workflows, or with what was set up.
    pub fn seeded(builder: RuntimeBuilder, seed: u64) -> Self {
        match Self::start(builder, seed, START, 0, None) {
            Ok(runtime) => runtime,
            Err(error) => panic!("{error}"),
        }
    }

    fn start(
        builder: RuntimeBuilder,
        seed: u64,
        at: Timestamp,
        run: usize,
        store: Option<Arc<dyn Store>>,
    ) -> Result<Self, StartError> {
        let mut builder = builder.configured()?;
        let resources = builder.given().clone();
        let executor = Executor::Local(Local::new(seed));
        let offer = builder.offer()?;
        let begin =
            |store: &Arc<dyn Store>| Opened::begin(Arc::clone(store), &builder.node_in(&**store), offer);
        let opened = store.as_ref().map(begin).transpose()?;
        // No two runtimes of one store make the same ids. The last bits tell a part of the index.
        let begun = opened.as_ref().and_then(|opened| usize::try_from(opened.scribe.term().0).ok());
        let maker = u32::try_from(begun.unwrap_or(run) * PARTS).unwrap_or(u32::MAX);
        let (clock, ids) = (Clock::virtual_from(at), JobIds::of_maker(maker));
        let runtime = builder.make(executor, clock, ids, seed, opened)?;
        let registry = Arc::clone(&runtime.engine.registry);
        let setup = Setup { registry, resources, store, seed, runs: AtomicUsize::new(run + 1) };
        runtime.engine.recover_all();
        runtime.engine.begin_presence();
        Ok(Self { runtime, start: at, setup })
    }

    /// How much time has passed on the runtime's clock.
    pub fn elapsed(&self) -> Duration {
        self.now().since(self.start)
    }

    /// The runtime's clock.
    pub fn now(&self) -> Timestamp {
        self.runtime.engine.clock.now()
    }

    /// Sets the clock of the day, by which schedules go, as somebody may set the system's: ahead, or back. What has begun
    /// to wait goes on by the runtime's own clock, which nobody sets. It is noticed within a minute.
    pub fn set_clock(&self, to: Timestamp) {
        self.runtime.engine.set_of_day(to);
    }

    /// Does what is ready, and what follows from that, until nothing is; the clock stands still.
    pub fn run_until_idle(&self) {
        self.runtime.engine.fire_due();
        if let Some(local) = self.runtime.engine.executor.local() {
            while local.turn() {}
        }
    }

    /// Moves the clock, and does what becomes ready on the way, each thing at its moment.
    pub fn advance(&self, time: Duration) {
        let until = self.now() + time;
        self.run_until_idle();
        while let Some(next) = self.runtime.engine.timers.next().filter(|next| *next <= until) {
            self.runtime.engine.clock.move_to(next);
            self.run_until_idle();
        }
        self.runtime.engine.clock.move_to(until);
        self.run_until_idle();
    }

    /// Runs until every job of a queue is over; says how many there were.
    pub fn drain(&self, queue: &str) -> usize {
        let in_queue = || self.jobs(&JobFilter::new().queue(queue));
        let waiting = in_queue().iter().filter(|job| !job.state.is_over()).count();
        self.run_until_idle();
        while in_queue().iter().any(|job| !job.state.is_over()) && self.runtime.engine.skip_time() {
            self.run_until_idle();
        }
        waiting
    }

    /// The jobs of this name that are not over.
    pub fn enqueued(&self, name: &str) -> Vec<JobStatus> {
        let all = self.jobs(&JobFilter::new().name(name));
        all.into_iter().filter(|job| !job.state.is_over()).collect()
    }

    /// Asserts that a job of this name, whose input is this, waits or runs.
    ///
    /// # Panics
    /// When there is none; the message lists what there is.
    #[track_caller]
    pub fn assert_enqueued(&self, name: &str, input: &Json) {
        let inputs = self.inputs(name);
        assert!(
            inputs.contains(input),
            "no job of `{name}` with the input {input} waits; there are {inputs:?}"
        );
    }

    /// Asserts that no job of this name waits or runs.
    ///
    /// # Panics
    /// When there is one; the message lists what there is.
    #[track_caller]
    pub fn refute_enqueued(&self, name: &str) {
        let inputs = self.inputs(name);
        assert!(inputs.is_empty(), "jobs of `{name}` wait, with the inputs {inputs:?}");
    }

    fn inputs(&self, name: &str) -> Vec<Json> {
        let waiting = self.enqueued(name);
        let jobs = waiting.iter().filter_map(|job| self.runtime.engine.index.get(job.id));
        jobs.filter_map(|job| job.input_json()).collect()
    }

    /// Replaces an agent by a function of its input, typed, from now on.
    ///
    /// # Panics
    /// When there is no such agent.
    #[track_caller]
    pub fn replace<A: Callable>(
        &self,
        with: impl Fn(A::Input, TaskContext) -> Result<A::Output, AgentError> + Send + Sync + 'static,
    ) where
        A::Input: Clone,
    {
        let code = move |input: Erased, context: TaskContext| {
            let result = match input.take::<A::Input>() {
                Some(input) => with(input, context).map(Erased::new),
                None => Err(AgentError::permanent("the input is of another type")),
            };
            Box::pin(std::future::ready(result)) as crate::agent::Running
        };
        self.override_agent(A::NAME, |known| known.body = Some(Arc::new(code)));
    }

    /// Lets an attempt of an agent fail: in every task, the attempt of this number; the first is 1.
    ///
    /// # Panics
    /// When there is no such agent.
    #[track_caller]
    pub fn fail_attempt(&self, agent: &str, number: u32, error: AgentError) {
        let (failure, advice) = Failure::of_agent(&error);
        self.override_agent(agent, |known| known.failing.push((number, failure, advice)));
    }

    #[track_caller]
    fn override_agent(&self, name: &str, set: impl FnOnce(&mut Override)) {
        let engine = &self.runtime.engine;
        let Some(agent) = engine.registry.agent_place(name) else { panic!("there is no agent `{name}`") };
        set(lock(&engine.overrides).entry(agent).or_default());
        engine.has_overrides.store(true, Ordering::SeqCst);
    }

    /// Stops the runtime when this many records more were written, of all jobs together, and of schedules, of which each
    /// writing is one: as if its process ended there.
    /// What runs is dropped. [`restart`](Self::restart) goes on from what was written.
    pub fn crash_after(&self, records: usize) {
        self.runtime.engine.crash_after.store(records, Ordering::SeqCst);
        self.runtime.engine.has_overrides.store(true, Ordering::SeqCst);
    }

    /// Whether it has crashed.
    pub fn has_crashed(&self) -> bool {
        self.runtime.engine.crash_after.load(Ordering::SeqCst) == 0
    }

    /// A runtime that goes on where this one is: from the journals of its jobs, written as JSON and read again.
    ///
    /// # Panics
    /// When a journal cannot be read, or does not fit the agents and workflows.
    pub fn restart(&self) -> Self {
        self.restart_at(self.now())
    }

    /// The same, when the clock was set meanwhile: ahead, or back.
    ///
    /// # Panics
    /// As [`restart`](Self::restart) does.
    pub fn restart_at(&self, now: Timestamp) -> Self {
        self.try_restart_at(now).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The same, for a store that may fail just then. When it has, it can be tried again.
    ///
    /// # Errors
    /// When the runtime does not start.
    ///
    /// # Panics
    /// When a journal is refused.
    pub fn try_restart_at(&self, now: Timestamp) -> Result<Self, StartError> {
        let run = self.setup.runs.fetch_add(1, Ordering::SeqCst);
        let journals: Vec<String> = match self.setup.store {
            None => self.runtime.engine.index.all().iter().map(|job| self.journal_of(job)).collect(),
            Some(_) => Vec::new(),
        };
        if let Some(local) = self.runtime.engine.executor.local() {
            local.halt();
        }
        let builder = Runtime::builder()
            .registry(Arc::clone(&self.setup.registry))
            .resources(self.setup.resources.clone())
            .settings_of(&self.runtime.engine);
        let next = Self::start(builder, self.setup.seed, now, run, self.setup.store.clone())?;
        *lock(&next.runtime.engine.overrides) = lock(&self.runtime.engine.overrides).clone();
        *lock(&next.runtime.engine.taken) = lock(&self.runtime.engine.taken).clone();
        next.runtime.engine.has_overrides.store(true, Ordering::SeqCst);
        let jobs: Vec<_> = journals
            .iter()
            .map(|journal| match next.take_in(journal) {
                Ok(job) => job,
                Err(problem) => panic!("{problem}"),
            })
            .collect();
        // First those that had begun: the others wait for them.
        let (waiting, begun): (Vec<_>, Vec<_>) =
            jobs.iter().partition(|job| matches!(job.lock_state(), JobState::Pending | JobState::Scheduled));
        begun.iter().chain(&waiting).for_each(|job| next.runtime.engine.go_on(job));
        if next.setup.store.is_none() {
            next.runtime.engine.timetable.take_over(&self.runtime.engine.timetable);
            next.runtime.engine.look_at_all();
        }
        Ok(next)
    }

    /// A job as its journal, written as JSON and read again, leaves it.
    fn take_in(&self, journal: &str) -> Result<Arc<Job>, String> {
        let lines: Vec<Line> = serde_json::from_str(journal).map_err(|error| error.to_string())?;
        self.runtime.engine.restore(&lines, None).map_err(|unfit| unfit.to_string())
    }

    fn journal_of(&self, job: &Job) -> String {
        match serde_json::to_string(&self.runtime.engine.lines(job)) {
            Ok(text) => text,
            Err(error) => panic!("the journal of {} cannot be written: {error}", job.id),
        }
    }

    /// Checks of every job that folding its journal from the start gives the state that it has.
    ///
    /// # Errors
    /// Names the first job of which it does not, and what differs.
    pub fn check_journals(&self) -> Result<(), String> {
        self.runtime.engine.index.all().iter().try_for_each(|job| self.runtime.engine.check_journal(job))
    }

    /// How many jobs are in a state.
    pub fn count(&self, state: JobState) -> usize {
        self.jobs(&JobFilter::new().state(state)).len()
    }
}

/// Runs one agent, with a context that no runtime stands behind.
///
/// # Errors
/// When the agent fails.
pub async fn run_agent<A: Agent>(call: Call<A>, context: TaskContext) -> Result<A::Output, AgentError>
where
    A::Output: Clone,
{
    let output = A::spec().start(Erased::new(call.0), context).await?;
    output.take::<A::Output>().ok_or_else(|| AgentError::permanent("the output is of another type"))
}

/// A made-up context: the first attempt of a task `task` of a job `job`, which was given these.
pub fn context(resources: Resources) -> TaskContext {
    TaskContext::new("job", "task", 1, Arc::new(resources), crate::context::TaskManager::default())
}
