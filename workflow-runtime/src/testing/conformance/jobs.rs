//! What the checks are made with: stores, jobs, records.

use std::cell::Cell;
use std::sync::Arc;

use super::Held;
use crate::job_id::JobId;
use crate::options::Priority;
use crate::record::{Fact, Parent, Record};
use crate::state::JobState;
use crate::store::{
    Change, Entry, Epoch, Expiry, Filter, Head, Kept, Lines, Most, Note, Store, Term, Verdict,
};
use crate::timestamp::Timestamp;
use crate::value::Value;

/// Makes the stores that are checked, and the ids of jobs in them.
pub(super) struct Stand<'a, S> {
    make: &'a dyn Fn() -> S,
    reopen: &'a dyn Fn(S) -> S,
    ids: Cell<u128>,
}

impl<'a, S: Store> Stand<'a, S> {
    pub(super) fn new(make: &'a dyn Fn() -> S, reopen: &'a dyn Fn(S) -> S) -> Self {
        Self { make, reopen, ids: Cell::new(0) }
    }

    /// A store in which nothing is kept.
    pub(super) fn fresh(&self) -> S {
        (self.make)()
    }

    /// A store that a term has begun in.
    pub(super) fn begun(&self) -> Result<(S, Term), String> {
        let store = self.fresh();
        let term = next_term(&store, "node")?;
        Ok((store, term))
    }

    pub(super) fn reopen(&self, store: S) -> S {
        (self.reopen)(store)
    }

    /// An id, greater than those before it.
    pub(super) fn id(&self) -> JobId {
        self.ids.set(self.ids.get() + 1);
        JobId::from_u128(0x019a_c5c4_6f3a_7000_8000_0000_0000_0000 + (self.ids.get() << 32))
    }

    /// The head of a job that runs.
    pub(super) fn head(&self) -> Head {
        let mut head = Head::new(self.id(), "work", moment(0));
        head.state = JobState::Running;
        head
    }
}

/// A head of which everything is said that can be said of a job that is not over.
pub(super) fn full_head<S: Store>(stand: &Stand<'_, S>, parent: JobId) -> Head {
    let mut head = stand.head();
    head.state = JobState::Scheduled;
    head.queue = Arc::from("slow");
    head.priority = Some(Priority::Critical);
    head.tags = vec![Arc::from("red"), Arc::from("blue")];
    head.unique = Some(Arc::from("only"));
    head.once = Some(Arc::from(format!("once {}", head.id)));
    head.parent = Some(Parent { job: parent, task: 7, depth: 2 });
    head.not_before = Some(moment(3600));
    head.parked = Some(Arc::from("a step is gone"));
    head
}

/// The head of a job of this name, with a unique key.
pub(super) fn keyed<S: Store>(stand: &Stand<'_, S>, name: &str) -> Head {
    let mut head = stand.head();
    (head.name, head.unique) = (Arc::from(name), Some(Arc::from("key")));
    head
}

/// The head of a job with a key for ever.
pub(super) fn once<S: Store>(stand: &Stand<'_, S>, key: &str) -> Head {
    let mut head = stand.head();
    head.once = Some(Arc::from(key));
    head
}

/// The task of a job for which another works.
pub(super) fn task_of(job: JobId) -> Option<Parent> {
    Some(Parent { job, task: 0, depth: 1 })
}

/// A moment, counted in seconds from some other.
pub(super) fn moment(seconds: u64) -> Timestamp {
    Timestamp::from_micros(1_735_689_600_000_000 + seconds * 1_000_000)
}

/// The record of this number in the journal of some job.
pub(super) fn record(number: u32) -> Record {
    let fact =
        Fact::Signalled { event: Arc::from("number"), value: Value::from(serde_json::Value::from(number)) };
    Record { at: moment(u64::from(number)), fact }
}

/// So many records, from this number on.
pub(super) fn lines(first: u32, count: u32) -> Lines {
    let records: Vec<Record> = (first..first + count).map(record).collect();
    Lines { count, json: serde_json::to_string(&records).unwrap_or_default() }
}

