//! A store that lasts as long as somebody holds it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::port::{
    Asking, Change, Claimed, Entry, Epoch, Expiry, Filter, Head, Kept, Leave, Lines, Most, Note, Offer,
    Store, StoreError, StoreErrorKind, Term, Toll, Verdict, Word, WordId,
};
use crate::job_id::JobId;
use crate::state::JobState;
use crate::timestamp::Timestamp;

/// A store in memory. Its clones are the same store, so that a test can end a runtime as if its process had crashed,
/// and open what it has written with another.
#[derive(Clone, Default)]
pub struct MemoryStore {
    contents: Arc<Mutex<Contents>>,
    lease: Option<Duration>,
}

impl MemoryStore {
    /// A store in which nothing is kept yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A store that several nodes share. It knows no time: a term of which nothing is heard is over when somebody
    /// [says so](Store::end), as a test does; nodes let themselves be heard several times in the time of a lease.
    pub fn shared(lease: Duration) -> Self {
        Self { lease: Some(lease), ..Self::default() }
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

    fn offer(&self, term: Term, offer: &Offer) -> Result<(), StoreError> {
        let mut contents = self.contents();
        if !contents.lives(term) {
            return Err(superseded());
        }
        contents.offers.insert(term, offer.clone());
        Ok(())
    }

    fn write(&self, entries: &[Entry]) -> Result<Vec<Verdict>, StoreError> {
        let mut contents = self.contents();
        Ok(entries.iter().map(|entry| contents.enter(entry)).collect())
    }

    fn claim(&self, term: Term, most: Most) -> Result<Vec<Claimed>, StoreError> {
        match self.lease {
            Some(_) => self.contents().claim_fit(term, most),
            None => self.contents().claim(term, most.jobs),
        }
    }

    fn read(&self, job: JobId) -> Result<Option<Kept>, StoreError> {
        Ok(self.contents().jobs.get(&job).map(Job::kept))
    }

    fn list(&self, filter: &Filter) -> Result<Vec<Head>, StoreError> {
        let contents = self.contents();
        Ok(filter.pick(contents.jobs.values().map(|job| &job.head)))
    }

    fn taker(&self, once: &str) -> Result<Option<JobId>, StoreError> {
        Ok(self.contents().taken.get(once).copied())
    }

    fn notes(&self, topic: &str) -> Result<Vec<Note>, StoreError> {
        Ok(self.contents().notes(topic))
    }

    fn expired(&self, rule: &Expiry) -> Result<Vec<JobId>, StoreError> {
        Ok(self.contents().expired(rule))
    }

    fn forget(&self, jobs: &[JobId]) -> Result<Vec<JobId>, StoreError> {
        let mut contents = self.contents();
        Ok(jobs.iter().copied().filter(|job| contents.forget(*job)).collect())
    }

    fn lease(&self) -> Option<Duration> {
        self.lease
    }

    fn beat(&self, term: Term) -> Result<(), StoreError> {
        if self.contents().lives(term) { Ok(()) } else { Err(superseded()) }
    }

    fn end(&self, term: Term) -> Result<(), StoreError> {
        let mut contents = self.contents();
        contents.terms.retain(|_, living| *living != term);
        contents.unheld_from = Some(JobId::from_u128(0));
        Ok(())
    }

    fn pass(&self, asking: &Asking) -> Result<Vec<Leave>, StoreError> {
        self.contents().pass(asking)
    }

    fn leave(&self, word: &Word) -> Result<bool, StoreError> {
        Ok(self.contents().leave(word))
    }

    fn words(&self, term: Term) -> Result<Vec<Word>, StoreError> {
        let contents = self.contents();
        let held = |job: JobId| {
            contents.jobs.get(&job).is_some_and(|job| job.term == term && !job.head.state.is_over())
        };
        let open = contents.words.iter().filter(|(word, reply)| reply.is_none() && held(word.job));
        Ok(open.map(|(word, _)| word.clone()).collect())
    }

    fn reply(&self, word: WordId) -> Result<Option<Arc<str>>, StoreError> {
        let contents = self.contents();
        Ok(contents.words.iter().find(|(left, _)| left.id == word).and_then(|(_, reply)| reply.clone()))
    }
}

/// Who holds what is free: no term has this number.
const NOBODY: Term = Term(0);

fn superseded() -> StoreError {
    let message = "memory: this term is over, and takes over nothing more";
    StoreError::new(StoreErrorKind::Superseded, message)
}

#[derive(Default)]
struct Contents {
    jobs: BTreeMap<JobId, Job>,
    /// The term of each node that is not over.
    terms: HashMap<String, Term>,
    last_term: u64,
    /// What the nodes of terms can do, as far as they have said so.
    offers: HashMap<Term, Offer>,
    /// Who has a key, of the jobs that are not over, by name and key.
    keys: HashMap<(Arc<str>, Arc<str>), JobId>,
    /// Who has taken a key for ever.
    taken: HashMap<Arc<str>, JobId>,
    /// What is held of limits, by the limit and the term: how much, and since which asking.
    held: BTreeMap<(Arc<str>, Term), (u32, u64)>,
    /// What was given of rates: when, and how many.
    given: HashMap<Arc<str>, Vec<(Timestamp, u32)>>,
    /// Notes by topic and name.
    notes: BTreeMap<(Arc<str>, Arc<str>), Noted>,
    /// Words in the order in which they were left, and the replies to them.
    words: Vec<(Word, Option<Arc<str>>)>,
    /// The jobs that are over, by name and by when they ended.
    ended: BTreeSet<(Arc<str>, Timestamp, JobId)>,
    /// No job below is to be claimed: only `begin` leaves jobs that nobody holds.
    unheld_from: Option<JobId>,
}

/// What a note says; nothing, if it was taken away.
#[derive(Default)]
struct Noted {
    version: u64,
    text: Option<Arc<str>>,
}

struct Job {
    head: Head,
    lines: Vec<Lines>,
    count: u32,
    term: Term,
    epoch: Epoch,
    /// By when it should begin, if nobody ever held it.
    due: Option<Timestamp>,
    /// The programs that have parked it.
    refused: Vec<Arc<str>>,
}

impl Job {
    fn kept(&self) -> Kept {
        Kept { head: self.head.clone(), lines: self.lines.clone() }
    }

