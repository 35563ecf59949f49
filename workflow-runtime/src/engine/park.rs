//! Jobs in the store that this program cannot go on with: they stay as they are, and say why.

use std::sync::Arc;

use super::core::Engine;
use super::event::Event;
use super::executor::lock;
use super::job::{Job, Unwritten};
use super::timetable::schedule_of;
use crate::failure::{Failure, FailureKind};
use crate::job_id::JobId;
use crate::machine::Unfit;
use crate::record::{Fact, Parent, Record};
use crate::state::JobState;
use crate::store::{Change, Entry, Epoch, Filter, Head, Kept, Lines, StoreError, StoreErrorKind, Verdict};

/// A job in the store that is not over and that this program cannot go on with.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ParkedJob {
    /// What is known of it.
    pub head: Head,
    /// The step that is in the way, by its path; none if it is the job as a whole.
    pub step: Option<String>,
    /// Why it cannot go on: the step, and what changed.
    pub reason: String,
    /// How it is held.
    pub(super) epoch: Epoch,
    pub(super) count: u32,
    /// It is written down that it is parked.
    pub(super) noted: bool,
}

impl Engine {
    /// Leaves a job as it is, though it is held, and has it written down why.
    pub(super) fn park(self: &Arc<Self>, kept: &Kept, epoch: Epoch, unfit: &Unfit) {
        let count = kept.lines.iter().map(|lines| lines.count).sum();
        let parked = ParkedJob {
            head: kept.head.clone(),
            step: unfit.step.clone(),
            reason: unfit.to_string(),
            epoch,
            count,
            noted: kept.head.parked.as_deref() == Some(&*unfit.to_string()),
        };
        self.keep_parked(parked);
    }

    fn keep_parked(self: &Arc<Self>, mut parked: ParkedJob) {
        let (id, reason) = (parked.head.id, Arc::<str>::from(&*parked.reason));
        tracing::error!(job = %id, name = &*parked.head.name, "it is parked: {reason}");
        if let (true, Some(Parent { job, task, .. })) = (self.shares_store(), parked.head.parent) {
            // It may go on elsewhere.
            self.elsewhere.await_child(id, job, task);
        }
        let entry = parked_entry(&parked.head, parked.epoch, parked.count, Some(Arc::clone(&reason)));
        parked.head.parked = Some(reason);
        let is_noted = parked.noted;
        lock(&self.parked).insert(id, parked);
        let Some(scribe) = self.scribe.as_ref().filter(|_| !is_noted) else { return };
        let (engine, written) = (Arc::downgrade(self), scribe.write(entry));
        self.executor.spawn(async move {
            let verdict = written.await;
            if let (Ok(_), Some(engine)) = (verdict, engine.upgrade())
                && let Some(parked) = lock(&engine.parked).get_mut(&id)
            {
                parked.noted = true;
            }
        });
    }

    /// A job that another program had parked goes on.
    pub(super) fn unpark(&self, kept: &Kept, epoch: Epoch) {
        if kept.head.parked.is_some() {
            let count = kept.lines.iter().map(|lines| lines.count).sum();
            let Some(scribe) = &self.scribe else { return };
            drop(scribe.write(parked_entry(&kept.head, epoch, count, None)));
        }
    }

    /// Leaves a job as it is that was read, and does not go on.
    pub(super) fn set_aside(self: &Arc<Self>, job: &Job, reason: &str) {
        let (epoch, count) = {
            let inner = job.lock();
            (inner.stored.epoch, inner.stored.count)
        };
        let Some(epoch) = epoch else { return };
        let head = self.head(job);
        self.index.remove(job);
        self.keep_parked(ParkedJob {
            head,
            step: None,
            reason: reason.to_owned(),
            epoch,
            count,
            noted: false,
        });
    }

    /// Jobs that were parked here and are so no more have gone on at another node.
    pub(super) async fn look_at_parked(self: &Arc<Self>) -> Result<(), StoreError> {
        if lock(&self.parked).is_empty() {
            return Ok(());
        }
        let all = Filter { parked: true, ..Filter::default() };
        let left = self.ask_store(move |store| store.list(&all)).await?.unwrap_or_default();
        let is_left = |id: &JobId| left.binary_search_by_key(id, |head| head.id).is_ok();
        lock(&self.parked).retain(|id, parked| !parked.noted || is_left(id));
        Ok(())
    }

