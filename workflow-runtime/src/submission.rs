//! Handing jobs in.

use std::collections::BTreeMap;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::data::DataError;
use crate::engine::{Job, JobWork, Unkept};
use crate::handle::JobHandle;
use crate::job_id::JobId;
use crate::keys::once_of;
use crate::options::Priority;
use crate::record::JobOptions;
use crate::runnable::Requested;
use crate::runtime::Runtime;
use crate::store::StoreError;
use crate::telemetry::{TraceContext, current, is_traceparent};
use crate::timestamp::Timestamp;
use crate::value::Value;

/// Why a job was not taken in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// There is no agent and no workflow of this name.
    #[error("there is no agent or workflow `{name}`{}", cure(nearest.as_deref()))]
    Unknown {
        /// The name.
        name: String,
        /// The name that is most like it.
        nearest: Option<String>,
    },
    /// It is switched off by the configuration.
    #[error("`{name}` is switched off ({said}); take `enabled = false` away there, and start again")]
    Disabled {
        /// The agent or workflow.
        name: String,
        /// Where the configuration says so.
        said: String,
    },
    /// The input does not satisfy its schema.
    #[error("the input of `{name}` is not right: {problem}")]
    BadInput {
        /// What was to be run.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// There is a job of this unique key.
    #[error("job {job} of `{name}` has the key `{key}` already")]
    Duplicate {
        /// What was to be run.
        name: String,
        /// The key.
        key: String,
        /// The job that has it.
        job: JobId,
    },
    /// There was a job of this key, for ever, and nothing more is known of it.
    #[error(
        "job {job} of `{name}` has taken the key `{key}` for ever, and has been forgotten; what it gave is gone"
    )]
    Forgotten {
        /// What was to be run.
        name: String,
        /// The key.
        key: String,
        /// The job that has taken it.
        job: JobId,
    },
    /// The queue holds as many jobs as it may.
    #[error("the queue `{queue}` is full; try later, or leave `or_refuse` out to wait")]
    Full {
        /// The queue.
        queue: String,
    },
    /// A duration that cannot be read.
    #[error("{0}")]
    BadDuration(String),
    /// The store cannot be written. The job is not in it.
    #[error("the job could not be kept, and is nowhere; it may be handed in again: {0}")]
    Store(StoreError),
    /// The runtime shuts down.
    #[error("the runtime shuts down and takes nothing more in")]
    ShuttingDown,
}

impl SubmitError {
    pub(crate) fn of(unkept: Unkept, name: &str, key: &str) -> Self {
        match unkept {
            Unkept::Taken(job) => Self::Duplicate { name: name.to_owned(), key: key.to_owned(), job },
            Unkept::Store(error) => Self::Store(error),
            Unkept::Settled | Unkept::Down => Self::ShuttingDown,
        }
    }
}

fn cure(nearest: Option<&str>) -> String {
    match nearest {
        Some(nearest) => format!("; did you mean `{nearest}`?"),
        None => {
            "; a crate that nothing names is not linked: name it, if only by `use the_crate as _;`".to_owned()
        }
    }
}

/// What happens when there is a job of the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Conflict {
    /// The new one is refused.
    #[default]
    Reject,
    /// The old one is cancelled, and the new one takes its place: at once where jobs are kept in memory; in a store,
    /// which gives a key to one job at a time, when the old one is over.
    Replace,
    /// The handle is that of the old one.
    UseExisting,
}

/// A duration, as a [`Duration`] or as people write it: `"5m"`.
pub trait IntoDuration {
    /// The duration, or why it is none.
    #[doc(hidden)]
    fn into_duration(self) -> Result<Duration, String>;
}

impl IntoDuration for Duration {
    fn into_duration(self) -> Result<Duration, String> {
        Ok(self)
    }
}

impl IntoDuration for &str {
    fn into_duration(self) -> Result<Duration, String> {
        workflow_graph::parse_duration(self).map_err(|error| error.to_string())
    }
}

/// A job that is about to be handed in: `.await` does it.
#[must_use = "a job is handed in when this is awaited"]
pub struct Submission<T> {
    runtime: Runtime,
    work: Result<JobWork, SubmitError>,
    options: JobOptions,
    is_plain: bool,
    conflict: Option<Conflict>,
    refuse: bool,
    read: fn(&Value) -> Result<T, DataError>,
}

/// What a submission asks for: the runtime, what is to be run, how, and how its result is read.
type Parts<T> = (Runtime, JobWork, Option<Box<JobOptions>>, fn(&Value) -> Result<T, DataError>);

impl<T> std::fmt::Debug for Submission<T> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Submission").field("work", &self.work).field("options", &self.options).finish()
    }
}

impl<T> Submission<T> {
    pub(crate) fn new(
        runtime: Runtime,
        requested: Requested,
        read: fn(&Value) -> Result<T, DataError>,
    ) -> Self {
        let work = runtime.work_of(requested);
        Self::of_work(runtime, work, read)
    }