    /// From now on a term holds it.
    fn give(&mut self, term: Term) -> Claimed {
        self.term = term;
        self.due = None;
        self.epoch = Epoch(self.epoch.0 + 1);
        Claimed { epoch: self.epoch, kept: self.kept() }
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
        self.last_term += 1;
        let term = Term(self.last_term);
        self.terms.insert(node.to_owned(), term);
        self.unheld_from = Some(JobId::from_u128(0));
        term
    }

    fn lives(&self, term: Term) -> bool {
        self.terms.values().any(|living| *living == term)
    }

    fn enter(&mut self, entry: &Entry) -> Verdict {
        match entry {
            Entry::New { head, term, lines, settles, free } => {
                self.accept(head, *term, lines, *settles, *free)
            }
            Entry::More { job, epoch, first, lines, change } => {
                self.append(*job, *epoch, *first, lines, change.as_deref())
            }
            Entry::Settle { term, .. } | Entry::Note { term, .. } if !self.lives(*term) => Verdict::Stale,
            Entry::Settle { job, .. } => self.settle(*job),
            Entry::Note { topic, name, text, was, .. } => self.note(topic, name, text.as_ref(), *was),
            Entry::Reply { word, job, epoch, text } => self.reply(*word, *job, *epoch, text),
        }
    }

    fn accept(
        &mut self,
        head: &Head,
        term: Term,
        lines: &Lines,
        settles: Option<JobId>,
        due: Option<Timestamp>,
    ) -> Verdict {
        if !self.lives(term) {
            return Verdict::Stale;
        }
        if let Some(known) = self.jobs.get(&head.id) {
            let is_own = due.is_some() || (known.term, known.epoch) == (term, Epoch::FIRST);
            return if is_own { Verdict::Not { count: known.count } } else { Verdict::Elsewhere };
        }
        let key = key_of(head).filter(|_| !head.state.is_over());
        let once = head.once.as_ref().and_then(|once| self.taken.get(once));
        if let Some(other) = once.or_else(|| self.keys.get(key.as_ref()?)) {
            return Verdict::Taken(*other);
        }
        if settles.is_some_and(|letter| self.settle(letter) == Verdict::Settled) {
            return Verdict::Settled;
        }
        self.keys.extend(key.map(|key| (key, head.id)));
        self.taken.extend(head.once.clone().map(|once| (once, head.id)));
        if head.state.is_over() {
            self.ended.insert(place_of(head));
        }
        let term = if due.is_some() { NOBODY } else { term };
        let (head, lines_before, epoch, refused) = (head.clone(), Vec::new(), Epoch::FIRST, Vec::new());
        let mut job = Job { head, lines: lines_before, count: 0, term, epoch, due, refused };
        job.append(lines);
        self.jobs.insert(job.head.id, job);
        Verdict::Written(Epoch::FIRST)
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
        let was_over = job.head.state.is_over();
        if let Some(change) = change {
            job.head.apply(change);
            if change.parked.is_some() {
                let program = self.offers.get(&job.term).map(|offer| Arc::clone(&offer.program));
                job.refused.push(program.unwrap_or_default());
            }
        }
        if job.head.state.is_over() && !was_over {
            key_of(&job.head).map(|key| self.keys.remove(&key));
            self.ended.insert(place_of(&job.head));
        }
        Verdict::Written(epoch)
    }