    /// The jobs that are parked, the oldest first.
    pub(crate) fn parked(&self) -> Vec<ParkedJob> {
        lock(&self.parked).values().cloned().collect()
    }

    /// Whether a job is parked.
    pub(super) fn is_parked(&self, id: JobId) -> bool {
        lock(&self.parked).contains_key(&id)
    }

    /// Ends a job that is parked, and its child jobs; says whether there was one. Nothing that it did is taken back, for
    /// this program does not know how.
    pub(crate) async fn cancel_parked(self: &Arc<Self>, id: JobId, why: &str) -> Result<bool, StoreError> {
        let (Some(scribe), Some(parked)) = (&self.scribe, lock(&self.parked).get(&id).cloned()) else {
            return Ok(false);
        };
        let failure = Arc::new(Failure::new(FailureKind::Cancelled, why).at(id, "", 0));
        let wrong = |kind, what: &str| StoreError::new(kind, format!("job {id} cannot be cancelled: {what}"));
        let entry = self.last_words(&parked, &failure);
        let entry = entry.map_err(|error| wrong(StoreErrorKind::Unavailable, &error))?;
        match self.wait_for(scribe.write(entry)).await {
            Ok(Verdict::Written(_)) => {}
            Ok(_) if self.shares_store() => {
                lock(&self.parked).remove(&id);
                return Ok(false);
            }
            Ok(_) => return Err(wrong(StoreErrorKind::Superseded, "another process has it")),
            Err(_) => return Err(wrong(StoreErrorKind::Unavailable, "the runtime shuts down")),
        }
        lock(&self.parked).remove(&id);
        if let Some(schedule) = parked.head.once.as_deref().and_then(schedule_of) {
            self.run_over(schedule);
        }
        if let Some(Parent { job, task, .. }) = parked.head.parent
            && let Some(waiting) = self.index.get(job)
        {
            self.post(&waiting, Event::Child { task, child: id, done: Err(failure) });
        }
        let of_it = Filter { parent: Some(id), ..Filter::default() };
        let children = self.ask_store(move |store| store.list(&of_it)).await?.unwrap_or_default();
        for child in children.into_iter().filter(|child| !child.state.is_over()) {
            match self.index.get(child.id) {
                Some(job) => _ = self.post(&job, Event::Cancel(why.to_owned(), None)),
                None => self.cancel_parked_by_and_by(child.id, why.to_owned()),
            }
        }
        Ok(true)
    }

    /// The last entry of a job that is parked and cancelled.
    fn last_words(&self, parked: &ParkedJob, failure: &Arc<Failure>) -> Result<Entry, String> {
        let at = self.clock.now();
        let mut unwritten = Unwritten::default();
        let stopped = Fact::Stopped { failure: Arc::clone(failure) };
        for fact in [stopped, Fact::JobFailed { failure: Arc::clone(failure) }] {
            unwritten.add(&Record { at, fact }, None, &[])?;
        }
        let why = Some(Arc::from(failure.message.as_str()));
        let change = Change { ended: Some(at), failure: why, ..Change::to(JobState::Cancelled) };
        let ParkedJob { epoch, count, .. } = *parked;
        let (lines, change) = (unwritten.take().unwrap_or_default(), Some(Box::new(change)));
        Ok(Entry::More { job: parked.head.id, epoch, first: count, lines, change })
    }

    /// The same, for one who does not wait for it.
    pub(super) fn cancel_parked_by_and_by(self: &Arc<Self>, id: JobId, why: String) {
        let engine = Arc::clone(self);
        self.executor.spawn(Box::pin(async move {
            if let Err(error) = engine.cancel_parked(id, &why).await {
                tracing::error!("{error}");
            }
        }));
    }
}

/// What is written of a job that is parked, for a reason, or goes on.
fn parked_entry(head: &Head, epoch: Epoch, first: u32, parked: Option<Arc<str>>) -> Entry {
    let change = Change { failure: head.failure.clone(), parked, ..Change::to(head.state) };
    let (lines, change) = (Lines::default(), Some(Box::new(change)));
    Entry::More { job: head.id, epoch, first, lines, change }
}
