//! A store that lasts as long as somebody holds it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::port::{
    Change, Claimed, Entry, Epoch, Filter, Head, Kept, Lines, Store, StoreError, StoreErrorKind, Term,
    Verdict,
};
use crate::job_id::JobId;
use crate::timestamp::Timestamp;

/// A store in memory. Its clones are the same store, so that a test can end a runtime as if its process had crashed,
/// and open what it has written with another.
#[derive(Clone, Default)]
pub struct MemoryStore {
    contents: Arc<Mutex<Contents>>,
}

impl MemoryStore {
    /// A store in which nothing is kept yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "MemoryStore({} jobs)", self.contents().jobs.len())
    }
}

impl Store for MemoryStore {
    fn describe(&self) -> String {
        "memory".to_owned()
    }

    fn begin(&self, node: &str) -> Result<Term, StoreError> {
        Ok(self.contents().begin(node))
    }

    fn write(&self, entries: &[Entry]) -> Result<Vec<Verdict>, StoreError> {
        let mut contents = self.contents();
        Ok(entries.iter().map(|entry| contents.enter(entry)).collect())
    }

    fn claim(&self, term: Term, limit: usize) -> Result<Vec<Claimed>, StoreError> {
        self.contents().claim(term, limit)
    }

    fn read(&self, job: JobId) -> Result<Option<Kept>, StoreError> {
        Ok(self.contents().jobs.get(&job).map(Job::kept))
    }

    fn list(&self, filter: &Filter) -> Result<Vec<Head>, StoreError> {
        let contents = self.contents();
        let heads = contents.jobs.values().map(|job| &job.head).filter(|head| filter.lets(head));
        Ok(heads.take(filter.limit.unwrap_or(usize::MAX)).cloned().collect())
    }

    fn forget(&self, ended_before: Timestamp, limit: usize) -> Result<Vec<JobId>, StoreError> {
        Ok(self.contents().forget(ended_before, limit))
    }
}

#[derive(Default)]
struct Contents {
    jobs: BTreeMap<JobId, Job>,
    /// The term of each node that is not over.
    terms: HashMap<String, Term>,
    /// Who has a key, of the jobs that are not over, by name and key.
    keys: HashMap<(Arc<str>, Arc<str>), JobId>,
    /// The jobs that are over, by when they ended.
    ended: BTreeSet<(Timestamp, JobId)>,
    /// No job below is to be claimed: only `begin` leaves jobs that nobody holds.
    unheld_from: Option<JobId>,
}

struct Job {
    head: Head,
    lines: Vec<Lines>,
    count: u32,
    term: Term,
    epoch: Epoch,
}

impl Job {
    fn kept(&self) -> Kept {
        Kept { head: self.head.clone(), lines: self.lines.clone() }
    }

    fn append(&mut self, lines: &Lines) {
        if lines.count == 0 {
            return;
        }
        self.count = self.count.saturating_add(lines.count);
        self.lines.push(lines.clone());
    }
}

impl Contents {
    fn begin(&mut self, node: &str) -> Term {
        let last = self.terms.values().map(|term| term.0).max().unwrap_or(0);
        let term = Term(last + 1);
        self.terms.insert(node.to_owned(), term);
        self.unheld_from = Some(JobId::from_u128(0));
        term
    }

    fn lives(&self, term: Term) -> bool {
        self.terms.values().any(|living| *living == term)
    }

    fn enter(&mut self, entry: &Entry) -> Verdict {
        match entry {
            Entry::New { head, term, lines } => self.accept(head, *term, lines),
            Entry::More { job, epoch, first, lines, change } => {
                self.append(*job, *epoch, *first, lines, change.as_deref())
            }
        }
    }

    fn accept(&mut self, head: &Head, term: Term, lines: &Lines) -> Verdict {
        if !self.lives(term) {
            return Verdict::Stale;
        }
        if let Some(job) = self.jobs.get(&head.id) {
            return Verdict::Not { count: job.count };
        }
        if head.state.is_over() {
            self.ended.extend(head.ended.map(|ended| (ended, head.id)));
        } else if let Some(key) = key_of(head) {
            if let Some(other) = self.keys.get(&key) {
                return Verdict::Taken(*other);
            }
            self.keys.insert(key, head.id);
        }
        let mut job = Job { head: head.clone(), lines: Vec::new(), count: 0, term, epoch: Epoch(1) };
        job.append(lines);
        self.jobs.insert(head.id, job);
        Verdict::Written(Epoch(1))
    }

    fn append(
        &mut self,
        id: JobId,
        epoch: Epoch,
        first: u32,
        lines: &Lines,
        change: Option<&Change>,
    ) -> Verdict {
        let terms = &self.terms;
        let held = |job: &&mut Job| job.epoch == epoch && terms.values().any(|living| *living == job.term);
        let Some(job) = self.jobs.get_mut(&id).filter(held) else { return Verdict::Stale };
        if first != job.count {
            return Verdict::Not { count: job.count };
        }
        job.append(lines);
        // What is over stays so.
        if let Some(change) = change.filter(|_| !job.head.state.is_over()) {
            job.head.state = change.state;
            job.head.ended = change.ended;
            job.head.failure.clone_from(&change.failure);
            if change.state.is_over() {
                key_of(&job.head).map(|key| self.keys.remove(&key));
                self.ended.extend(change.ended.map(|ended| (ended, id)));
            }
        }
        Verdict::Written(epoch)
    }

    fn claim(&mut self, term: Term, limit: usize) -> Result<Vec<Claimed>, StoreError> {
        if !self.lives(term) {
            let message = "memory: another term has begun, and this one takes over nothing more";
            return Err(StoreError::new(StoreErrorKind::Superseded, message));
        }
        let Some(from) = self.unheld_from else { return Ok(Vec::new()) };
        let living: Vec<Term> = self.terms.values().copied().collect();
        let unheld = |job: &&mut Job| !job.head.state.is_over() && !living.contains(&job.term);
        let jobs = self.jobs.range_mut(from..).map(|(_, job)| job).filter(unheld).take(limit);
        let take = |job: &mut Job| {
            job.term = term;
            job.epoch = Epoch(job.epoch.0 + 1);
            Claimed { epoch: job.epoch, kept: job.kept() }
        };
        let claimed: Vec<Claimed> = jobs.map(take).collect();
        if claimed.len() < limit {
            self.unheld_from = None;
        } else if let Some(last) = claimed.last() {
            self.unheld_from = Some(last.kept.head.id);
        }
        Ok(claimed)
    }

    fn forget(&mut self, ended_before: Timestamp, limit: usize) -> Vec<JobId> {
        let over = |id: JobId| self.jobs.get(&id).is_none_or(|job| job.head.state.is_over());
        let free = |id: JobId| {
            let parent = self.jobs.get(&id).and_then(|job| job.head.parent);
            parent.is_none_or(|parent| over(parent.job))
        };
        let before = (ended_before, JobId::from_u128(0));
        let gone: Vec<(Timestamp, JobId)> =
            self.ended.range(..before).filter(|(_, id)| free(*id)).take(limit).copied().collect();
        for ended in &gone {
            self.ended.remove(ended);
            self.jobs.remove(&ended.1);
        }
        gone.into_iter().map(|(_, id)| id).collect()
    }
}

fn key_of(head: &Head) -> Option<(Arc<str>, Arc<str>)> {
    head.unique.as_ref().map(|key| (Arc::clone(&head.name), Arc::clone(key)))
}
