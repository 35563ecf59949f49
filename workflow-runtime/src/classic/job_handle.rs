//! Handles of classic jobs.

use std::sync::Arc;

use anyhow::Result;

use super::ledger::Ledger;
use crate::handle::JobHandle as EngineHandle;
use crate::state::JobState;

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobStatus {
    /// It is not over.
    Running,
    /// It is over; with whether all its tasks are done.
    Completed(bool),
    /// It was stopped.
    Cancelled,
}

/// A job that was started.
#[derive(Debug, Clone)]
pub struct JobHandle {
    /// The job.
    pub job_id: String,
    pub(super) handle: EngineHandle<()>,
    pub(super) ledger: Arc<Ledger>,
}

impl JobHandle {
    /// Stops the job, and waits until nothing of it runs. A job that is over stays as it is.
    ///
    /// # Errors
    /// Never; what is to run unchanged expects that it may.
    pub async fn cancel(&mut self) -> Result<()> {
        stop(&self.handle).await;
        Ok(())
    }

    /// Where the job stands.
    pub async fn get_status(&self) -> JobStatus {
        self.ledger.status(&self.job_id, &self.handle)
    }
}

/// Stops a job of the engine, and waits until it is over.
pub(super) async fn stop(handle: &EngineHandle<()>) {
    handle.cancel("the job was stopped").await;
    over(handle).await;
}

/// Waits until a job of the engine is over. What became of its tasks is asked for elsewhere.
pub(super) async fn over(handle: &EngineHandle<()>) {
    let _ = handle.outcome().await;
}

impl Ledger {
    /// Where a job stands, or a run of it that there was before.
    pub(super) fn status(&self, job_id: &str, handle: &EngineHandle<()>) -> JobStatus {
        match handle.state() {
            JobState::Succeeded => {
                let book = self.book();
                let is_last = book.runs.get(job_id).is_some_and(|run| run.handle.id() == handle.id());
                let all_done = || book.of_job(job_id).iter().all(|task| task.status.is_done());
                JobStatus::Completed(!is_last || all_done())
            }
            JobState::Failed | JobState::Expired => JobStatus::Completed(false),
            JobState::Cancelled => JobStatus::Cancelled,
            _ => JobStatus::Running,
        }
    }
}
