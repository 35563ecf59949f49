//! A store that a runtime has begun to use, and what is asked of it that is no turn of a job.

use std::sync::Arc;

use super::core::Engine;
use super::scribe::Scribe;
use crate::store::{Entry, Offer, Store, StoreError, StoreErrorKind, Term, Verdict};
use crate::timestamp::Timestamp;

/// The topic of the notes about queues: those that are paused have one.
const QUEUES: &str = "queue";

/// A store that a runtime has begun to use.
pub(crate) struct Opened {
    pub(crate) scribe: Arc<Scribe>,
    /// The queues that are paused.
    pub(crate) paused: Vec<Arc<str>>,
    /// By which clock all nodes go that share it.
    pub(crate) now: Option<Timestamp>,
}

impl Opened {
    /// Begins a term, and reads what must be known before anything starts. May block.
    pub(crate) fn begin(store: Arc<dyn Store>, node: &str, offer: Offer) -> Result<Self, StoreError> {
        let term = begin_term(&*store, node, &offer)?;
        let (paused, now) = (paused(&*store)?, store.now()?);
        Ok(Self { scribe: Scribe::new(store, node, offer, term), paused, now })
    }
}

/// How often a term is begun that is over before anything was heard of it.
const TRIES: usize = 5;

/// Begins a term of a node that can do this: another, if it was over before that could be said, for the store was slow.
pub(super) fn begin_term(store: &dyn Store, node: &str, offer: &Offer) -> Result<Term, StoreError> {
    let mut left = TRIES;
    loop {
        left -= 1;
        let term = store.begin(node)?;
        match store.offer(term, offer) {
            Ok(()) => return Ok(term),
            Err(error) if error.kind() == StoreErrorKind::Superseded && left > 0 => {}
            Err(error) => return Err(error),
        }
    }
}

/// The queues that are paused.
pub(crate) fn paused(store: &dyn Store) -> Result<Vec<Arc<str>>, StoreError> {
    Ok(store.notes(QUEUES)?.into_iter().map(|note| note.name).collect())
}

impl Engine {
    /// Has something written that is no turn of a job; gives the verdict, or none if there is no store.
    ///
    /// # Errors
    /// When another process has begun to use the store, and when the runtime shuts down.
    pub(crate) async fn write_apart(
        self: &Arc<Self>,
        entry: impl FnOnce(Term) -> Entry,
    ) -> Result<Option<Verdict>, StoreError> {
        let Some(scribe) = &self.scribe else { return Ok(None) };
        let answer = self.wait_for(scribe.write(entry(scribe.term()))).await;
        self.heard(answer.ok()).map(Some)
    }

    /// A store's answer, or why there is none.
    pub(crate) fn heard(&self, verdict: Option<Verdict>) -> Result<Verdict, StoreError> {
        let store = self.scribe.as_ref().map(|scribe| scribe.store_name()).unwrap_or_default();
        let (kind, what) = match verdict {
            Some(Verdict::Stale) => (StoreErrorKind::Superseded, "another process has begun to use it"),
            Some(verdict) => return Ok(verdict),
            None => (StoreErrorKind::Unavailable, "the runtime shuts down, and writes nothing more"),
        };
        Err(StoreError::new(kind, format!("{store}: {what}")))
    }

    /// Lets a queue's tasks start again, in this process.
    pub(crate) fn resume_here(self: &Arc<Self>, queue: &str) {
        if self.config.hands_off {
            return;
        }
        let queue = self.queue(queue);
        queue.resume();
        while let Some(entry) = queue.next() {
            self.grant(entry);
        }
    }

    /// Remembers that a queue is paused, or is no more.
    pub(crate) async fn note_pause(self: &Arc<Self>, queue: &str, paused: bool) -> Result<(), StoreError> {
        let (topic, name) = (Arc::from(QUEUES), Arc::from(queue));
        let text = paused.then(|| Arc::from("paused"));
        self.write_apart(|term| Entry::Note { topic, name, text, was: None, term }).await.map(drop)
    }
}
