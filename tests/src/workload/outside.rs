//! What is done to a runtime from outside: everything that can be wanted of it, in an order of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value as Json;
use workflow_runtime::prelude::Priority;
use workflow_runtime::testing::TestRuntime;
use workflow_runtime::{JobFilter, JobHandle, JobId, JobStatus, Submission, SubmitError};

use super::{ENOUGH, input, load_gather, load_tasks, signal};
use crate::history::{Event, Kept, Outcome, Recorder, Wish};

/// Who wants things of a runtime, one after the other, and notes what he is told; and goes on when the runtime was
/// started again.
///
/// What he does gives nothing once the store is of no use any more: what follows does not come to be.
#[derive(Debug, Clone)]
pub struct Outside {
    recorder: Recorder,
    accepted: BTreeMap<String, JobId>,
}

/// No two jobs have it at once.
const KEY: &str = "only one";

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

impl Outside {
    /// One who has done nothing yet.
    pub fn new(recorder: &Recorder) -> Self {
        Self { recorder: recorder.clone(), accepted: BTreeMap::new() }
    }

    /// Everything.
    pub async fn do_everything(&mut self, runtime: &TestRuntime) -> Option<()> {
        let plain = self.load(runtime, "plain").await?;
        let only = self.hand_in("only", |_| runtime.submit(input("only")).unique(KEY)).await?;
        self.hand_in("gathered 1", |n| {
            runtime.submit(load_gather::with(n)).delay(millis(30)).priority(Priority::High)
        })
        .await?;
        self.hand_in("tasks 1", |n| runtime.submit(load_tasks(n)).tag("of code")).await?;
        runtime.advance(millis(15));
        signal(&plain, &self.recorder).await;
        let paused = self.load(runtime, "paused").await?;
        self.hand_in("late 1", |_| runtime.submit(input("late 1")).deadline(millis(200))).await?;
        runtime.advance(millis(20));
        self.wish(Wish::Pause, &paused, paused.pause().await)?;
        let cancelled = self.load(runtime, "cancelled 1").await?;
        runtime.advance(millis(60));
        self.wish(Wish::Cancel, &cancelled, cancelled.cancel(ENOUGH).await)?;
        self.wish(Wish::Resume, &paused, paused.resume().await)?;
        signal(&only, &self.recorder).await;
        runtime.advance(millis(100));
        Some(())
    }

    /// Hands in a job; gives nothing if it is refused.
    pub async fn load(&mut self, runtime: &TestRuntime, request: &str) -> Option<JobHandle<super::Made>> {
        self.hand_in(request, |_| runtime.submit(input(request))).await
    }

    async fn hand_in<T: Send + 'static>(
        &mut self,
        request: &str,
        submission: impl FnOnce(u64) -> Submission<T>,
    ) -> Option<JobHandle<T>> {
        self.recorder.note(Event::Asked { request: request.to_owned() });
        let job = submission(input(request).n).await.ok()?;
        self.recorder.note(Event::Accepted { request: request.to_owned(), job: job.id() });
        self.accepted.insert(request.to_owned(), job.id());
        Some(job)
    }

    fn wish<T>(&self, wish: Wish, job: &JobHandle<T>, granted: bool) -> Option<()> {
        granted.then(|| self.recorder.note(Event::Granted { job: job.id(), wish }))
    }

    /// Lets all jobs come to their ends, and tells what is kept of them.
    ///
    /// # Errors
    /// Says what is wrong that a history does not show.
    pub async fn end(&mut self, runtime: &TestRuntime, is_useless: impl Fn() -> bool) -> Result<(), String> {
        if !is_useless() {
            self.nobody_takes_the_key(runtime, &is_useless).await?;
        }
        for _ in 0..200 {
            for status in open(runtime) {
                if let Some(job) = runtime.job(status.id).filter(|_| !is_useless()) {
                    job.resume().await;
                    signal(&job, &self.recorder).await;
                }
            }
            runtime.advance(Duration::from_secs(1));
            if is_useless() {
                return Ok(());
            }
            if open(runtime).is_empty() {
                break;
            }
        }
        let parked = runtime.parked();
        if !parked.is_empty() {
            return Err(format!("it is parked: {parked:?}"));
        }
        runtime.check_journals()?;
        for queue in runtime.queues() {
            if (queue.running, queue.waiting) != (0, 0) {
                return Err(format!("something is left in a queue: {queue:?}"));
            }
        }
        self.tell(runtime).await
    }

    /// A key stays a job's until that is over, though the process that took it in is gone.
    async fn nobody_takes_the_key(
        &mut self,
        runtime: &TestRuntime,
        is_useless: &impl Fn() -> bool,
    ) -> Result<(), String> {
        let Some(only) = self.accepted.get("only").copied() else { return Ok(()) };
        let is_open = open(runtime).iter().any(|status| status.id == only);
        let request = "only again".to_owned();
        self.recorder.note(Event::Asked { request: request.clone() });
        match runtime.submit(input(&request)).unique(KEY).await {
            Ok(job) if is_open => Err(format!("{} has the key of job {only}, which is not over", job.id())),
            Ok(job) => {
                self.recorder.note(Event::Accepted { request: request.clone(), job: job.id() });
                self.accepted.insert(request, job.id());
                Ok(())
            }
            Err(SubmitError::Duplicate { job, .. }) if job == only || !is_open => Ok(()),
            Err(problem) if !is_useless() => Err(format!("the key of job {only}: {problem}")),
            Err(_) => Ok(()),
        }
    }

    async fn tell(&self, runtime: &TestRuntime) -> Result<(), String> {
        let broken = |error| format!("the store cannot be read: {error}");
        let mut jobs: BTreeMap<JobId, JobHandle<Json>> = BTreeMap::new();
        for head in runtime.history(JobFilter::new()).await.map_err(broken)? {
            let job = runtime.fetch(head.id).await.map_err(broken)?;
            jobs.insert(head.id, job.ok_or_else(|| format!("job {} is listed, and not there", head.id))?);
        }
        for job in self.accepted.values().filter_map(|job| jobs.get(job)) {
            if let Some(result) = job.result() {
                self.recorder.note(Event::Told { job: job.id(), outcome: Outcome::of(result) });
            }
        }
        jobs.values().for_each(|job| self.recorder.note(Event::Kept(Kept::of(job).into())));
        Ok(())
    }
}

fn open(runtime: &TestRuntime) -> Vec<JobStatus> {
    runtime.jobs(&JobFilter::new()).into_iter().filter(|job| !job.state.is_over()).collect()
}
