//! Jobs in the store that this program cannot go on with: they stay as they are, and say why.

use std::sync::Arc;

use super::core::Engine;
use super::executor::lock;
use super::job::Unwritten;
use crate::failure::{Failure, FailureKind};
use crate::job_id::JobId;
use crate::record::{Fact, Record};
use crate::state::JobState;
use crate::store::{Change, Entry, Epoch, Head, Kept, StoreError, StoreErrorKind, Verdict};

/// A job in the store that is not over and that this program cannot go on with.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ParkedJob {
    /// What is known of it.
    pub head: Head,
    /// Why it cannot go on: the record, the step, and what changed.
    pub reason: String,
    /// How it is held.
    pub(super) epoch: Epoch,
    pub(super) count: u32,
}

impl Engine {
    /// Leaves a job as it is, though it is held.
    pub(super) fn park(&self, kept: &Kept, epoch: Epoch, reason: String) {
        let head = kept.head.clone();
        tracing::error!(job = %head.id, name = &*head.name, "it is parked: {reason}");
        let count = kept.lines.iter().map(|lines| lines.count).sum();
        lock(&self.parked).insert(head.id, ParkedJob { head, reason, epoch, count });
    }

    /// The jobs that are parked, the oldest first.
    pub(crate) fn parked(&self) -> Vec<ParkedJob> {
        lock(&self.parked).values().cloned().collect()
    }

    /// Ends a job that is parked; says whether there was one.
    pub(crate) async fn cancel_parked(self: &Arc<Self>, id: JobId, why: &str) -> Result<bool, StoreError> {
        let (Some(scribe), Some(parked)) = (&self.scribe, lock(&self.parked).get(&id).cloned()) else {
            return Ok(false);
        };
        let failure = Arc::new(Failure::new(FailureKind::Cancelled, why).at(id, "", 0));
        let at = self.clock.now();
        let mut unwritten = Unwritten::default();
        let facts = [Fact::Stopped { failure: Arc::clone(&failure) }, Fact::JobFailed { failure }];
        let written =
            facts.into_iter().try_for_each(|fact| unwritten.add(&Record { at, fact }, None).map(drop));
        let wrong = |kind, what: &str| StoreError::new(kind, format!("job {id} cannot be cancelled: {what}"));
        written.map_err(|error| wrong(StoreErrorKind::Unavailable, &error))?;
        let ParkedJob { epoch, count, .. } = parked;
        let change = Change { state: JobState::Cancelled, ended: Some(at), failure: Some(Arc::from(why)) };
        let lines = unwritten.take().unwrap_or_default();
        let entry = Entry::More { job: id, epoch, first: count, lines, change: Some(Box::new(change)) };
        match self.wait_for(scribe.write(entry)).await {
            Ok(Verdict::Written(_)) => {
                lock(&self.parked).remove(&id);
                Ok(true)
            }
            Ok(_) => Err(wrong(StoreErrorKind::Superseded, "another process has it")),
            Err(_) => Err(wrong(StoreErrorKind::Unavailable, "the runtime shuts down")),
        }
    }
}
