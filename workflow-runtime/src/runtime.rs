//! The runtime, as programs hold it.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value as Json;

use crate::builder::{RuntimeBuilder, StartError};
use crate::context::TaskContext;
use crate::engine::{Engine, Job, JobWork, PRUNED, ParkedJob, Said, lock};
use crate::error::AgentError;
use crate::failure::{Failure, FailureKind};
use crate::handle::JobHandle;
use crate::job_id::JobId;
use crate::listing::{JobFilter, JobStatus};
use crate::metrics::{Health, Metrics};
use crate::program::Place;
use crate::record::Target;
use crate::registry::Registry;
use crate::report::AgentReport;
use crate::runnable::{Requested, Runnable};
use crate::schedules::Schedules;
use crate::stats::AgentStats;
use crate::store::{Expiry, Head, StoreError};
use crate::stream::Events;
use crate::submission::{Submission, SubmitError};
use crate::value::Value;

/// Runs workflows, agents, and jobs put together in code.
///
/// It is a handle: clones are the same runtime. What runs goes on when the last one is dropped, but no timer rings any
/// more once nothing runs and no [`JobHandle`] is left: keep one as long as jobs are to go on.
/// [`shutdown`](Self::shutdown) ends them in an orderly way.
#[derive(Debug, Clone)]
pub struct Runtime {
    pub(crate) engine: Arc<Engine>,
}

/// Why something that was to be run gave nothing.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// It was not taken in.
    #[error(transparent)]
    NotSubmitted(#[from] SubmitError),
    /// It failed, was cancelled, or expired.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl TaskContext {
    /// The runtime that runs this, for jobs of their own: nobody waits for them, and they go on whatever comes of this one.
    ///
    /// An attempt that is done again hands in again what it has handed in before, unless the job has a key by which it is
    /// known, as by [`once`](crate::Submission::once):
    ///
    /// ```
    /// # use workflow_runtime::prelude::*;
    /// # #[task_agent] async fn send(address: String) {}
    /// #[task_agent]
    /// async fn sign_up(address: String, ctx: &TaskContext) -> Result<String, AgentError> {
    ///     let welcome = ctx.runtime()?.submit(send::with(address)).once(ctx.idempotency_key()).await?;
    ///     Ok(welcome.id().to_string())
    /// }
    /// ```
    ///
    /// # Errors
    /// When no runtime runs it, as in a test that calls the agent by itself.
    pub fn runtime(&self) -> Result<Runtime, AgentError> {
        let none =
            || AgentError::permanent("no runtime runs this: have it run by one, as by `Runtime::in_memory`");
        let engine = self.host().engine().and_then(|engine| engine.downcast::<Engine>().ok());
        Ok(Runtime { engine: engine.ok_or_else(none)? })
    }
}

impl Runtime {
    /// A runtime of all agents and workflows of this program, which keeps its jobs in memory: they end with the process.
    ///
    /// # Errors
    /// When something is wrong with the agents and workflows, or when there is no tokio runtime.
    pub async fn in_memory() -> Result<Self, StartError> {
        Self::builder().in_memory().await
    }

    /// A runtime of all agents and workflows of this program, which keeps its jobs in a SQLite file: those that are not over
    /// go on when it is opened again, whatever became of the process.
    ///
    /// # Errors
    /// When something is wrong with the agents and workflows, when the file cannot be used, or when there is no tokio
    /// runtime.
    #[cfg(feature = "sqlite")]
    pub async fn open(path: impl AsRef<std::path::Path>) -> Result<Self, StartError> {
        Self::builder().open(path).await
    }

    /// A runtime of all agents and workflows of this program, which keeps its jobs in a PostgreSQL database, as many others
    /// on other machines may: when one is gone, others take its jobs over.
    ///
    /// # Errors
    /// When something is wrong with the agents and workflows, when the database cannot be used, or when there is no tokio
    /// runtime.
    #[cfg(feature = "postgres")]
    pub async fn connect(address: impl Into<String>) -> Result<Self, StartError> {
        Self::builder().connect(address).await
    }

