//! A store in memory that does one thing wrong.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use workflow_runtime::JobId;
use workflow_runtime::store::{
    Asking, Claimed, Entry, Epoch, Expiry, Filter, Head, Kept, Leave, MemoryStore, Most, Note, Offer, Store,
    StoreError, Term, Verdict, Word, WordId,
};

use super::Fault;

/// A store in memory that does one thing wrong.
#[derive(Debug)]
pub struct Faulty {
    pub(super) fault: Fault,
    pub(super) inner: MemoryStore,
    memory: Mutex<Memory>,
    /// Whoever looks sees a batch whole, unless that is what goes wrong.
    gate: RwLock<()>,
}

/// What a fault needs to be done.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) done: Vec<Done>,
    /// Under which epoch each job is held, and how many records it has.
    pub(super) held: HashMap<JobId, (Epoch, u32)>,
    pub(super) keys: HashMap<(String, String), JobId>,
    pub(super) terms: HashMap<String, Term>,
    pub(super) claimed: Vec<Claimed>,
    pub(super) forgotten: HashMap<JobId, Kept>,
    pub(super) hidden: HashSet<JobId>,
    pub(super) parked: HashMap<JobId, Arc<str>>,
    /// Keys for ever that were taken by what was refused.
    pub(super) taken: HashMap<Arc<str>, JobId>,
    /// The versions of notes when they were taken away.
    pub(super) away: HashMap<(Arc<str>, Arc<str>), u64>,
    pub(super) newest: Option<JobId>,
    pub(super) entries: usize,
}

/// What was done, to be done again.
#[derive(Debug, Clone)]
pub(super) enum Done {
    Begin(String),
    Write(Vec<Entry>),
    Claim(Term, Most),
    Forget(Vec<JobId>),
    End(Term),
}

impl Faulty {
    /// A store in which nothing is kept.
    pub fn new(fault: Fault) -> Self {
        Self {
            fault,
            inner: MemoryStore::shared(Duration::from_secs(15)),
            memory: Mutex::default(),
            gate: RwLock::default(),
        }
    }

    /// What it keeps after a restart.
    #[must_use]
    pub fn reopen(self) -> Self {
        let mut done = std::mem::take(&mut self.memory().done);
        match self.fault {
            Fault::LosesTheLastWrite => {
                if let Some(last) = done.iter().rposition(|done| matches!(done, Done::Write(_))) {
                    done.remove(last);
                }
            }
            Fault::LosesKeysForEver | Fault::LosesSettling | Fault::LosesNotes => {
                done.iter_mut().for_each(|done| self.lose(done));
            }
            _ => {
                self.memory().done = done;
                return self;
            }
        }
        let next = Self::new(self.fault);
        for done in done {
            // What fails fails again.
            let _ = match done {
                Done::Begin(node) => next.begin(&node).map(|_| ()),
                Done::Write(entries) => next.write(&entries).map(|_| ()),
                Done::Claim(term, most) => next.claim(term, most).map(|_| ()),
                Done::Forget(jobs) => next.forget(&jobs).map(|_| ()),
                Done::End(term) => next.end(term),
            };
        }
        next
    }

    /// Takes out of it what does not outlive a restart.
    fn lose(&self, done: &mut Done) {
        let Done::Write(entries) = done else { return };
        match self.fault {
            Fault::LosesSettling => entries.retain(|entry| !matches!(entry, Entry::Settle { .. })),
            Fault::LosesNotes => entries.retain(|entry| !matches!(entry, Entry::Note { .. })),
            _ => {}
        }
        for entry in entries {
            if let Entry::New { head, .. } = entry
                && self.is(Fault::LosesKeysForEver)
            {
                std::sync::Arc::make_mut(head).once = None;
            }
        }
    }

