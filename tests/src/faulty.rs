//! Stores that break one promise each: what the suite of conformance has to find.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use workflow_runtime::store::{
    Change, Claimed, Entry, Epoch, Filter, Head, Kept, Lines, MemoryStore, Store, StoreError, Term, Verdict,
};
use workflow_runtime::{JobId, JobState, Timestamp};

/// What a store does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Every term has the same number.
    TermsStandStill,
    /// The last of several records is not written.
    ForgetsARecord,
    /// What was written last is read first.
    Reorders,
    /// Heads come back without their priority.
    LosesPriorities,
    /// Why a job failed is not written, when it is learned later.
    LosesFailures,
    /// Texts are cut where columns end.
    CutsTexts,
    /// What was written last is gone after a restart.
    LosesTheLastWrite,
    /// One entry that is refused takes the others with it.
    AllOrNothing,
    /// A job that is there already is said to be written.
    ForgetsDuplicates,
    /// An id that is there already begins anew.
    CommitsTwice,
    /// Of an entry that is refused, the change is kept.
    KeepsChanges,
    /// Whoever writes is heard.
    AcceptsStaleEpochs,
    /// Whoever began once may bring new jobs for ever.
    AcceptsOldTerms,
    /// All nodes are one.
    OneNode,
    /// Keys mean nothing.
    IgnoresKeys,
    /// A key is free when its job is paused.
    FreesKeysTooEarly,
    /// A key is never free again.
    NeverFreesKeys,
    /// A job whose key is taken is kept all the same.
    KeepsWhatIsRefused,
    /// A job is handed over twice.
    ClaimsTwice,
    /// The highest ids come first.
    ClaimsBackwards,
    /// What this very term holds is handed over, too.
    ClaimsWhatIsHeld,
    /// A term that is over is given nothing, and not told why.
    ClaimsForAnybody,
    /// Epochs have one number.
    OneEpoch,
    /// Some job is read in place of one that is not there.
    ReadsAnything,
    /// A list does not look at tags.
    IgnoresTags,
    /// A list begins at its beginning, always.
    IgnoresPages,
    /// More is forgotten than was asked for.
    ForgetsTooMany,
    /// What was forgotten is still read.
    KeepsWhatIsForgotten,
    /// What is not over is forgotten.
    ForgetsWhatRuns,
    /// A child is forgotten while its parent runs.
    ForgetsChildren,
    /// An entry is seen when half of it is written.
    ShowsHalves,
}

impl Fault {
    /// Every fault, and the promise that it breaks.
    pub const ALL: &[(Self, &str)] = &[
        (Self::TermsStandStill, "a term is greater than those before it"),
        (Self::ForgetsARecord, "records are read as they were written, in their order"),
        (Self::Reorders, "records are read as they were written, in their order"),
        (Self::LosesPriorities, "a head is kept as it was given"),
        (Self::LosesFailures, "what changes of a head is seen"),
        (Self::CutsTexts, "texts of every kind are kept"),
        (Self::LosesTheLastWrite, "what was acknowledged outlives a restart"),
        (Self::AllOrNothing, "each entry has a verdict of its own"),
        (Self::ForgetsDuplicates, "an id is given to one job"),
        (Self::CommitsTwice, "lines continue where the journal ends"),
        (Self::KeepsChanges, "an entry is written whole or not at all"),
        (Self::AcceptsStaleEpochs, "who does not hold a job writes nothing of it"),
        (Self::AcceptsOldTerms, "who begins shuts out the terms of his node before"),
        (Self::OneNode, "terms of several nodes live side by side"),
        (Self::IgnoresKeys, "a unique key is one job's until that is over"),
        (Self::FreesKeysTooEarly, "whatever is done in whatever order, it does what the model does"),
        (Self::NeverFreesKeys, "a unique key is free when its job is over"),
        (Self::KeepsWhatIsRefused, "what is refused leaves nothing behind"),
        (Self::ClaimsTwice, "what nobody holds is claimed, whole and once, lowest ids first"),
        (Self::ClaimsBackwards, "what nobody holds is claimed, whole and once, lowest ids first"),
        (Self::ClaimsWhatIsHeld, "what is over or held is not claimed"),
        (Self::ClaimsForAnybody, "a term that is over claims nothing"),
        (Self::OneEpoch, "who takes a job over holds it under a greater epoch"),
        (Self::ReadsAnything, "a job that is not there is not read"),
        (Self::IgnoresTags, "a list holds what its filter lets through"),
        (Self::IgnoresPages, "a list is in the order of ids, and has pages"),
        (Self::ForgetsTooMany, "what ended first is forgotten first, with all that was kept of it"),
        (Self::KeepsWhatIsForgotten, "what ended first is forgotten first, with all that was kept of it"),
        (Self::ForgetsWhatRuns, "what is not over is not forgotten"),
        (Self::ForgetsChildren, "a child is not forgotten before its parent is over"),
        (Self::ShowsHalves, "several threads use it at once"),
    ];
}

