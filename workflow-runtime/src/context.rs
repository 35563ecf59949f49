//! What an agent's function may ask for besides its input.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::fmt;
use std::future::{Future, poll_fn};
use std::ops::Deref;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::choice::{Goal, Measured};
use crate::deed::Deed;
use crate::error::AgentError;
use crate::failure::{Failure, FailureKind};
use crate::pool::{Pool, Pooled};
use crate::record::{Spawn, TaskId};
use crate::schedule::Tick;
use crate::stats::AgentStats;
use crate::telemetry::TraceContext;
use crate::timestamp::Timestamp;
use crate::value::Value;

/// The attempt that is running: who it is, what the runtime was given, and what it may ask for.
///
/// An agent receives it by a parameter `ctx: &TaskContext`, in any position.
#[derive(Clone)]
pub struct TaskContext {
    host: Arc<dyn Host>,
}

/// A future that somebody else made.
pub(crate) type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What stands behind a [`TaskContext`].
pub(crate) trait Host: Send + Sync {
    fn job_id(&self) -> &str;
    fn task_id(&self) -> &str;
    fn attempt(&self) -> u32;
    fn role(&self) -> Option<String> {
        None
    }
    /// Keeps what the attempt did, or was refused, with what people did.
    fn audit(&self, deed: Deed) -> Pending<Result<(), AgentError>> {
        tracing::info!(target: "workflow", who = deed.who, act = %deed.act, came = deed.came, "workflow.audit");
        Box::pin(std::future::ready(Ok(())))
    }
    fn deadline(&self) -> Option<Timestamp>;
    fn now(&self) -> Timestamp;
    /// The tick of a schedule that the job runs.
    fn tick(&self) -> Option<Arc<Tick>> {
        None
    }
    /// What the attempt gives to what follows from it, to be of one trace.
    fn trace_context(&self) -> Option<TraceContext> {
        None
    }
    /// The engine of the runtime that runs this, whose type is known further up.
    fn engine(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        None
    }
    fn resources(&self) -> &Resources;
    fn manager(&self) -> &TaskManager;
    fn is_cancelled(&self) -> bool;
    /// Ready once the attempt is told to stop.
    fn poll_cancelled(&self, context: &mut Context<'_>) -> Poll<()>;
    fn sleep(&self, time: Duration) -> Pending<()>;
    fn beat(&self);
    fn progress(&self, fraction: f64, message: &str);
    fn log(&self, message: &str);
    fn save(&self, value: Value) -> Pending<Result<(), AgentError>>;
    fn saved(&self) -> Option<Value>;
    /// Makes a task: a subtask of this one, or one of the job.
    fn spawn(&self, spawn: Spawn, of_job: bool) -> Pending<Result<TaskId, AgentError>>;
    fn join(&self, task: TaskId) -> Pending<Result<Value, Arc<Failure>>>;
    /// How many tasks this attempt made before without giving them a name.
    fn next_spawn(&self) -> u32;
    fn stats(&self, agent: &str) -> Option<AgentStats>;
    /// Chooses; says which of them. Without options it does not matter what it says.
    fn choose(&self, _name: &str, _options: &[String], _goal: Goal) -> usize {
        0
    }
    fn learn(&self, _name: &str, _option: &str, _measured: Measured, _goal: Goal) {}
    fn cost(&self, _cents: f64) {}
    /// What a task of the job has cost, as far as it ran here.
    fn cost_of(&self, _task: TaskId) -> f64 {
        0.0
    }
    /// What a task that code has made calls.
    fn callee(&self, _task: TaskId) -> Option<String> {
        None
    }
    fn cached(&self, key: &str) -> Option<Json>;
    fn cache(&self, key: &str, value: Json);
    /// The next thing that this attempt does once.
    #[cfg(feature = "postgres")]
    fn once(&self) -> Result<crate::store::Once, AgentError> {
        Err(AgentError::permanent("a transaction needs a runtime whose jobs are kept in PostgreSQL"))
    }
}

impl TaskContext {
    /// A context for an attempt that no runtime runs; the first attempt is number 1.
    ///
    /// What needs a runtime, such as subtasks, is an error there. Checkpoints, progress and the cache work, in memory.
    pub fn new(
        job_id: &str,
        task_id: &str,
        attempt: u32,
        resources: Arc<Resources>,
        manager: TaskManager,
    ) -> Self {
        Self::of(Arc::new(Detached {
            job_id: job_id.into(),
            task_id: task_id.into(),
            attempt,
            resources,
            manager,
            saved: Mutex::default(),
            cached: Mutex::default(),
            spawned: AtomicU32::new(0),
        }))
    }