    fn leave(&mut self, word: &Word) -> bool {
        let is_open = self.jobs.get(&word.job).is_some_and(|job| !job.head.state.is_over());
        if is_open && !self.words.iter().any(|(left, _)| left.id == word.id) {
            self.words.push((word.clone(), None));
        }
        is_open
    }

    fn reply(&mut self, word: WordId, job: JobId, epoch: Epoch, text: &Arc<str>) -> Verdict {
        let held = self.jobs.get(&job).is_some_and(|job| job.epoch == epoch && self.lives(job.term));
        if !held {
            return Verdict::Stale;
        }
        if let Some((_, reply)) = self.words.iter_mut().find(|(left, _)| left.id == word && left.job == job) {
            reply.get_or_insert_with(|| Arc::clone(text));
        }
        Verdict::Written(epoch)
    }

    fn pass(&mut self, asking: &Asking) -> Result<Vec<Leave>, StoreError> {
        if !self.lives(asking.term) {
            return Err(superseded());
        }
        Ok(asking.tolls.iter().map(|toll| self.give(asking, toll)).collect())
    }

    fn give(&mut self, asking: &Asking, toll: &Toll) -> Leave {
        let own = (Arc::clone(&toll.gate), asking.term);
        if self.held.get(&own).is_some_and(|(_, last)| *last >= asking.number) {
            return Leave { given: 0, again: None };
        }
        let of_gate = (Arc::clone(&toll.gate), Term(0))..=(Arc::clone(&toll.gate), Term(u64::MAX));
        let others =
            self.held.range(of_gate).filter(|((_, term), _)| *term != asking.term && self.lives(*term));
        let others: u32 = others.map(|(_, (held, _))| held).sum();
        let mut leave = Leave { given: toll.wants, again: None };
        if let Some(limit) = toll.limit {
            leave.given = leave.given.min(limit.saturating_sub(others + toll.held));
        }
        if let Some(rate) = toll.rate {
            let starts = self.given.entry(Arc::clone(&toll.gate)).or_default();
            starts.retain(|(at, _)| *at + rate.per > asking.at);
            let left = rate.count.get().saturating_sub(starts.iter().map(|(_, count)| count).sum());
            if leave.given > left {
                leave.given = left;
                leave.again = starts.first().map(|(at, _)| (*at + rate.per).since(asking.at));
            }
            if leave.given > 0 {
                starts.push((asking.at, leave.given));
            }
        }
        self.held.insert(own, (toll.held + leave.given, asking.number));
        leave
    }

    fn settle(&mut self, id: JobId) -> Verdict {
        match self.jobs.get_mut(&id).filter(|job| job.head.is_dead()) {
            Some(job) => {
                job.head.settled = true;
                Verdict::Written(job.epoch)
            }
            None => Verdict::Settled,
        }
    }

    fn note(
        &mut self,
        topic: &Arc<str>,
        name: &Arc<str>,
        text: Option<&Arc<str>>,
        was: Option<u64>,
    ) -> Verdict {
        let noted = self.notes.entry((Arc::clone(topic), Arc::clone(name))).or_default();
        if was.is_some_and(|was| was != noted.version) {
            return Verdict::Differs(noted.version);
        }
        *noted = Noted { version: noted.version + 1, text: text.cloned() };
        Verdict::Noted(noted.version)
    }

    fn notes(&self, topic: &str) -> Vec<Note> {
        let own = self.notes.iter().filter(|((of, _), _)| **of == *topic);
        let note = |((_, name), noted): (&(Arc<str>, Arc<str>), &Noted)| {
            Some(Note { name: Arc::clone(name), text: noted.text.clone()?, version: noted.version })
        };
        own.filter_map(note).collect()
    }