/// A store in memory that does one thing wrong.
#[derive(Debug)]
pub struct Faulty {
    fault: Fault,
    inner: MemoryStore,
    memory: Mutex<Memory>,
}

/// What a fault needs to be done.
#[derive(Debug, Default)]
struct Memory {
    done: Vec<Done>,
    /// Under which epoch each job is held, and how many records it has.
    held: HashMap<JobId, (Epoch, u32)>,
    keys: HashMap<(String, String), JobId>,
    terms: HashMap<String, Term>,
    claimed: Vec<Claimed>,
    forgotten: HashMap<JobId, Kept>,
    hidden: HashSet<JobId>,
}

/// What was done, to be done again.
#[derive(Debug, Clone)]
enum Done {
    Begin(String),
    Write(Vec<Entry>),
    Claim(Term, usize),
    Forget(Timestamp, usize),
}

impl Faulty {
    /// A store in which nothing is kept.
    pub fn new(fault: Fault) -> Self {
        Self { fault, inner: MemoryStore::new(), memory: Mutex::default() }
    }

    /// What it keeps after a restart.
    #[must_use]
    pub fn reopen(self) -> Self {
        if self.fault != Fault::LosesTheLastWrite {
            return self;
        }
        let mut done = std::mem::take(&mut self.memory().done);
        if let Some(last) = done.iter().rposition(|done| matches!(done, Done::Write(_))) {
            done.remove(last);
        }
        let next = Self::new(self.fault);
        for done in done {
            // What fails fails again.
            let _ = match done {
                Done::Begin(node) => next.begin(&node).map(|_| ()),
                Done::Write(entries) => next.write(&entries).map(|_| ()),
                Done::Claim(term, limit) => next.claim(term, limit).map(|_| ()),
                Done::Forget(before, limit) => next.forget(before, limit).map(|_| ()),
            };
        }
        next
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn write_one(&self, entry: &Entry) -> Result<Verdict, StoreError> {
        let entry = self.spoilt(entry);
        if self.is(Fault::ShowsHalves)
            && let Some(halves) = halves(&entry)
        {
            let verdict = self.inner_write(&halves[0])?;
            std::thread::sleep(Duration::from_millis(2));
            self.inner_write(&halves[1])?;
            return Ok(verdict);
        }
        let verdict = self.inner_write(&entry)?;
        if let Verdict::Written(epoch) = verdict {
            self.remember(&entry, epoch);
        }
        self.judged(&entry, verdict)
    }

    fn inner_write(&self, entry: &Entry) -> Result<Verdict, StoreError> {
        self.inner.write(std::slice::from_ref(entry)).map(|verdicts| verdicts[0])
    }

    fn remember(&self, entry: &Entry, epoch: Epoch) {
        let mut memory = self.memory();
        match entry {
            Entry::New { head, lines, .. } => {
                memory.held.insert(head.id, (epoch, lines.count));
                if let Some(key) = key_of(head) {
                    memory.keys.entry(key).or_insert(head.id);
                }
            }
            Entry::More { job, first, lines, .. } => {
                memory.held.insert(*job, (epoch, first + lines.count));
            }
        }
    }

    /// What is written in place of an entry.
    fn spoilt(&self, entry: &Entry) -> Entry {
        let mut entry = entry.clone();
        let memory = self.memory();
        match &mut entry {
            Entry::New { head, term, .. } => {
                match self.fault {
                    Fault::CutsTexts => head.name = head.name.chars().take(255).collect::<String>().into(),
                    Fault::IgnoresKeys => head.unique = None,
                    Fault::ForgetsChildren => head.parent = None,
                    Fault::AcceptsOldTerms => *term = memory.terms.values().max().copied().unwrap_or(*term),
                    _ => {}
                };
            }
            Entry::More { job, epoch, first, lines, change } => {
                let held = memory.held.get(job).copied();
                match (self.fault, held, change) {
                    (Fault::ForgetsARecord, ..) if lines.count > 1 => {
                        *lines = part(lines, 0, lines.count - 1)
                    }
                    (Fault::LosesFailures, _, Some(change)) => change.failure = None,
                    (Fault::AcceptsStaleEpochs | Fault::OneEpoch, Some((current, _)), _) => *epoch = current,
                    (Fault::CommitsTwice, Some((_, count)), _) => *first = count.max(*first),
                    _ => {}
                }
            }
        }
        entry
    }

    /// What is said of an entry, and done though it should not be.
    fn judged(&self, entry: &Entry, verdict: Verdict) -> Result<Verdict, StoreError> {
        match (self.fault, entry, verdict) {
            (Fault::ForgetsDuplicates, Entry::New { head, .. }, Verdict::Not { .. }) => {
                let epoch = self.memory().held.get(&head.id).map_or(Epoch(1), |(epoch, _)| *epoch);
                Ok(Verdict::Written(epoch))
            }
            (
                Fault::KeepsChanges,
                Entry::More { job, change: Some(change), .. },
                Verdict::Stale | Verdict::Not { .. },
            ) => {
                self.change_only(*job, change)?;
                Ok(verdict)
            }
            (Fault::KeepsWhatIsRefused, Entry::New { .. }, Verdict::Taken(_)) => {
                self.without_key(entry)?;
                Ok(verdict)
            }
            (Fault::FreesKeysTooEarly, Entry::New { .. }, Verdict::Taken(other)) => {
                match self.inner.read(other)? {
                    Some(kept) if kept.head.state == JobState::Paused => self.without_key(entry),
                    _ => Ok(verdict),
                }
            }
            (Fault::NeverFreesKeys, Entry::New { head, .. }, Verdict::Written(_)) => {
                let first = key_of(head).and_then(|key| self.memory().keys.get(&key).copied());
                Ok(first.filter(|first| *first != head.id).map_or(verdict, Verdict::Taken))
            }
            (Fault::OneEpoch, _, Verdict::Written(_)) => Ok(Verdict::Written(Epoch(1))),
            _ => Ok(verdict),
        }
    }

    fn change_only(&self, job: JobId, change: &Change) -> Result<(), StoreError> {
        let Some((epoch, first)) = self.memory().held.get(&job).copied() else { return Ok(()) };
        let change = Some(Box::new(change.clone()));
        self.inner_write(&Entry::More { job, epoch, first, lines: Lines::default(), change }).map(|_| ())
    }

    fn without_key(&self, entry: &Entry) -> Result<Verdict, StoreError> {
        let mut entry = entry.clone();
        if let Entry::New { head, .. } = &mut entry {
            head.unique = None;
        }
        self.inner_write(&entry)
    }

    fn shown(&self, mut head: Head) -> Head {
        if self.is(Fault::LosesPriorities) {
            head.priority = None;
        }
        head
    }
}

impl Store for Faulty {
    fn describe(&self) -> String {
        format!("a store with the fault {:?}", self.fault)
    }