pub(super) fn new(head: &Head, term: Term, count: u32) -> Entry {
    Entry::New { head: Arc::new(head.clone()), term, lines: lines(0, count), settles: None, free: None }
}

/// A new job in the place of a dead letter.
pub(super) fn in_place(head: &Head, term: Term, letter: JobId) -> Entry {
    Entry::New { head: Arc::new(head.clone()), term, lines: lines(0, 1), settles: Some(letter), free: None }
}

pub(super) fn settle(job: JobId, term: Term) -> Entry {
    Entry::Settle { job, term }
}

pub(super) fn note(topic: &str, name: &str, text: Option<&str>, was: Option<u64>, term: Term) -> Entry {
    Entry::Note { topic: Arc::from(topic), name: Arc::from(name), text: text.map(Arc::from), was, term }
}

pub(super) fn more(job: JobId, epoch: Epoch, first: u32, count: u32) -> Entry {
    Entry::More { job, epoch, first, lines: lines(first, count), change: None }
}

/// One more record, which ends the job.
pub(super) fn last(job: JobId, epoch: Epoch, first: u32, state: JobState, ended: Timestamp) -> Entry {
    let failure = (state != JobState::Succeeded).then(|| Arc::from("it went wrong"));
    let change = Some(Box::new(Change { ended: Some(ended), failure, ..Change::to(state) }));
    Entry::More { job, epoch, first, lines: lines(first, 1), change }
}

pub(super) fn write(store: &impl Store, entries: &[Entry]) -> Result<Vec<Verdict>, String> {
    let verdicts = store.write(entries).map_err(|error| format!("nothing can be written: {error}"))?;
    same("the number of verdicts", &verdicts.len(), &entries.len())?;
    Ok(verdicts)
}

/// Writes entries that have to be accepted; gives the epochs.
pub(super) fn accepted(store: &impl Store, entries: &[Entry]) -> Result<Vec<Epoch>, String> {
    let verdicts = write(store, entries)?;
    let epoch = |(entry, verdict): (&Entry, Verdict)| match verdict {
        Verdict::Written(epoch) => Ok(epoch),
        other => Err(format!("the verdict on {} is {other:?}", shown(entry))),
    };
    entries.iter().zip(verdicts).map(epoch).collect()
}

/// Writes a job that is new, with so many records.
pub(super) fn begin(store: &impl Store, head: &Head, term: Term, count: u32) -> Result<Epoch, String> {
    let epochs = accepted(store, &[new(head, term, count)])?;
    epochs.first().copied().ok_or_else(|| "there is no verdict".to_owned())
}

/// A job that has ended, with two records.
pub(super) fn ended(store: &impl Store, head: &Head, term: Term, at: Timestamp) -> Result<Epoch, String> {
    let epoch = begin(store, head, term, 1)?;
    accepted(store, &[last(head.id, epoch, 1, JobState::Succeeded, at)])?;
    Ok(epoch)
}

/// A job that has failed, with two records, and for which nobody waits.
pub(super) fn letter(store: &impl Store, head: &Head, term: Term, at: Timestamp) -> Result<Epoch, String> {
    let epoch = begin(store, head, term, 1)?;
    accepted(store, &[last(head.id, epoch, 1, JobState::Failed, at)])?;
    Ok(epoch)
}

pub(super) fn next_term(store: &impl Store, node: &str) -> Result<Term, String> {
    store.begin(node).map_err(|error| format!("a term cannot begin: {error}"))
}

pub(super) fn claims(store: &impl Store, term: Term, limit: usize) -> Result<Vec<JobId>, String> {
    let claimed = store.claim(term, Most::of(limit)).map_err(|error| format!("cannot claim: {error}"))?;
    Ok(claimed.iter().map(|claimed| claimed.kept.head.id).collect())
}

pub(super) fn is_there(store: &impl Store, job: JobId) -> Result<bool, String> {
    let kept = store.read(job).map_err(|error| format!("job {job} cannot be read: {error}"))?;
    Ok(kept.is_some())
}