    pub(crate) fn of_work(
        runtime: Runtime,
        work: Result<JobWork, SubmitError>,
        read: fn(&Value) -> Result<T, DataError>,
    ) -> Self {
        let options = JobOptions::default();
        Self { runtime, work, options, is_plain: true, conflict: None, refuse: false, read }
    }

    fn with(mut self, set: impl FnOnce(&mut JobOptions)) -> Self {
        set(&mut self.options);
        self.is_plain = false;
        self
    }

    fn after(mut self, time: impl IntoDuration, set: impl FnOnce(&mut JobOptions, Timestamp)) -> Self {
        match time.into_duration() {
            Ok(time) => {
                let moment = self.runtime.engine.clock.now() + time;
                self.with(|options| set(options, moment))
            }
            Err(problem) => {
                self.work = self.work.and(Err(SubmitError::BadDuration(problem)));
                self
            }
        }
    }

    /// Sets the queue of its tasks that do not say one themselves.
    pub fn queue(self, queue: impl Into<Arc<str>>) -> Self {
        self.with(|options| options.queue = Some(queue.into()))
    }

    /// Sets the priority of its tasks that do not say one themselves.
    pub fn priority(self, priority: Priority) -> Self {
        self.with(|options| options.priority = Some(priority))
    }

    /// Lets it begin only after a time: `"5m"`, or a [`Duration`].
    pub fn delay(self, time: impl IntoDuration) -> Self {
        self.after(time, |options, moment| options.not_before = Some(moment))
    }

    /// Gives it up after a time: `"1h"`, or a [`Duration`].
    pub fn deadline(self, time: impl IntoDuration) -> Self {
        self.after(time, |options, moment| options.deadline = Some(moment))
    }

    /// Lets no other job of the same name have this key, until it is over.
    pub fn unique(self, key: impl Into<Arc<str>>) -> Self {
        self.with(|options| options.unique = Some(key.into()))
    }

    /// Lets no other job of the same name have this key, ever: also when this one is over, after a restart, and when it
    /// has been [forgotten](crate::Retention). Who hands in another gets the handle of this one, unless
    /// [`on_conflict`](Self::on_conflict) says otherwise. So who does not know whether he was heard asks again.
    pub fn once(self, key: impl Into<Arc<str>>) -> Self {
        self.with(|options| options.once = Some(key.into()))
    }

    /// Sets what happens when there is one. Unless this is called, a second job of a [unique](Self::unique) key is
    /// refused, and that of a key [for ever](Self::once) is the first. What was taken for ever cannot be replaced.
    pub fn on_conflict(mut self, conflict: Conflict) -> Self {
        self.conflict = Some(conflict);
        self
    }

    /// Sets what its tasks share a queue's `per_key` limit with: a tenant, say.
    pub fn key(self, key: impl Into<Arc<str>>) -> Self {
        self.with(|options| options.key = Some(key.into()))
    }

    /// Adds a word to find it by.
    pub fn tag(self, tag: impl Into<Arc<str>>) -> Self {
        self.with(|options| options.tags.push(tag.into()))
    }

    /// Sets the span of a trace that it comes from, as W3C's header `traceparent` names it: its spans are below that one, and
    /// its agents [pass it on](crate::TaskContext::traceparent). Where OpenTelemetry is set up, that of the caller is taken
    /// unless this is called. A text that is no `traceparent` is left out, as the recommendation wants it: nobody's work is
    /// refused for a bad header.
    pub fn traceparent(self, traceparent: &str) -> Self {
        if !is_traceparent(traceparent) {
            tracing::debug!("a traceparent is left out: it is none");
            return self;
        }
        self.with(|options| options.traceparent = Some(traceparent.into()))
    }

    /// Sets what goes with the [`traceparent`](Self::traceparent): W3C's header `tracestate`.
    pub fn tracestate(self, tracestate: impl Into<Arc<str>>) -> Self {
        self.with(|options| options.tracestate = Some(tracestate.into()))
    }

    /// Has it refused when its queue is full, where it would wait otherwise.
    pub fn or_refuse(mut self) -> Self {
        self.refuse = true;
        self
    }

    /// What is to be run, how, and how its result is read.
    pub(crate) fn into_parts(self) -> Result<Parts<T>, SubmitError> {
        let Self { runtime, work, mut options, is_plain, read, .. } = self;
        let work = work?;
        runtime.expect_enabled(&work)?;
        let once = options.once.take();
        options.once = once.map(|key| once_of(&runtime.engine.name_of_work(&work), &key));
        Ok((runtime, work, within_trace((!is_plain).then(|| Box::new(options))), read))
    }

    async fn hand_in(self) -> Result<JobHandle<T>, SubmitError> {
        let (conflict, refuse) = (self.conflict, self.refuse);
        let (runtime, work, options, read) = self.into_parts()?;
        let job = runtime.hand_in(work, options, conflict, refuse).await?;
        Ok(JobHandle::new(runtime.engine, job, read))
    }
}

impl<T: Send + 'static> IntoFuture for Submission<T> {
    type Output = Result<JobHandle<T>, SubmitError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.hand_in())
    }
}

