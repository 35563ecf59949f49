//! What the checks are made with: stores, jobs, records.

use std::cell::Cell;
use std::sync::Arc;

use crate::job_id::JobId;
use crate::record::{Fact, Record};
use crate::state::JobState;
use crate::store::{Change, Entry, Epoch, Head, Kept, Lines, Store, Term, Verdict};
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
        let term = store.begin("node").map_err(|error| format!("a term cannot begin: {error}"))?;
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
    Entry::New { head: Box::new(head.clone()), term, lines: lines(0, count) }
}

pub(super) fn more(job: JobId, epoch: Epoch, first: u32, count: u32) -> Entry {
    Entry::More { job, epoch, first, lines: lines(first, count), change: None }
}

/// One more record, which ends the job.
pub(super) fn last(job: JobId, epoch: Epoch, first: u32, state: JobState, ended: Timestamp) -> Entry {
    let failure = (state != JobState::Succeeded).then(|| Arc::from("it went wrong"));
    let change = Some(Box::new(Change { state, ended: Some(ended), failure }));
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

pub(super) fn read(store: &impl Store, job: JobId) -> Result<Kept, String> {
    let kept = store.read(job).map_err(|error| format!("job {job} cannot be read: {error}"))?;
    kept.ok_or_else(|| format!("job {job} is not there"))
}

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