    fn begin(&self, node: &str) -> Result<Term, StoreError> {
        self.memory().done.push(Done::Begin(node.to_owned()));
        let term = self.inner.begin(if self.is(Fault::OneNode) { "all" } else { node })?;
        self.memory().terms.insert(node.to_owned(), term);
        self.memory().claimed.clear();
        Ok(if self.is(Fault::TermsStandStill) { Term(1) } else { term })
    }

    fn write(&self, entries: &[Entry]) -> Result<Vec<Verdict>, StoreError> {
        self.memory().done.push(Done::Write(entries.to_vec()));
        if self.is(Fault::AllOrNothing) {
            // Whether it would go well, tried on something else.
            let trial = Self::new(Fault::LosesTheLastWrite);
            trial.memory().done.clone_from(&self.memory().done);
            let trial = trial.reopen();
            let verdicts = trial.write(entries)?;
            if !verdicts.iter().all(|verdict| matches!(verdict, Verdict::Written(_))) {
                self.memory().done.pop();
                return Ok(verdicts.into_iter().map(refused).collect());
            }
        }
        entries.iter().map(|entry| self.write_one(entry)).collect()
    }

    fn claim(&self, term: Term, limit: usize) -> Result<Vec<Claimed>, StoreError> {
        self.memory().done.push(Done::Claim(term, limit));
        let mut claimed = match self.inner.claim(term, limit) {
            Err(_) if self.is(Fault::ClaimsForAnybody) => Vec::new(),
            other => other?,
        };
        for claimed in &mut claimed {
            let count = claimed.kept.lines.iter().map(|lines| lines.count).sum();
            self.memory().held.insert(claimed.kept.head.id, (claimed.epoch, count));
            if self.is(Fault::OneEpoch) {
                claimed.epoch = Epoch(1);
            }
        }
        match self.fault {
            Fault::ClaimsTwice if claimed.is_empty() => claimed.append(&mut self.memory().claimed),
            Fault::ClaimsTwice => self.memory().claimed.extend(claimed.iter().cloned()),
            Fault::ClaimsBackwards => claimed.reverse(),
            Fault::ClaimsWhatIsHeld => {
                let open = self.inner.list(&Filter::default())?;
                let held = self.memory().held.clone();
                for head in open.into_iter().filter(|head| !head.state.is_over()) {
                    let new = claimed.len() < limit && claimed.iter().all(|one| one.kept.head.id != head.id);
                    if let (true, Some((epoch, _)), Some(kept)) =
                        (new, held.get(&head.id), self.inner.read(head.id)?)
                    {
                        claimed.push(Claimed { epoch: *epoch, kept });
                    }
                }
            }
            _ => {}
        }
        Ok(claimed)
    }

