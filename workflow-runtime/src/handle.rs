//! Handles of jobs: futures of their results, and what else one may want of them.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use serde::Serialize;

use crate::data::DataError;
use crate::engine::{Engine, Job, Progress, Said, caught_result};
use crate::failure::{Failure, FailureKind};
use crate::job_id::JobId;
use crate::listing::{JobStatus, TaskStatus};
use crate::record::Record;
use crate::state::JobState;
use crate::stream::{JobEvents, ProgressStream};
use crate::value::Value;

/// A job that was handed in.
///
/// It is a future of the job's result; the job goes on whether anybody waits for it or not.
pub struct JobHandle<T> {
    pub(crate) engine: Arc<Engine>,
    pub(crate) job: Arc<Job>,
    read: fn(&Value) -> Result<T, DataError>,
}

impl<T> Clone for JobHandle<T> {
    fn clone(&self) -> Self {
        Self { engine: Arc::clone(&self.engine), job: Arc::clone(&self.job), read: self.read }
    }
}

impl<T> fmt::Debug for JobHandle<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "JobHandle({})", self.job.id)
    }
}

impl<T> JobHandle<T> {
    pub(crate) fn new(engine: Arc<Engine>, job: Arc<Job>, read: fn(&Value) -> Result<T, DataError>) -> Self {
        Self { engine, job, read }
    }

    /// The job's id.
    pub fn id(&self) -> JobId {
        self.job.id
    }

    /// Where the job stands.
    pub fn state(&self) -> JobState {
        self.job.lock_state()
    }

    /// Where the job stands, in all that can be said at a glance.
    pub fn status(&self) -> JobStatus {
        JobStatus::of(&self.engine, &self.job)
    }

    /// The job's tasks, those that were skipped, too.
    pub fn tasks(&self) -> Vec<TaskStatus> {
        TaskStatus::all(&self.job)
    }

    /// The job's journal, from what was submitted.
    pub fn journal(&self) -> Vec<Record> {
        self.engine.journal(&self.job)
    }

    /// What its tasks say of how far they are, from now on. Only the last word counts: what nobody read meanwhile is
    /// gone.
    pub fn progress(&self) -> ProgressStream {
        ProgressStream::new(Arc::clone(&self.engine), Arc::clone(&self.job))
    }

    /// What a task said last of how far it is.
    pub fn last_progress(&self) -> Option<Progress> {
        self.job.last_progress()
    }

    /// What happens to the job, from its first record to its last; nothing is missed.
    pub fn events(&self) -> JobEvents {
        JobEvents::new(Arc::clone(&self.engine), Arc::clone(&self.job))
    }

    /// Cancels it: what runs is told to stop, what was done is taken back. Says whether it was not over already.
    pub async fn cancel(&self, why: impl Into<String>) -> bool {
        self.engine.order(&self.job, Said::Cancel { why: why.into() }).await
    }

    /// Lets nothing of it start until it is resumed. What runs goes on.
    pub async fn pause(&self) -> bool {
        self.engine.order(&self.job, Said::Pause).await
    }

    /// Lets it go on.
    pub async fn resume(&self) -> bool {
        self.engine.order(&self.job, Said::Resume).await
    }

    /// Tells the job that an event has happened that it awaits, or will.
    ///
    /// # Errors
    /// When the job awaits no such event, when the value is not right, or when the job is over.
    pub async fn signal<V: Serialize>(&self, event: &str, value: V) -> Result<(), Failure> {
        let json = serde_json::to_value(value)
            .map_err(|error| Failure::new(FailureKind::BadInput, error.to_string()))?;
        self.engine.signal(&self.job, event.into(), json).await
    }

    /// Calls a function when the job is over; at once, if it is.
    pub fn on_complete(&self, callback: impl FnOnce(&Result<Value, Arc<Failure>>) + Send + 'static) {
        if let Some((callback, result)) = self.job.add_callback(Box::new(callback)) {
            caught_result(self.job.id, callback, &result);
        }
    }

    /// The result, if the job is over.
    pub fn result(&self) -> Option<Result<T, Failure>> {
        self.job.result().map(|result| self.read(result))
    }

    fn read(&self, result: Result<Value, Arc<Failure>>) -> Result<T, Failure> {
        read(&self.job, result, self.read)
    }

    /// Waits for the result and leaves the handle.
    ///
    /// # Errors
    /// When the job did not succeed.
    pub async fn outcome(&self) -> Result<T, Failure> {
        poll_fn(|context| self.poll_outcome(context)).await
    }

    fn poll_outcome(&self, context: &mut Context<'_>) -> Poll<Result<T, Failure>> {
        let polled = self.engine.poll(context, |context| self.job.poll_result(&self.engine, context));
        polled.map(|result| self.read(result))
    }
}

/// A result, as its type.
pub(crate) fn read<T>(
    job: &Job,
    result: Result<Value, Arc<Failure>>,
    read: fn(&Value) -> Result<T, DataError>,
) -> Result<T, Failure> {
    let value = result.map_err(Arc::unwrap_or_clone)?;
    read(&value).map_err(|error| Failure::new(FailureKind::BadOutput, error.to_string()).at(job.id, "", 0))
}

impl<T> Future for JobHandle<T> {
    type Output = Result<T, Failure>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T, Failure>> {
        self.poll_outcome(context)
    }
}