    pub(crate) fn of(host: Arc<dyn Host>) -> Self {
        Self { host }
    }

    pub(crate) fn host(&self) -> &Arc<dyn Host> {
        &self.host
    }

    /// The job's id.
    pub fn job_id(&self) -> &str {
        self.host.job_id()
    }

    /// The task's id, unique within its job: the step's path.
    pub fn task_id(&self) -> &str {
        self.host.task_id()
    }

    /// The number of this attempt; the first is 1.
    pub fn attempt(&self) -> u32 {
        self.host.attempt()
    }

    /// The role that this attempt has: that of its step, or else of its agent, or else of its workflow. It is for policies,
    /// which say what a role may do.
    pub fn role(&self) -> Option<String> {
        self.host.role()
    }

    /// Keeps in the audit, beside what people did, what this attempt did or was refused: `act` says what, and `came` what
    /// came of it. It is durable when this returns. It is for what is rare and matters; `log` is for the rest.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub async fn audit(&self, act: Json, came: impl Into<String>) -> Result<(), AgentError> {
        let role = self.role().map(|role| format!(", as {role}")).unwrap_or_default();
        let who = format!("step {} of job {}{role}", self.task_id(), self.job_id());
        self.host.audit(Deed { at: self.now(), who, act, came: came.into() }).await
    }

    /// The moment at which this attempt, its task or its job is given up, whichever comes first.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.host.deadline()
    }

    /// The runtime's clock. In a test it may be a virtual one.
    pub fn now(&self) -> Timestamp {
        self.host.now()
    }

    /// The tick of a schedule that this job runs, or a job above it, if a schedule has had it run: which moment it stands
    /// for, and whether that was missed.
    pub fn tick(&self) -> Option<Arc<Tick>> {
        self.host.tick()
    }

    /// What to send as the header `traceparent` with calls to other systems, so that what they do is of one trace with this
    /// attempt: its own span, where OpenTelemetry is set up, or else what the job was [given](crate::Submission::traceparent).
    pub fn traceparent(&self) -> Option<Arc<str>> {
        Some(self.host.trace_context()?.traceparent)
    }

    /// What to send as the header `tracestate`, beside [`traceparent`](Self::traceparent).
    pub fn tracestate(&self) -> Option<Arc<str>> {
        self.host.trace_context()?.tracestate
    }

    /// Waits by the runtime's clock.
    pub async fn sleep(&self, time: Duration) {
        self.host.sleep(time).await;
    }

    /// A key for calls to other systems: the same in every attempt of this task, and in no other task.
    pub fn idempotency_key(&self) -> String {
        format!("{}/{}", self.job_id(), self.task_id())
    }

    /// Whether this attempt was told to stop: its job is cancelled, or it takes too long. What it still gives counts,
    /// if it gives it soon; then it is dropped.
    pub fn is_cancelled(&self) -> bool {
        self.host.is_cancelled()
    }

    /// Waits until this attempt is told to stop.
    pub async fn cancelled(&self) {
        poll_fn(|context| self.host.poll_cancelled(context)).await;
    }

    /// Says that this attempt is alive. Only needed where `heartbeat` is set; `progress` and `checkpoint` say it, too.
    pub fn heartbeat(&self) {
        self.host.beat();
    }

    /// Says how far this attempt is, from 0 to 1, and at what.
    pub fn progress(&self, fraction: f64, message: &str) {
        self.host.progress(fraction, message);
    }

    /// Writes a line to the job's log, and to `tracing`. It is kept in the job's journal, with what comes after it or a
    /// moment later; nothing waits for that. Of an attempt 1,000 lines are kept, of up to 4,096 bytes each.
    pub fn log(&self, message: impl AsRef<str>) {
        self.host.log(message.as_ref());
    }

    /// Saves where this task stands, for an attempt that follows. It is durable when this returns.
    ///
    /// # Errors
    /// When the value cannot be written as JSON, or when the attempt is over already.
    pub async fn checkpoint<T: Serialize + Sync>(&self, value: &T) -> Result<(), AgentError> {
        let value = serde_json::to_value(value).map_err(AgentError::permanent)?;
        self.host.save(Value::from(value)).await
    }

    /// What an earlier attempt of this task saved last.
    ///
    /// # Errors
    /// When it is not a `T`.
    pub fn restored<T: DeserializeOwned>(&self) -> Result<Option<T>, AgentError> {
        let Some(saved) = self.host.saved() else { return Ok(None) };
        let json = saved.json().map_err(AgentError::permanent)?;
        serde_json::from_value(json).map(Some).map_err(AgentError::permanent)
    }

    /// How an agent has done so far, in this process: for choosing between agents.
    pub fn stats(&self, agent: &str) -> Option<AgentStats> {
        self.host.stats(agent)
    }

    /// What a task of this job has put into the job's cache. A cache may forget.
    pub fn cached<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        serde_json::from_value(self.host.cached(key)?).ok()
    }

    /// Puts something into the job's cache, of at most 1,000 entries, which all its tasks see as long as it runs here.
    ///
    /// # Errors
    /// When the value cannot be written as JSON.
    pub fn cache<T: Serialize>(&self, key: &str, value: &T) -> Result<(), AgentError> {
        let value = serde_json::to_value(value).map_err(AgentError::permanent)?;
        self.host.cache(key, value);
        Ok(())
    }

    /// What the runtime was given of type `T`.
    ///
    /// # Errors
    /// When it was given none.
    pub fn state<T: Send + Sync + 'static>(&self) -> Result<State<T>, AgentError> {
        self.host.resources().state().ok_or_else(|| missing::<T>("State", "state"))
    }

    /// An instance of `T` from its pool, once one is free; it goes back when dropped.
    ///
    /// # Errors
    /// When the runtime was given no pool of `T`, or when a new instance could not be made.
    pub async fn pooled<T: Send + 'static>(&self) -> Result<Pooled<T>, AgentError> {
        let pool = self.host.resources().pool().ok_or_else(|| missing::<T>("Pooled", "pool"))?;
        pool.get().await
    }

    /// The task manager.
    pub fn task_manager(&self) -> &TaskManager {
        self.host.manager()
    }
}