pub(super) fn listed(store: &impl Store, filter: &Filter) -> Result<Vec<Head>, String> {
    store.list(filter).map_err(|error| format!("cannot list what {filter:?} lets through: {error}"))
}

pub(super) fn all(store: &impl Store) -> Result<Vec<Head>, String> {
    listed(store, &Filter::default())
}

pub(super) fn ids(heads: &[Head]) -> Vec<JobId> {
    heads.iter().map(|head| head.id).collect()
}

pub(super) fn notes(store: &impl Store, topic: &str) -> Result<Vec<Note>, String> {
    store.notes(topic).map_err(|error| format!("the notes about {topic:?} cannot be read: {error}"))
}

pub(super) fn taker(store: &impl Store, key: &str) -> Result<Option<JobId>, String> {
    store.taker(key).map_err(|error| format!("who has taken {key:?} cannot be told: {error}"))
}

pub(super) fn expired(store: &impl Store, rule: &Expiry) -> Result<Vec<JobId>, String> {
    store.expired(rule).map_err(|error| format!("cannot tell what {rule:?} lets go: {error}"))
}

pub(super) fn forget(store: &impl Store, jobs: &[JobId]) -> Result<Vec<JobId>, String> {
    store.forget(jobs).map_err(|error| format!("cannot forget: {error}"))
}

pub(super) fn read(store: &impl Store, job: JobId) -> Result<Kept, String> {
    let kept = store.read(job).map_err(|error| format!("job {job} cannot be read: {error}"))?;
    kept.ok_or_else(|| format!("job {job} is not there"))
}

/// That entries are judged so; which epoch a job is held under is not looked at.
pub(super) fn judged(store: &impl Store, what: &str, entries: &[Entry], expected: &[Verdict]) -> Held {
    let any = |verdict| match verdict {
        Verdict::Written(_) => WRITTEN,
        other => other,
    };
    let found: Vec<Verdict> = write(store, entries)?.into_iter().map(any).collect();
    same(what, &found, &expected.to_vec())
}

/// A verdict that says yes, under whatever epoch.
pub(super) const WRITTEN: Verdict = Verdict::Written(Epoch(0));

/// That a job is kept with exactly so many records, each in its place.
pub(super) fn has_records(kept: &Kept, count: u32) -> Result<(), String> {
    let lines = kept.records().map_err(|error| error.to_string())?;
    let records: Vec<Record> = lines.into_iter().map(|line| line.record).collect();
    let expected: Vec<Record> = (0..count).map(record).collect();
    if records == expected {
        return Ok(());
    }
    let numbers: Vec<String> = records.iter().map(number_of).collect();
    Err(format!(
        "job {} should have the records 0 to {count}, and has these: {}",
        kept.head.id,
        numbers.join(" ")
    ))
}

fn number_of(record: &Record) -> String {
    match &record.fact {
        Fact::Signalled { value, .. } => value.json().map_or("?".to_owned(), |value| value.to_string()),
        other => format!("{other:?}"),
    }
}

/// What an entry is, for messages.
pub(super) fn shown(entry: &Entry) -> String {
    match entry {
        Entry::New { head, term, .. } => format!("the new job {} of term {}", head.id, term.0),
        Entry::More { job, epoch, first, lines, .. } => {
            format!("{} lines of job {job} from {first} on under epoch {}", lines.count, epoch.0)
        }
        Entry::Settle { job, term } => format!("the letter {job}, settled by term {}", term.0),
        Entry::Note { topic, name, term, .. } => format!("the note {topic}/{name} of term {}", term.0),
        Entry::Reply { word, job, epoch, .. } => {
            format!("the reply to word {} for job {job} under epoch {}", word.0, epoch.0)
        }
    }
}

pub(super) fn same<T: PartialEq + std::fmt::Debug>(
    what: &str,
    found: &T,
    expected: &T,
) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    Err(format!("{what} should be {expected:?}, and is {found:?}"))
}