    /// A runtime to be set up.
    pub fn builder() -> RuntimeBuilder {
        RuntimeBuilder::default()
    }

    /// Runs something to its end: a workflow by its input, an agent by a call, a [`Dag`](crate::Dag).
    ///
    /// # Errors
    /// When it is not taken in, and when it does not succeed.
    pub async fn run<R: Runnable>(&self, what: R) -> Result<R::Output, RunError> {
        let work = self.work_of(what.into_work())?;
        let job = self.submit_here(work, None).await?;
        let result =
            poll_fn(|context| self.engine.poll(context, |context| job.poll_result(&self.engine, context)))
                .await;
        crate::handle::read(&job, result, R::read).map_err(RunError::Failed)
    }

    /// Hands something in to be run: `.await` gives a handle once it is accepted.
    pub fn submit<R: Runnable>(&self, what: R) -> Submission<R::Output> {
        Submission::new(self.clone(), what.into_work(), R::read)
    }

    /// Hands in a workflow or an agent by its name, with JSON that is checked against its schema.
    pub fn submit_json(&self, name: &str, input: Json) -> Submission<Json> {
        Submission::of_work(self.clone(), self.checked(name, input), Value::json)
    }

    /// Hands in many at once: all of them are taken in, or none is. Where the room is bounded, it waits until there is
    /// room for all of them, or for as many as there can be.
    ///
    /// # Errors
    /// When one of them is not right.
    pub async fn submit_all<R: Runnable>(
        &self,
        many: impl IntoIterator<Item = R>,
    ) -> Result<Vec<JobHandle<R::Output>>, SubmitError> {
        let work: Result<Vec<JobWork>, SubmitError> =
            many.into_iter().map(|what| self.work_of(what.into_work())).collect();
        let jobs = self.take_in_all(work?).await?;
        Ok(jobs.into_iter().map(|job| JobHandle::new(Arc::clone(&self.engine), job, R::read)).collect())
    }

    /// What runs again and again: set, listed, paused, run now.
    #[doc(alias("cron", "periodic", "recurring", "interval"))]
    pub fn schedules(&self) -> Schedules {
        Schedules::new(self.clone())
    }

    /// The handle of a job that was handed in before.
    pub fn job(&self, id: JobId) -> Option<JobHandle<Json>> {
        let job = self.engine.index.get(id)?;
        Some(JobHandle::new(Arc::clone(&self.engine), job, Value::json))
    }

    /// The handle of a job that was handed in at any time, to this process or to another: from memory, or, when it is
    /// over and has been forgotten there, from the store. Where several processes share a store, it may be one that another
    /// runs: what is shown of it is what was so when it was fetched, until it is over.
    ///
    /// # Errors
    /// When the store cannot be read, or what it has of the job cannot be.
    pub async fn fetch(&self, id: JobId) -> Result<Option<JobHandle<Json>>, StoreError> {
        if let Some(known) = self.job(id) {
            return Ok(Some(known));
        }
        let Some(Some(kept)) = self.engine.ask_store(move |store| store.read(id)).await? else {
            return Ok(None);
        };
        let job = match self.engine.shares_store() {
            true => Some(self.engine.job_kept(&kept)?),
            false => self.engine.remember(&kept)?,
        };
        if job.is_none() {
            // It is not over, and perhaps not read yet.
            self.recovered().await;
            return Ok(self.job(id));
        }
        Ok(job.map(|job| JobHandle::new(Arc::clone(&self.engine), job, Value::json)))
    }

