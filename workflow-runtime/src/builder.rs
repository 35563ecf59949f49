//! Setting a runtime up.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "cli")]
use crate::config::Code;
#[cfg(feature = "config")]
use crate::config::{Configuration, Mistakes, Settings, Setup};
use crate::context::Resources;
use crate::engine::{
    AgentLimits, Clock, Config, Engine, Executor, Observer, Opened, Parts, Queue, StallAction, Watch,
};
use crate::job_id::JobIds;
use crate::panics::note_places;
use crate::pool::Pool;
use crate::problem::Problems;
use crate::registry::Registry;
use crate::retention::Retention;
use crate::runtime::Runtime;
use crate::store::{Offer, Store, StoreError, StoreErrorKind};

/// The name of the one who writes to a store that one process uses at a time.
const NODE: &str = "local";

/// Why a runtime could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Something is wrong with the agents and workflows.
    #[error(transparent)]
    Problems(#[from] Problems),
    /// Limits were set for an agent that there is not.
    #[error("limits were set for `{name}`, but there is no such agent{}", cure(nearest.as_deref()))]
    UnknownAgent {
        /// The name.
        name: String,
        /// The name that is most like it.
        nearest: Option<String>,
    },
    /// Something is wrong with the configuration.
    #[cfg(feature = "config")]
    #[error(transparent)]
    Configuration(#[from] Mistakes),
    /// What there is cannot be written down for others.
    #[error("the agents and workflows cannot be written as JSON: {0}")]
    Unwritable(String),
    /// The store could not be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no tokio runtime to run attempts on.
    #[error("there is no tokio runtime here; call this inside one, as with `#[tokio::main]`")]
    NoTokio,
}

fn cure(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default()
}

/// A runtime to be set up.
///
/// ```standalone_crate
/// use std::time::Duration;
/// use workflow_runtime::prelude::*;
/// use workflow_runtime::{AgentLimits, Breaker, Queue};
///
/// # #[task_agent] async fn ask_model(question: String) -> String { question }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let runtime = Runtime::builder()
///     .state("https://models.example".to_owned())
///     .queue(Queue::new("llm").concurrency(8).per_key(2).capacity(10_000))
///     .limits("ask_model", AgentLimits::new().breaker(Breaker { failures: 5, cooldown: Duration::from_secs(30) }))
///     .in_memory()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing runs until the runtime is made, as by `in_memory`"]
#[derive(Default)]
pub struct RuntimeBuilder {
    registry: Option<Arc<Registry>>,
    resources: Resources,
    queues: Vec<Queue>,
    limits: HashMap<String, AgentLimits>,
    observers: Vec<Arc<dyn Observer>>,
    config: Config,
    node: Option<String>,
    /// What is to be set over all this.
    #[cfg(feature = "config")]
    configuration: Option<Configuration>,
    /// The agents and workflows as they are set, where that is otherwise than in code.
    running: Option<Arc<Registry>>,
}

impl fmt::Debug for RuntimeBuilder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("RuntimeBuilder")
            .field("queues", &self.queues)
            .field("limits", &self.limits)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl RuntimeBuilder {
    /// Takes these agents and workflows, and not those that the linker collected.
    pub fn registry(mut self, registry: impl Into<Arc<Registry>>) -> Self {
        self.registry = Some(registry.into());
        self
    }

    /// Gives a value, for agents that want `State<T>`.
    pub fn state<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.resources = self.resources.with_state(value);
        self
    }

    /// Gives a pool, for agents that want `Pooled<T>`.
    pub fn pool<T: Send + 'static>(mut self, pool: Pool<T>) -> Self {
        self.resources = self.resources.with_pool(pool);
        self
    }

    /// Gives all of these.
    pub fn resources(mut self, resources: Resources) -> Self {
        self.resources = resources;
        self
    }

    /// Sets a queue's limits; the last that is said of a queue counts.
    pub fn queue(mut self, queue: Queue) -> Self {
        self.queues.retain(|known| known.name != queue.name);
        self.queues.push(queue);
        self
    }

    /// Sets an agent's limits, over those of its options.
    pub fn limits(mut self, agent: impl Into<String>, limits: AgentLimits) -> Self {
        self.limits.insert(agent.into(), limits);
        self
    }

    /// Adds something that sees what happens to all jobs.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observers.push(Arc::new(observer));
        self
    }

    /// Sets what follows when an attempt is silent for longer than its `heartbeat`.
    pub fn on_stall(mut self, action: StallAction) -> Self {
        self.config.on_stall = action;
        self
    }

    /// Sets how long an attempt that is told to stop may take to do so before it is dropped: 5 seconds otherwise.
    pub fn grace(mut self, time: Duration) -> Self {
        self.config.grace = time;
        self
    }

    /// Sets how many jobs that are over are remembered: 1,000 otherwise, about the last of them, for each thread forgets
    /// what it has run itself. Jobs of more than 100 records are fewer: together they have no more than 100 for each.
    pub fn keep(mut self, jobs: usize) -> Self {
        self.config.keep = jobs;
        self
    }

    /// Sets how often the process may be killed while a task runs before the task fails: 5 times otherwise. It may be the
    /// task that kills it. Only counted where jobs are kept in a store.
    pub fn deaths(mut self, times: u32) -> Self {
        self.config.deaths = times.max(1);
        self
    }

    /// Sets how long jobs that are over are kept in a store; forever otherwise. What is remembered of them in memory,
    /// [`keep`](Self::keep) says.
    pub fn retention(mut self, retention: Retention) -> Self {
        self.config.retention = Some(retention);
        self
    }

    /// Sets by how much of itself a retry's delay is shortened at most, at random: a quarter otherwise.
    pub fn jitter(mut self, share: f64) -> Self {
        self.config.jitter = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
        self
    }

    /// Sets what this process is called where several share a store: another name otherwise, each time it starts. When one
    /// begins of a name that there is already, that is over at once: so a process that takes the place of another by the
    /// same name need not wait for the lease of the one before. No two may have a name at once.
    pub fn node(mut self, name: impl Into<String>) -> Self {
        self.node = Some(name.into());
        self
    }

    /// Sets the queues that this process serves, where several share a store: all otherwise. A job begins where its queue is
    /// served, whoever has submitted it; and so does a step of another queue than its job's, wherever that is.
    pub fn serves<Q: Into<Arc<str>>>(mut self, queues: impl IntoIterator<Item = Q>) -> Self {
        self.config.share.queues = Some(queues.into_iter().map(Into::into).collect());
        self
    }

    /// Sets how many jobs may wait in this process, where several share a store: 10,000 otherwise. More are left in the
    /// store, for whichever process has room for them first, the most urgent first.
    pub fn backlog(mut self, jobs: usize) -> Self {
        self.config.share.backlog = jobs.max(1);
        self
    }

    /// Sets what the program calls itself, where several share a store: those who look after it see it. Jobs that a program
    /// cannot go on with are offered to those of another version, or with other workflows and agents.
    pub fn version(mut self, version: impl Into<Arc<str>>) -> Self {
        self.config.share.version = version.into();
        self
    }

    /// Sets what an operator has set, over all that code says, whether it is said before or after. Of several
    /// configurations, a later one counts for more.
    ///
    /// It is checked when the runtime is made: nothing runs of one in which something is not right. All that can be set is
    /// listed [here](crate::configuration).
    #[cfg(feature = "config")]
    pub fn configuration(mut self, configuration: Configuration) -> Self {
        self.configuration = Some(match self.configuration.take() {
            Some(below) => below.with(configuration),
            None => configuration,
        });
        self
    }

    /// What the configuration says to this program.
    #[cfg(feature = "config")]
    pub(crate) fn settings(&self) -> Result<Settings, StartError> {
        let registry = self.registered()?;
        let configuration = self.configuration.clone().unwrap_or_default();
        Ok(configuration.check_with(&registry, &self.queues)?)
    }

    /// What code says, for who compares it with what the configuration does.
    #[cfg(feature = "cli")]
    pub(crate) fn code<'a>(&'a self, registry: &'a Registry) -> Code<'a> {
        Code { registry, queues: &self.queues, limits: &self.limits, config: &self.config }
    }

    /// Takes over what the configuration says, once.
    #[cfg(feature = "config")]
    pub(crate) fn configured(mut self) -> Result<Self, StartError> {
        if self.configuration.is_none() {
            return Ok(self);
        }
        let registry = self.registered()?;
        let settings = self.settings()?;
        settings.doubts().iter().for_each(|doubt| tracing::warn!("{doubt}"));
        self.running = settings.registry(&registry).map(Arc::new);
        self.registry = Some(registry);
        let Self { queues, limits, config, node, .. } = &mut self;
        settings.apply(&mut Setup { queues, limits, config, node });
        self.configuration = None;
        Ok(self)
    }

    /// There are no configurations in this program.
    #[cfg(not(feature = "config"))]
    #[expect(clippy::unnecessary_wraps, reason = "there are no configurations in this program")]
    pub(crate) fn configured(self) -> Result<Self, StartError> {
        Ok(self)
    }

    /// The agents and workflows that it was given, or that the linker collected.
    pub(crate) fn registered(&self) -> Result<Arc<Registry>, Problems> {
        match &self.registry {
            Some(registry) => Ok(Arc::clone(registry)),
            None => Ok(Arc::new(Registry::collect()?)),
        }
    }

    /// Starts nothing: the runtime is there to have something done to jobs, and then to shut down.
    #[cfg(feature = "cli")]
    pub(crate) fn hands_off(mut self) -> Self {
        self.config.hands_off = true;
        self
    }

    /// What others who share a store are told of this process.
    pub(crate) fn offer(&mut self) -> Result<Offer, StartError> {
        let registry = self.registered()?;
        self.registry = Some(Arc::clone(&registry));
        self.config.share.offer(&registry).map_err(StartError::Unwritable)
    }

    /// What this process is called in a store.
    pub(crate) fn node_in(&self, store: &dyn Store) -> String {
        match (&self.node, store.lease()) {
            (Some(name), _) => name.clone(),
            (None, None) => NODE.to_owned(),
            (None, Some(_)) => own_name(),
        }
    }

    /// Makes a runtime that keeps its jobs in memory.
    ///
    /// # Errors
    /// When something is wrong with the agents and workflows, or when there is no tokio runtime.
    pub async fn in_memory(self) -> Result<Runtime, StartError> {
        let handle = tokio::runtime::Handle::try_current().map_err(|_| StartError::NoTokio)?;
        let seed = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0_u8);
        self.make(Executor::Tokio(handle), Clock::system(), JobIds::new(), seed, None)
    }

    /// Makes a runtime that keeps its jobs in a SQLite file, which is made if there is none. Those that it finds there and
    /// that are not over go on.
    ///
    /// One process uses a file at a time. For other settings of the file, see [`on`](Self::on) and
    /// [`SqliteOptions`](crate::store::SqliteOptions).
    ///
    /// # Errors
    /// When something is wrong with the agents and workflows, when the file cannot be used, or when there is no tokio
    /// runtime.
    #[cfg(feature = "sqlite")]
    pub async fn open(self, path: impl AsRef<std::path::Path>) -> Result<Runtime, StartError> {
        let handle = tokio::runtime::Handle::try_current().map_err(|_| StartError::NoTokio)?;
        let path = path.as_ref().to_owned();
        let opened = handle.spawn_blocking(move || crate::store::SqliteStore::open(path)).await;
        let store = opened.unwrap_or_else(|panic| {
            Err(StoreError::new(StoreErrorKind::Unavailable, format!("the store panicked: {panic}")))
        })?;
        self.on(Arc::new(store)).await
    }

    /// Makes a runtime that keeps its jobs in a PostgreSQL database, as many others on other machines may: each job is one
    /// process's at a time, and when a process is gone, others take its jobs over.
    ///
    /// For other settings, such as the schema or the lease, see [`on`](Self::on) and
    /// [`PostgresOptions`](crate::store::PostgresOptions).
    ///
    /// # Errors
    /// When something is wrong with the agents and workflows, when the database cannot be used, or when there is no tokio
    /// runtime.
    #[cfg(feature = "postgres")]
    pub async fn connect(self, address: impl Into<String>) -> Result<Runtime, StartError> {
        let handle = tokio::runtime::Handle::try_current().map_err(|_| StartError::NoTokio)?;
        let address = address.into();
        let opened = handle.spawn_blocking(move || crate::store::PostgresStore::connect(address)).await;
        let store = opened.unwrap_or_else(|panic| {
            Err(StoreError::new(StoreErrorKind::Unavailable, format!("the store panicked: {panic}")))
        })?;
        self.on(Arc::new(store)).await
    }

    /// Makes a runtime that keeps its jobs in a store. Those that it finds there and that are not over go on: at once,
    /// and while others of them are still being read.
    ///
    /// # Errors
    /// When something is wrong with the agents and workflows, when the store cannot be used, or when there is no tokio
    /// runtime.
    pub async fn on(mut self, store: Arc<dyn Store>) -> Result<Runtime, StartError> {
        let handle = tokio::runtime::Handle::try_current().map_err(|_| StartError::NoTokio)?;
        let seed = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0_u8);
        #[cfg(all(feature = "acting", feature = "sqlite"))]
        let file = crate::door::file_of(&*store);
        self = self.configured()?;
        // A store may block.
        let (node, offer) = (self.node_in(&*store), self.offer()?);
        let opened = handle.spawn_blocking(move || Opened::begin(store, &node, offer)).await;
        let opened = opened.unwrap_or_else(|panic| {
            Err(StoreError::new(StoreErrorKind::Unavailable, format!("the store panicked: {panic}")))
        })?;
        let clock = opened.now.map_or_else(Clock::system, Clock::system_at);
        let hands_off = self.config.hands_off;
        let runtime = self.make(Executor::Tokio(handle), clock, JobIds::new(), seed, Some(opened))?;
        let engine = &runtime.engine;
        // Where others share the store, what somebody wants done is said to whoever has the job.
        if !(hands_off && engine.shares_store()) {
            engine.recover_all();
        }
        engine.begin_presence();
        engine.read_learned().await?;
        #[cfg(all(feature = "acting", feature = "sqlite"))]
        if let Some(file) = file.filter(|_| !hands_off) {
            crate::door::keep_open(engine, &file).await;
        }
        Ok(runtime)
    }

    /// What it was given for agents.
    pub(crate) fn given(&self) -> &Resources {
        &self.resources
    }

    /// Sets what another runtime has set: its queues, its limits and the rest.
    pub(crate) fn settings_of(mut self, engine: &Engine) -> Self {
        self.queues = engine.queues().iter().map(|queue| queue.settings.clone()).collect();
        self.limits = engine.limits();
        self.config = engine.config.clone();
        self.node = engine.scribe.as_ref().map(|scribe| scribe.node().to_owned());
        self
    }

    pub(crate) fn make(
        self,
        executor: Executor,
        clock: Clock,
        ids: JobIds,
        seed: u64,
        opened: Option<Opened>,
    ) -> Result<Runtime, StartError> {
        note_places();
        let set_up = self.configured()?;
        let registry = set_up.registered()?;
        let Self { resources, queues, limits, observers, config, running, .. } = set_up;
        let registry = running.unwrap_or(registry);
        registry.check_resources(&resources)?;
        if let Some(name) = limits.keys().find(|name| registry.agent(name).is_none()) {
            let names = registry.agents().iter().map(crate::registered::RegisteredAgent::name);
            let nearest = workflow_graph::nearest(name, names).map(str::to_owned);
            return Err(StartError::UnknownAgent { name: name.clone(), nearest });
        }
        let watch = Watch::new(observers, &executor);
        let resources = Arc::new(resources);
        let (scribe, paused) = opened.map(|opened| (opened.scribe, opened.paused)).unzip();
        let writes: Option<Arc<_>> = scribe.clone();
        let parts =
            Parts { registry, resources, executor, clock, ids, watch, scribe, config, queues, limits, seed };
        let engine = Engine::new(parts);
        paused.into_iter().flatten().for_each(|queue: Arc<str>| engine.queue(&queue).pause());
        if let Some(scribe) = writes {
            scribe.begin(&engine).map_err(|error| {
                StoreError::new(StoreErrorKind::Unavailable, format!("no thread to write with: {error}"))
            })?;
        }
        engine.begin_retaining();
        engine.begin_statistics();
        Ok(Runtime { engine })
    }
}

/// A name that no other process has: the machine's, and what tells processes apart.
fn own_name() -> String {
    let said = ["HOSTNAME", "COMPUTERNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    let machine = said.or_else(|| std::fs::read_to_string("/etc/hostname").ok());
    let machine = machine.as_deref().map_or("node", str::trim);
    let random = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0_u8);
    format!("{machine}-{}-{:06x}", std::process::id(), random & 0xff_ffff)
}