    fn read(&self, job: JobId) -> Result<Option<Kept>, StoreError> {
        let mut kept = self.inner.read(job)?.filter(|_| !self.memory().hidden.contains(&job));
        if self.is(Fault::ReadsAnything) && kept.is_none() {
            let any = self.inner.list(&Filter::default())?;
            kept = any.first().map(|head| self.inner.read(head.id)).transpose()?.flatten();
        }
        if self.is(Fault::KeepsWhatIsForgotten) && kept.is_none() {
            kept = self.memory().forgotten.get(&job).cloned();
        }
        Ok(kept.map(|mut kept| {
            kept.head = self.shown(kept.head);
            if self.is(Fault::Reorders) {
                kept.lines.reverse();
            }
            kept
        }))
    }

    fn list(&self, filter: &Filter) -> Result<Vec<Head>, StoreError> {
        let mut filter = filter.clone();
        match self.fault {
            Fault::IgnoresTags => filter.tag = None,
            Fault::IgnoresPages => filter.after = None,
            _ => {}
        }
        let heads = self.inner.list(&filter)?;
        let hidden = &self.memory().hidden;
        let seen = heads.into_iter().filter(|head| !hidden.contains(&head.id));
        Ok(seen.map(|head| self.shown(head)).collect())
    }

    fn forget(&self, ended_before: Timestamp, limit: usize) -> Result<Vec<JobId>, StoreError> {
        self.memory().done.push(Done::Forget(ended_before, limit));
        let kept = self.inner.list(&Filter::default())?;
        for head in &kept {
            let kept = self.inner.read(head.id)?;
            self.memory().forgotten.extend(kept.map(|kept| (head.id, kept)));
        }
        let limit = if self.is(Fault::ForgetsTooMany) { usize::MAX } else { limit };
        let mut gone = self.inner.forget(ended_before, limit)?;
        if self.is(Fault::ForgetsWhatRuns) && limit > 0 {
            let running = kept.iter().filter(|head| !head.state.is_over()).map(|head| head.id);
            self.memory().hidden.extend(running.clone());
            gone.extend(running);
        }
        Ok(gone)
    }
}

fn key_of(head: &Head) -> Option<(String, String)> {
    head.unique.as_ref().map(|key| (head.name.to_string(), key.to_string()))
}

fn refused(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Written(_) => Verdict::Stale,
        other => other,
    }
}

/// Some of the records.
fn part(lines: &Lines, from: u32, to: u32) -> Lines {
    let records: Vec<serde_json::Value> = serde_json::from_str(&lines.json).unwrap_or_default();
    let some = &records[from as usize..to as usize];
    Lines { count: to - from, json: serde_json::Value::from(some.to_vec()).to_string() }
}

fn halves(entry: &Entry) -> Option<[Entry; 2]> {
    let Entry::More { job, epoch, first, lines, change } = entry else { return None };
    if lines.count < 2 {
        return None;
    }
    let (job, epoch) = (*job, *epoch);
    Some([
        Entry::More { job, epoch, first: *first, lines: part(lines, 0, 1), change: None },
        Entry::More {
            job,
            epoch,
            first: first + 1,
            lines: part(lines, 1, lines.count),
            change: change.clone(),
        },
    ])
}