impl fmt::Debug for TaskContext {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "TaskContext({}, attempt {})", self.idempotency_key(), self.attempt())
    }
}

/// Stands behind the context of an attempt that no runtime runs.
struct Detached {
    job_id: Arc<str>,
    task_id: Arc<str>,
    attempt: u32,
    resources: Arc<Resources>,
    manager: TaskManager,
    saved: Mutex<Option<Value>>,
    cached: Mutex<HashMap<String, Json>>,
    spawned: AtomicU32,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Host for Detached {
    fn job_id(&self) -> &str {
        &self.job_id
    }

    fn task_id(&self) -> &str {
        &self.task_id
    }

    fn attempt(&self) -> u32 {
        self.attempt
    }

    fn deadline(&self) -> Option<Timestamp> {
        None
    }

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn resources(&self) -> &Resources {
        &self.resources
    }

    fn manager(&self) -> &TaskManager {
        &self.manager
    }

    fn is_cancelled(&self) -> bool {
        false
    }

    fn poll_cancelled(&self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }

    /// There is no clock to wait by.
    fn sleep(&self, _: Duration) -> Pending<()> {
        Box::pin(std::future::ready(()))
    }

    fn beat(&self) {}

    fn progress(&self, _: f64, _: &str) {}

    fn log(&self, message: &str) {
        tracing::info!(job = &*self.job_id, task = &*self.task_id, "{message}");
    }

    fn save(&self, value: Value) -> Pending<Result<(), AgentError>> {
        *lock(&self.saved) = Some(value);
        Box::pin(std::future::ready(Ok(())))
    }

    fn saved(&self) -> Option<Value> {
        lock(&self.saved).clone()
    }

    fn spawn(&self, spawn: Spawn, _: bool) -> Pending<Result<TaskId, AgentError>> {
        let error = format!("`{}` cannot be spawned: no runtime runs this attempt", spawn.callee.name);
        Box::pin(std::future::ready(Err(AgentError::permanent(error))))
    }

    fn join(&self, _: TaskId) -> Pending<Result<Value, Arc<Failure>>> {
        let failure = Failure::new(FailureKind::Unrunnable, "no runtime runs this attempt");
        Box::pin(std::future::ready(Err(Arc::new(failure))))
    }

    fn next_spawn(&self) -> u32 {
        self.spawned.fetch_add(1, Ordering::Relaxed)
    }

    fn stats(&self, _: &str) -> Option<AgentStats> {
        None
    }

    fn cached(&self, key: &str) -> Option<Json> {
        lock(&self.cached).get(key).cloned()
    }

    fn cache(&self, key: &str, value: Json) {
        lock(&self.cached).insert(key.to_owned(), value);
    }
}

fn missing<T>(wanted: &str, method: &str) -> AgentError {
    let name = type_name::<T>();
    AgentError::permanent(format!(
        "the agent wants `{wanted}<{name}>`, which the runtime was not given; add it with `.{method}(…)`"
    ))
}

/// What the runtime was given of type `T`, shared by all agents: a client, a configuration, a pool.
///
/// An agent receives it by a parameter `db: State<Db>`, in any position, and uses it as a `&Db`; or, as
/// `State(db): State<Db>`, takes the `Arc<Db>` out.
pub struct State<T: ?Sized>(pub Arc<T>);

impl<T> State<T> {
    /// Wraps a value, to call an agent's function by hand.
    pub fn new(value: T) -> Self {
        Self(Arc::new(value))
    }
}

impl<T: ?Sized> Clone for State<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: ?Sized> Deref for State<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for State<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("State").field(&&*self.0).finish()
    }
}