    /// What is known of the jobs that a filter lets through, the oldest first: of all jobs in the store, or, if there is
    /// none, of those in memory.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn history(&self, filter: JobFilter) -> Result<Vec<Head>, StoreError> {
        if self.engine.scribe.is_none() {
            return Ok(filter.heads(&self.engine));
        }
        let filter = filter.into_inner();
        Ok(self.engine.ask_store(move |store| store.list(&filter)).await?.unwrap_or_default())
    }

    /// The jobs in memory that a filter lets through, the oldest first: all that are not over, and the last that are.
    pub fn jobs(&self, filter: &JobFilter) -> Vec<JobStatus> {
        filter.list(&self.engine)
    }

    /// Forgets jobs that have been over for longer than this, in the store, in small batches; says how many. Dead letters are
    /// forgotten, too; those whose parents are not over stay. [`retention`](RuntimeBuilder::retention) does the same by
    /// itself, and says where they go. In memory, [`keep`](RuntimeBuilder::keep) says what is forgotten.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn prune(&self, age: Duration) -> Result<usize, StoreError> {
        let before = self.engine.clock.now() - age;
        let rule = Expiry { ended_before: Some(before), letters: true, ..Expiry::at_most(PRUNED) };
        self.engine.forget_by(rule).await
    }

    /// Waits until all jobs that were in the store and not over have been read, so that they go on, or are
    /// [parked](Self::parked). New jobs need not wait for that.
    pub async fn recovered(&self) {
        self.engine.wait_until_recovered().await;
    }

    /// Jobs in the store that are not over and that this program cannot go on with, for their steps are not those of its
    /// workflows, or what they call is not there. They stay as they are: another program may go on with them, and they
    /// can be [cancelled](Self::cancel) or [run again](Self::rerun).
    pub fn parked(&self) -> Vec<ParkedJob> {
        self.engine.parked()
    }

    /// Cancels a job, its child jobs too; says whether there was one that was not over.
    pub async fn cancel(&self, id: JobId, why: &str) -> bool {
        match self.engine.index.get(id) {
            Some(job) => self.engine.order(&job, Said::Cancel { why: why.to_owned() }).await,
            None => match self.engine.cancel_parked(id, why).await {
                Ok(false) if self.engine.shares_store() => {
                    self.engine.order_elsewhere(id, Said::Cancel { why: why.to_owned() }).await
                }
                Ok(was_there) => was_there,
                Err(error) => {
                    tracing::error!("{error}");
                    false
                }
            },
        }
    }

    /// Cancels all jobs that have a tag; says how many.
    pub async fn cancel_tagged(&self, tag: &str, why: &str) -> usize {
        let tagged = |job: &Arc<Job>| self.engine.tags(job).iter().any(|own| &**own == tag);
        let mut jobs: Vec<JobId> =
            self.engine.index.all().iter().filter(|job| tagged(job)).map(|job| job.id).collect();
        if self.engine.shares_store() {
            match self.history(JobFilter::new().tag(tag)).await {
                Ok(all) => {
                    jobs = all.iter().filter(|head| !head.state.is_over()).map(|head| head.id).collect()
                }
                Err(error) => tracing::error!("jobs of other nodes are not cancelled: {error}"),
            }
        }
        let mut cancelled = 0;
        for job in jobs {
            cancelled += usize::from(self.cancel(job, why).await);
        }
        cancelled
    }

    /// All agents and workflows.
    pub fn registry(&self) -> &Registry {
        &self.engine.registry
    }

    /// How an agent has done so far, in this process.
    pub fn stats(&self, agent: &str) -> Option<AgentStats> {
        self.engine.stats(agent)
    }

    /// How agents have done in the last hours, on all machines that share the store, by names; those are left
    /// out that did nothing. It is kept for two weeks.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn report(&self, hours: u64) -> Result<BTreeMap<String, AgentReport>, StoreError> {
        self.engine.report(hours).await
    }

    /// What was counted so far, in this process, and how it stands now: queues, agents, jobs, limits, the store.
    pub fn metrics(&self) -> Metrics {
        self.engine.metrics()
    }

    /// Whether the runtime is well: what probes ask.
    pub fn health(&self) -> Health {
        self.engine.health()
    }

    /// What happens to all jobs, from now on, as a stream. One that is read too slowly misses events, and is told how
    /// many.
    pub fn events(&self) -> Events {
        Events::new(&self.engine)
    }

    /// Takes nothing more in, and starts nothing more. Attempts that run may end within a time; those that do not are
    /// told to stop, and dropped after the runtime's grace time.
    ///
    /// Says how many jobs were not over. In memory they are lost; in a durable store they go on when it is opened again,
    /// which may be at once: nothing of this runtime uses it any more when this returns. While the store cannot be
    /// reached, that takes some seconds more.
    ///
    /// Programs are told to end by a signal: `tokio::signal::ctrl_c().await`, with tokio's feature `signal`, and then this.
    pub async fn shutdown(&self, within: Duration) -> usize {
        let engine = &self.engine;
        engine.stopping.store(true, Ordering::SeqCst);
        let open = std::mem::take(&mut *lock(&engine.open));
        drop(open);
        for queue in engine.queues() {
            queue.pause();
            queue.room.as_ref().map(tokio::sync::Semaphore::close);
        }
        engine.wait_until_quiet(engine.clock.now() + within).await;
        for attempt in engine.attempts() {
            attempt.tell(FailureKind::Cancelled, "the runtime shuts down".to_owned());
        }
        engine.wait_until_quiet(engine.clock.now() + engine.config.grace * 2).await;
        engine.keep_statistics_at_last().await;
        engine.end_writing().await;
        engine.timers.clear();
        engine.gates.clear();
        engine.is_down.store(true, Ordering::SeqCst);
        // Who waits for a job that is not over hears that it will not be.
        engine.index.all().iter().for_each(|job| job.wake());
        let left = engine.index.all().into_iter().filter(|job| !job.lock_state().is_over());
        left.inspect(|job| job.end_trace()).count()
    }

    pub(crate) fn work_of(&self, requested: Requested) -> Result<JobWork, SubmitError> {
        match requested {
            Requested::Call(target, input) => {
                let place = self.find(&target)?;
                if let (Place::Workflow(workflow), Value::Typed(typed, _)) = (place, &input) {
                    let checked = self.engine.registry.workflows()[workflow as usize].check_input(typed);
                    checked.map_err(|error| SubmitError::BadInput {
                        name: target.name.to_string(),
                        problem: error.to_string(),
                    })?;
                }
                Ok(JobWork::Call(place, input))
            }
            Requested::Tasks(tasks) => {
                let mut last: Option<&Target> = None;
                for spawn in &tasks.tasks {
                    if last != Some(&spawn.callee) {
                        self.find(&spawn.callee)?;
                        last = Some(&spawn.callee);
                    }
                }
                let wrong = |problem| SubmitError::BadInput { name: tasks.name.clone(), problem };
                crate::dag::check(&tasks).map_err(wrong)?;
                Ok(JobWork::Tasks(tasks))
            }
        }
    }

    fn find(&self, target: &Target) -> Result<Place, SubmitError> {
        Place::find(&self.engine.registry, &target.name, target.kind)
            .ok_or_else(|| self.unknown(&target.name))
    }

    fn unknown(&self, name: &str) -> SubmitError {
        let registry = &self.engine.registry;
        let workflows = registry.workflows().iter().map(crate::registered::RegisteredWorkflow::name);
        let names = registry.agents().iter().map(crate::registered::RegisteredAgent::name).chain(workflows);
        let nearest = workflow_graph::nearest(name, names).map(str::to_owned);
        SubmitError::Unknown { name: name.to_owned(), nearest }
    }

    pub(crate) fn checked(&self, name: &str, input: Json) -> Result<JobWork, SubmitError> {
        let registry = &self.engine.registry;
        let bad = |error: crate::error::AgentError| SubmitError::BadInput {
            name: name.to_owned(),
            problem: error.to_string(),
        };
        let workflow = registry.workflow_place(name).map(Place::Workflow);
        let place = workflow.or_else(|| registry.agent_place(name).map(Place::Agent));
        let place = place.ok_or_else(|| self.unknown(name))?;
        Ok(JobWork::Call(place, self.engine.checked_input(place, input).map_err(bad)?))
    }
}
