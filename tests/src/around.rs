//! Stores that do something else than the store behind them, in one or two of their methods.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use workflow_runtime::JobId;
use workflow_runtime::store::{
    Asking, Claimed, Entry, Expiry, Filter, Head, Kept, Leave, Most, News, Note, Offer, Store, StoreError,
    Term, Verdict, Word, WordId,
};

/// What a store does otherwise than the one behind it.
pub trait Around: Debug + Send + Sync + 'static {
    /// The store behind it.
    fn inner(&self) -> &dyn Store;

    /// See [`Store::offer`].
    ///
    /// # Errors
    /// As there.
    fn offer(&self, term: Term, offer: &Offer) -> Result<(), StoreError> {
        self.inner().offer(term, offer)
    }

    /// See [`Store::write`].
    ///
    /// # Errors
    /// As there.
    fn write(&self, entries: &[Entry]) -> Result<Vec<Verdict>, StoreError> {
        self.inner().write(entries)
    }

    /// See [`Store::claim`].
    ///
    /// # Errors
    /// As there.
    fn claim(&self, term: Term, most: Most) -> Result<Vec<Claimed>, StoreError> {
        self.inner().claim(term, most)
    }

    /// See [`Store::read`].
    ///
    /// # Errors
    /// As there.
    fn read(&self, job: JobId) -> Result<Option<Kept>, StoreError> {
        self.inner().read(job)
    }

    /// See [`Store::taker`].
    ///
    /// # Errors
    /// As there.
    fn taker(&self, once: &str) -> Result<Option<JobId>, StoreError> {
        self.inner().taker(once)
    }

    /// See [`Store::beat`].
    ///
    /// # Errors
    /// As there.
    fn beat(&self, term: Term) -> Result<(), StoreError> {
        self.inner().beat(term)
    }
}

/// The store that does so.
#[derive(Debug)]
pub struct Other<A>(pub A);

impl<A: Around> Store for Other<A> {
    fn describe(&self) -> String {
        self.0.inner().describe()
    }

    fn begin(&self, node: &str) -> Result<Term, StoreError> {
        self.0.inner().begin(node)
    }

    fn offer(&self, term: Term, offer: &Offer) -> Result<(), StoreError> {
        self.0.offer(term, offer)
    }

    fn write(&self, entries: &[Entry]) -> Result<Vec<Verdict>, StoreError> {
        self.0.write(entries)
    }

    fn claim(&self, term: Term, most: Most) -> Result<Vec<Claimed>, StoreError> {
        self.0.claim(term, most)
    }

    fn read(&self, job: JobId) -> Result<Option<Kept>, StoreError> {
        self.0.read(job)
    }

    fn list(&self, filter: &Filter) -> Result<Vec<Head>, StoreError> {
        self.0.inner().list(filter)
    }

    fn taker(&self, once: &str) -> Result<Option<JobId>, StoreError> {
        self.0.taker(once)
    }

    fn notes(&self, topic: &str) -> Result<Vec<Note>, StoreError> {
        self.0.inner().notes(topic)
    }

    fn expired(&self, rule: &Expiry) -> Result<Vec<JobId>, StoreError> {
        self.0.inner().expired(rule)
    }

    fn forget(&self, jobs: &[JobId]) -> Result<Vec<JobId>, StoreError> {
        self.0.inner().forget(jobs)
    }

    fn lease(&self) -> Option<Duration> {
        self.0.inner().lease()
    }

    fn beat(&self, term: Term) -> Result<(), StoreError> {
        self.0.beat(term)
    }

    fn end(&self, term: Term) -> Result<(), StoreError> {
        self.0.inner().end(term)
    }

    fn ended(&self, jobs: &[JobId]) -> Result<Vec<JobId>, StoreError> {
        self.0.inner().ended(jobs)
    }

    fn pass(&self, asking: &Asking) -> Result<Vec<Leave>, StoreError> {
        self.0.inner().pass(asking)
    }

    fn leave(&self, word: &Word) -> Result<bool, StoreError> {
        self.0.inner().leave(word)
    }

    fn words(&self, term: Term) -> Result<Vec<Word>, StoreError> {
        self.0.inner().words(term)
    }

    fn reply(&self, word: WordId) -> Result<Option<Arc<str>>, StoreError> {
        self.0.inner().reply(word)
    }

    fn watch(&self, tell: Arc<dyn Fn(News) + Send + Sync>) {
        self.0.inner().watch(tell);
    }
}