/// What a runtime was given for its agents: one value, and one pool, of each type.
#[derive(Default, Clone)]
pub struct Resources {
    states: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
    pools: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
}

impl Resources {
    /// Nothing given.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives a value, for agents that want `State<T>`. A second one of the same type replaces the first.
    #[must_use]
    pub fn with_state<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.states.insert(TypeId::of::<T>(), Arc::new(value));
        self
    }

    /// Gives a pool, for agents that want `Pooled<T>`. A second one of the same type replaces the first.
    #[must_use]
    pub fn with_pool<T: Send + 'static>(mut self, pool: Pool<T>) -> Self {
        self.pools.insert(TypeId::of::<T>(), Arc::new(pool));
        self
    }

    fn state<T: Send + Sync + 'static>(&self) -> Option<State<T>> {
        let value = Arc::clone(self.states.get(&TypeId::of::<T>())?);
        value.downcast().ok().map(State)
    }

    fn pool<T: Send + 'static>(&self) -> Option<&Pool<T>> {
        self.pools.get(&TypeId::of::<T>())?.downcast_ref()
    }

    /// Whether a need is met.
    pub fn meet(&self, need: &Need) -> bool {
        match need.kind {
            NeedKind::State => self.states.contains_key(&(need.id)()),
            NeedKind::Pool => self.pools.contains_key(&(need.id)()),
        }
    }
}

impl fmt::Debug for Resources {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Resources({} states, {} pools)", self.states.len(), self.pools.len())
    }
}

/// Something an agent's signature asks the runtime for.
#[derive(Debug, Clone, Copy)]
pub struct Need {
    kind: NeedKind,
    id: fn() -> TypeId,
    name: fn() -> &'static str,
}

#[derive(Debug, Clone, Copy)]
enum NeedKind {
    State,
    Pool,
}

impl Need {
    /// A parameter `State<T>`.
    pub const fn state<T: Send + Sync + 'static>() -> Self {
        Self { kind: NeedKind::State, id: TypeId::of::<T>, name: type_name::<T> }
    }

    /// A parameter `Pooled<T>`.
    pub const fn pooled<T: Send + 'static>() -> Self {
        Self { kind: NeedKind::Pool, id: TypeId::of::<T>, name: type_name::<T> }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wrapper = match self.kind {
            NeedKind::State => "State",
            NeedKind::Pool => "Pooled",
        };
        write!(out, "{wrapper}<{}>", (self.name)())
    }
}

/// What an agent of the classic form receives as `task_manager: &TaskManager`: the agents it may plan with.
#[derive(Debug, Clone, Default)]
pub struct TaskManager {
    agents: Arc<[AgentDescription]>,
    /// What stands behind its classic methods; this module need not know what that is.
    #[cfg(feature = "classic")]
    pub(crate) classic: Option<Arc<dyn Any + Send + Sync>>,
}

impl TaskManager {
    /// A manager that knows these agents.
    pub(crate) fn of(agents: impl IntoIterator<Item = AgentDescription>) -> Self {
        Self {
            agents: agents.into_iter().collect(),
            #[cfg(feature = "classic")]
            classic: None,
        }
    }

    /// The agents there are, sorted by name.
    pub fn agents(&self) -> &[AgentDescription] {
        &self.agents
    }
}

/// An agent as another agent sees it: enough to choose it and to write its input.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct AgentDescription {
    /// Its name.
    pub name: String,
    /// What it does, in its author's words.
    pub description: String,
    /// The JSON Schema of its input.
    pub input_schema: serde_json::Value,
    /// The JSON Schema of its output.
    pub output_schema: serde_json::Value,
}
