//! The queues of a store, by the jobs that begin in them: who works on it knows more.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::engine::paused;
use crate::state::JobState;
use crate::store::{Filter, Head, Store, StoreError};
use crate::timestamp::Timestamp;

/// How many jobs a store is asked for at once.
const PAGE: usize = 2000;

/// What is in a queue.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Queued {
    pub(crate) paused: bool,
    /// They wait for their turn, or for a moment that was asked for.
    pub(crate) waiting: usize,
    pub(crate) scheduled: usize,
    pub(crate) running: usize,
    /// They are paused themselves.
    pub(crate) held: usize,
    pub(crate) parked: usize,
    /// Since when the first waits that could begin.
    pub(crate) oldest: Option<Timestamp>,
}

impl Queued {
    fn count(&mut self, head: &Head) {
        match head.state {
            _ if head.parked.is_some() => self.parked += 1,
            JobState::Pending => {
                self.waiting += 1;
                let since = head.not_before.unwrap_or(head.submitted).max(head.submitted);
                self.oldest = Some(self.oldest.map_or(since, |oldest| oldest.min(since)));
            }
            JobState::Scheduled => self.scheduled += 1,
            JobState::Paused => self.held += 1,
            _ => self.running += 1,
        }
    }
}

/// The queues in which jobs are that are not over, and those that are paused.
pub(crate) fn queued(store: &dyn Store) -> Result<BTreeMap<Arc<str>, Queued>, StoreError> {
    let mut queues: BTreeMap<Arc<str>, Queued> = BTreeMap::new();
    let states = JobState::ALL.iter().copied().filter(|state| !state.is_over()).collect();
    each(store, Filter { states, ..Filter::default() }, |head| {
        queues.entry(Arc::clone(&head.queue)).or_default().count(&head);
        Ok::<(), StoreError>(())
    })?;
    for queue in paused(store)? {
        queues.entry(queue).or_default().paused = true;
    }
    Ok(queues)
}

/// Tells of each job that a filter lets through, the oldest first; the store is asked for some at a time.
pub(crate) fn each<E: From<StoreError>>(
    store: &dyn Store,
    filter: Filter,
    mut tell: impl FnMut(Head) -> Result<(), E>,
) -> Result<(), E> {
    let mut filter = Filter { limit: Some(PAGE), ..filter };
    loop {
        let page = store.list(&filter)?;
        let is_last = page.len() < PAGE;
        filter.after = page.last().map(|head| head.id);
        page.into_iter().try_for_each(&mut tell)?;
        if is_last {
            return Ok(());
        }
    }
}