/// The options of a job that is handed in here: it comes from the caller's span, if no other was named.
fn within_trace(options: Option<Box<JobOptions>>) -> Option<Box<JobOptions>> {
    if options.as_ref().is_some_and(|options| options.traceparent.is_some()) {
        return options;
    }
    let Some(TraceContext { traceparent, tracestate }) = current() else { return options };
    let mut options = options.unwrap_or_default();
    (options.traceparent, options.tracestate) = (Some(traceparent), tracestate);
    Some(options)
}

impl Runtime {
    /// What is handed in is not switched off.
    pub(crate) fn expect_enabled(&self, work: &JobWork) -> Result<(), SubmitError> {
        match self.engine.off(work) {
            Some((name, said)) => Err(SubmitError::Disabled { name, said }),
            None => Ok(()),
        }
    }

    /// Takes a job in, and drives it here as far as it goes by itself.
    pub(crate) async fn submit_here(
        &self,
        work: JobWork,
        options: Option<Box<JobOptions>>,
    ) -> Result<Arc<Job>, SubmitError> {
        self.expect_enabled(&work)?;
        let job = self.take_in(work, within_trace(options), false).await?;
        if self.engine.scribe.is_some() {
            self.engine.begin_job(&job).await.map_err(|unkept| SubmitError::of(unkept, "", ""))?;
        } else if self.engine.launch_job(&job) {
            self.engine.drive_here(&job);
        }
        Ok(job)
    }

    /// Takes many jobs in, which others drive: first room for all of them is found.
    pub(crate) async fn take_in_all(&self, many: Vec<JobWork>) -> Result<Vec<Arc<Job>>, SubmitError> {
        let engine = &self.engine;
        if engine.stopping.load(Ordering::SeqCst) {
            return Err(SubmitError::ShuttingDown);
        }
        many.iter().try_for_each(|work| self.expect_enabled(work))?;
        let mut wanted: BTreeMap<u16, u32> = BTreeMap::new();
        for work in &many {
            let queue = engine.queue_of_work(work, None);
            if queue.room.is_some() {
                *wanted.entry(queue.place).or_default() += 1;
            }
        }
        // In the order of their queues, so that two who want room in two of them do not wait for each other.
        for (place, count) in &mut wanted {
            let queue = engine.queue_at(*place);
            let Some(room) = &queue.room else { continue };
            // More than there can ever be room for come in when there is room for as many as can be.
            let most = queue.settings.capacity.and_then(|capacity| u32::try_from(capacity).ok());
            *count = most.map_or(*count, |most| most.min(*count));
            let permits = engine.wait_for(room.acquire_many(*count)).await;
            permits.map_err(|_| SubmitError::ShuttingDown)?.forget();
        }
        let options = within_trace(None);
        let mut jobs: Vec<Arc<Job>> = Vec::with_capacity(many.len());
        let mut entries = Vec::new();
        for work in many {
            let left = wanted.get_mut(&engine.queue_of_work(&work, None).place).filter(|left| **left > 0);
            let roomed = left.map(|left| *left -= 1).is_some();
            let name = engine.name_of_work(&work);
            let accepted = match &engine.scribe {
                None => engine.accept(work, options.clone(), roomed),
                Some(scribe) => {
                    engine.accept_for(scribe, work, options.clone(), roomed).map(|(job, entry)| {
                        entries.push(entry);
                        job
                    })
                }
            };
            match accepted {
                Ok(job) => jobs.push(job),
                Err(problem) => {
                    jobs.iter().for_each(|job| engine.withdraw(job));
                    return Err(SubmitError::BadInput { name: name.to_string(), problem });
                }
            }
        }
        if engine.scribe.is_none() {
            jobs.iter().for_each(|job| engine.let_go(job, None));
            return Ok(jobs);
        }
        engine.write_new(&jobs, entries).await.map_err(|unkept| SubmitError::of(unkept, "", ""))?;
        jobs.iter().filter(|job| job.result().is_none()).for_each(|job| engine.begin_written(job));
        Ok(jobs)
    }

    pub(crate) async fn take_in(
        &self,
        work: JobWork,
        options: Option<Box<JobOptions>>,
        refuse: bool,
    ) -> Result<Arc<Job>, SubmitError> {
        let engine = &self.engine;
        if engine.stopping.load(Ordering::SeqCst) {
            return Err(SubmitError::ShuttingDown);
        }
        let queue = engine.queue_of_work(&work, options.as_deref());
        let name = engine.name_of_work(&work);
        let bad = |problem| SubmitError::BadInput { name: name.to_string(), problem };
        let Some(room) = &queue.room else { return engine.accept(work, options, false).map_err(bad) };
        let permit = match room.try_acquire() {
            Ok(permit) => permit,
            Err(_) if refuse => return Err(SubmitError::Full { queue: queue.settings.name.to_string() }),
            Err(_) => engine.wait_for(room.acquire()).await.map_err(|_| SubmitError::ShuttingDown)?,
        };
        permit.forget();
        engine.accept(work, options, true).map_err(|problem| {
            room.add_permits(1);
            bad(problem)
        })
    }
}