    pub(super) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn writing(&self) -> Option<RwLockWriteGuard<'_, ()>> {
        (!self.fault.is_a_race()).then(|| self.gate.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn looking(&self) -> Option<RwLockReadGuard<'_, ()>> {
        (!self.fault.is_a_race()).then(|| self.gate.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn remember(&self, done: Done) {
        self.memory().done.push(done);
    }
}

impl Store for Faulty {
    fn describe(&self) -> String {
        format!("a store with the fault {:?}", self.fault)
    }

    fn begin(&self, node: &str) -> Result<Term, StoreError> {
        self.remember(Done::Begin(node.to_owned()));
        let term = self.inner.begin(if self.is(Fault::OneNode) { "all" } else { node })?;
        self.memory().terms.insert(node.to_owned(), term);
        self.memory().claimed.clear();
        Ok(if self.is(Fault::TermsStandStill) { Term(1) } else { term })
    }

    fn write(&self, entries: &[Entry]) -> Result<Vec<Verdict>, StoreError> {
        self.remember(Done::Write(entries.to_vec()));
        let _alone = self.writing();
        self.write_all(entries)
    }

    fn claim(&self, term: Term, most: Most) -> Result<Vec<Claimed>, StoreError> {
        self.remember(Done::Claim(term, most));
        self.hand_over(term, most)
    }

    fn read(&self, job: JobId) -> Result<Option<Kept>, StoreError> {
        let _beside = self.looking();
        self.look_up(job)
    }

    fn list(&self, filter: &Filter) -> Result<Vec<Head>, StoreError> {
        let _beside = self.looking();
        self.look_through(filter)
    }

    fn taker(&self, once: &str) -> Result<Option<JobId>, StoreError> {
        let wrongly = self.memory().taken.get(once).copied();
        Ok(self.inner.taker(once)?.or(wrongly))
    }

    fn notes(&self, topic: &str) -> Result<Vec<Note>, StoreError> {
        let _beside = self.looking();
        self.look_at_notes(topic)
    }

    fn expired(&self, rule: &Expiry) -> Result<Vec<JobId>, StoreError> {
        self.let_go(rule)
    }

    fn forget(&self, jobs: &[JobId]) -> Result<Vec<JobId>, StoreError> {
        self.remember(Done::Forget(jobs.to_vec()));
        self.forget_all(jobs)
    }

    fn offer(&self, term: Term, offer: &Offer) -> Result<(), StoreError> {
        let mut offer = offer.clone();
        if self.is(Fault::ServesAllQueues) {
            offer.queues = None;
        }
        if self.is(Fault::OneProgram) {
            offer.program = Arc::from("all");
        }
        let offered = self.inner.offer(term, &offer);
        if self.is(Fault::OffersForTheDead) { Ok(()) } else { offered }
    }

    fn pass(&self, asking: &Asking) -> Result<Vec<Leave>, StoreError> {
        let mut asking = asking.clone();
        for toll in &mut asking.tolls {
            toll.rate = toll.rate.filter(|_| !self.is(Fault::ForgetsRates));
        }
        let mut leaves = self.inner.pass(&asking)?;
        if self.is(Fault::ForgetsOthersHold) {
            for (leave, toll) in leaves.iter_mut().zip(&asking.tolls) {
                let limit = toll.limit.unwrap_or(u32::MAX);
                leave.given = toll.wants.min(limit.saturating_sub(toll.held));
            }
        }
        Ok(leaves)
    }

    fn lease(&self) -> Option<Duration> {
        self.inner.lease()
    }

    fn beat(&self, term: Term) -> Result<(), StoreError> {
        self.inner.beat(term).or_else(|error| if self.is(Fault::HearsTheDead) { Ok(()) } else { Err(error) })
    }

    fn end(&self, term: Term) -> Result<(), StoreError> {
        self.remember(Done::End(term));
        if self.is(Fault::EndsNothing) { Ok(()) } else { self.inner.end(term) }
    }

    fn ended(&self, jobs: &[JobId]) -> Result<Vec<JobId>, StoreError> {
        if self.is(Fault::TellsNoEnds) { Ok(Vec::new()) } else { self.inner.ended(jobs) }
    }

    fn leave(&self, word: &Word) -> Result<bool, StoreError> {
        self.inner.leave(word)
    }

    fn words(&self, term: Term) -> Result<Vec<Word>, StoreError> {
        let words = self.inner.words(term)?;
        let first =
            |word: &Word| self.memory().held.get(&word.job).is_none_or(|(epoch, _)| *epoch == Epoch::FIRST);
        Ok(words.into_iter().filter(|word| !self.is(Fault::LosesWords) || first(word)).collect())
    }

    fn reply(&self, word: WordId) -> Result<Option<Arc<str>>, StoreError> {
        self.inner.reply(word)
    }
}