    fn claim(&mut self, term: Term, limit: usize) -> Result<Vec<Claimed>, StoreError> {
        if !self.lives(term) {
            return Err(superseded());
        }
        let Some(from) = self.unheld_from else { return Ok(Vec::new()) };
        let living: Vec<Term> = self.terms.values().copied().collect();
        let unheld = |job: &&mut Job| !job.head.state.is_over() && !living.contains(&job.term);
        let jobs = self.jobs.range_mut(from..).map(|(_, job)| job).filter(unheld).take(limit);
        let claimed: Vec<Claimed> = jobs.map(|job| job.give(term)).collect();
        if claimed.len() < limit {
            self.unheld_from = None;
        } else if let Some(last) = claimed.last() {
            self.unheld_from = Some(last.kept.head.id);
        }
        Ok(claimed)
    }

    /// Takes over what a term is fit for, where nodes share the store.
    fn claim_fit(&mut self, term: Term, most: Most) -> Result<Vec<Claimed>, StoreError> {
        if !self.lives(term) {
            return Err(superseded());
        }
        let living: Vec<Term> = self.terms.values().copied().collect();
        let offer = self.offers.get(&term).cloned().unwrap_or_default();
        let fits = |job: &&mut Job| {
            let is_served = offer.queues.as_ref().is_none_or(|queues| queues.contains(&job.head.queue));
            let is_unheld = !living.contains(&job.term);
            let is_refused = !job.refused.is_empty() && !job.refused.contains(&offer.program);
            let is_parked = job.head.parked.is_some() && is_refused;
            is_served && !job.head.state.is_over() && (is_unheld || (is_parked && job.term != term))
        };
        let mut jobs: Vec<&mut Job> = self.jobs.values_mut().filter(fits).collect();
        jobs.sort_by_key(|job| (job.due, job.head.id));
        let mut waiting = 0;
        jobs.retain(|job| {
            let waits = matches!(job.head.state, JobState::Pending | JobState::Scheduled);
            waiting += usize::from(waits);
            !waits || waiting <= most.waiting
        });
        jobs.truncate(most.jobs);
        Ok(jobs.into_iter().map(|job| job.give(term)).collect())
    }

    fn expired(&self, rule: &Expiry) -> Vec<JobId> {
        let mut left: HashMap<&str, usize> = HashMap::new();
        for (name, ..) in &self.ended {
            *left.entry(name).or_default() += 1;
        }
        let mut found = Vec::new();
        for (name, ended, id) in &self.ended {
            let newer = left.get_mut(&**name).map_or(0, |left| {
                *left -= 1;
                *left
            });
            let is_old = rule.ended_before.is_some_and(|before| *ended < before);
            let is_beyond = rule.beyond.is_some_and(|most| newer >= most);
            let is_named = rule.name.as_ref().is_none_or(|wanted| wanted == name) && !rule.but.contains(name);
            let job = self.jobs.get(id).filter(|job| rule.letters || !job.head.is_dead());
            if is_named && (is_old || is_beyond) && job.is_some_and(|job| self.is_free(job)) {
                found.push(*id);
            }
        }
        found.truncate(rule.limit);
        found
    }

    /// Nobody asks for it any more.
    fn is_free(&self, job: &Job) -> bool {
        let parent = job.head.parent.and_then(|parent| self.jobs.get(&parent.job));
        parent.is_none_or(|parent| parent.head.state.is_over())
    }

    fn forget(&mut self, id: JobId) -> bool {
        let is_over = |job: &&Job| job.head.state.is_over() && self.is_free(job);
        let Some(place) = self.jobs.get(&id).filter(is_over).map(|job| place_of(&job.head)) else {
            return false;
        };
        self.ended.remove(&place);
        self.words.retain(|(word, _)| word.job != id);
        self.jobs.remove(&id).is_some()
    }
}

/// Where a job that is over lies among others.
fn place_of(head: &Head) -> (Arc<str>, Timestamp, JobId) {
    (Arc::clone(&head.name), head.ended.unwrap_or_default(), head.id)
}

fn key_of(head: &Head) -> Option<(Arc<str>, Arc<str>)> {
    head.unique.as_ref().map(|key| (Arc::clone(&head.name), Arc::clone(key)))
}
