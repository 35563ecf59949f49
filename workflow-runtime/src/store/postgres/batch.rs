//! Entries, laid out as the function `write` takes them: what concerns no other job set by set, the rest one by one.

use std::collections::{BTreeSet, HashSet};

use serde::Serialize;
use sqlx::types::Uuid;

use super::failure::Trouble;
use super::known::Held;
use super::row::{NewRow, moment_text};
use super::wire::{Moment, text, uuid};
use crate::job_id::JobId;
use crate::store::words::{priority_word, state_word};
use crate::store::{Change, Entry, Epoch, Head, Lines, Term};
use crate::timestamp::Timestamp;

#[derive(Default)]
pub(super) struct Batch {
    /// The terms that must live.
    pub(super) living: BTreeSet<i64>,
    /// Nothing of the further lines need be looked up.
    pub(super) is_known: bool,
    pub(super) new: New,
    pub(super) more: More,
    pub(super) changed: Changed,
    pub(super) ending: More,
    pub(super) ends: Ends,
    pub(super) rest: Vec<String>,
}

#[derive(Default)]
pub(super) struct New {
    pub(super) ids: Vec<Uuid>,
    pub(super) names: Vec<String>,
    pub(super) states: Vec<&'static str>,
    pub(super) terms: Vec<i64>,
    pub(super) queues: Vec<String>,
    pub(super) priorities: Sparse<&'static str>,
    pub(super) tags: Sparse<String>,
    pub(super) parents: Sparse<Uuid>,
    pub(super) parent_tasks: Sparse<i64>,
    pub(super) parent_depths: Sparse<i64>,
    pub(super) submitted: Vec<Moment>,
    pub(super) due: Sparse<Moment>,
    pub(super) not_before: Sparse<Moment>,
    pub(super) failures: Sparse<String>,
    pub(super) parked: Sparse<String>,
    pub(super) counts: Vec<i32>,
    pub(super) texts: Vec<String>,
}

#[derive(Default)]
pub(super) struct More {
    pub(super) ids: Vec<Uuid>,
    pub(super) epochs: Vec<i64>,
    pub(super) firsts: Vec<i32>,
    pub(super) counts: Vec<i32>,
    pub(super) texts: Vec<String>,
}

/// What becomes of jobs that go on.
#[derive(Default)]
pub(super) struct Changed {
    pub(super) ids: Vec<Uuid>,
    pub(super) states: Vec<&'static str>,
    pub(super) failures: Sparse<String>,
}

/// What becomes of jobs that end.
#[derive(Default)]
pub(super) struct Ends {
    pub(super) states: Vec<&'static str>,
    pub(super) at: Vec<Option<Moment>>,
    pub(super) failures: Sparse<String>,
}

/// A column in which there is mostly nothing: then it is sent without elements, and `unnest` fills it up.
pub(super) struct Sparse<T>(Vec<Option<T>>, usize);

impl<T> Default for Sparse<T> {
    fn default() -> Self {
        Self(Vec::new(), 0)
    }
}

impl<T> Sparse<T> {
    fn push(&mut self, value: Option<T>) {
        if value.is_some() {
            self.0.resize_with(self.1, || None);
            self.0.push(value);
        }
        self.1 += 1;
    }

    pub(super) fn cells(&self) -> &[Option<T>] {
        &self.0
    }
}

/// Who holds what is free.
pub(super) const NOBODY: Term = Term(0);

/// An entry that is written after those before it, by itself.
#[derive(Serialize)]
#[serde(tag = "is", rename_all = "lowercase")]
enum Rest<'a> {
    New {
        at: usize,
        /// Who writes it, whoever holds it then.
        term: u64,
        head: Box<NewRow<'a>>,
        settles: Option<JobId>,
    },
    More {
        at: usize,
        job: JobId,
        epoch: i64,
        first: u32,
        count: u32,
        json: &'a str,
        change: Option<RestChange>,
    },
    Reply {
        at: usize,
        word: JobId,
        job: JobId,
        epoch: i64,
        text: String,
    },
    Settle {
        at: usize,
        job: JobId,
        term: u64,
    },
    Note {
        at: usize,
        topic: String,
        name: String,
        text: Option<String>,
        was: Option<u64>,
        term: u64,
    },
}

#[derive(Serialize)]
struct RestChange {
    state: &'static str,
    over: bool,
    ended: Option<String>,
    failure: Option<String>,
    parked: Option<String>,
}

impl RestChange {
    fn new(change: &Change) -> Self {
        Self {
            state: state_word(change.state),
            over: change.state.is_over(),
            ended: change.ended.map(moment_text),
            failure: change.failure.as_deref().map(text),
            parked: change.parked.as_deref().map(text),
        }
    }
}

fn small(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn big(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Batch {
    /// Lays entries out, as far as can be set by set.
    pub(super) fn new(entries: &[Entry], known: &[Option<Held>]) -> Result<Self, Trouble> {
        let mut batch = Self { is_known: true, ..Self::default() };
        let mut seen = HashSet::with_capacity(entries.len());
        for ((at, entry), known) in entries.iter().enumerate().zip(known) {
            let is_second = entry.job().is_some_and(|job| !seen.insert(job));
            if is_second || !batch.add(entry, *known) {
                batch.by_itself(at, entry)?;
            }
        }
        Ok(batch)
    }

    /// Lays entries out one by one.
    pub(super) fn one_by_one(entries: &[Entry]) -> Result<Self, Trouble> {
        let mut batch = Self::default();
        for (at, entry) in entries.iter().enumerate() {
            batch.by_itself(at, entry)?;
        }
        Ok(batch)
    }

    /// Takes an entry into a set, unless what becomes of it may depend on one before it that is written by itself.
    fn add(&mut self, entry: &Entry, known: Option<Held>) -> bool {
        match entry {
            Entry::New { head, term, lines, settles: None, free }
                if head.once.is_none() && head.unique.is_none() && !head.state.is_over() =>
            {
                self.living.insert(big(term.0));
                self.new.add(head, *term, *free, lines);
                true
            }
            Entry::More { job, epoch, first, lines, change } => {
                let end = change.as_ref().filter(|change| change.state.is_over());
                let is_parked = change.as_ref().is_some_and(|change| change.parked.is_some());
                if lines.count == 0 || is_parked || (end.is_some() && !self.rest.is_empty()) {
                    return false;
                }
                match known.filter(|known| known.fits(*epoch, *first)) {
                    Some(known) => _ = self.living.insert(big(known.term.0)),
                    None => self.is_known = false,
                }
                if let Some(end) = end {
                    self.ending.add(*job, *epoch, *first, lines);
                    self.ends.add(end);
                    return true;
                }
                self.more.add(*job, *epoch, *first, lines);
                if let Some(change) = change {
                    self.changed.add(*job, change);
                }
                true
            }
            _ => false,
        }
    }

    fn by_itself(&mut self, at: usize, entry: &Entry) -> Result<(), Trouble> {
        let rest = match entry {
            Entry::New { head, term, lines, settles, free } => Rest::New {
                at,
                term: term.0,
                head: Box::new(NewRow::new(head, lines, holder(*term, *free), *free)),
                settles: *settles,
            },
            Entry::More { job, epoch, first, lines, change } => Rest::More {
                at,
                job: *job,
                epoch: big(epoch.0),
                first: *first,
                count: lines.count,
                json: &lines.json,
                change: change.as_deref().map(RestChange::new),
            },
            Entry::Reply { word, job, epoch, text: said } => Rest::Reply {
                at,
                word: JobId::from_u128(word.0),
                job: *job,
                epoch: big(epoch.0),
                text: text(said),
            },
            Entry::Settle { job, term } => Rest::Settle { at, job: *job, term: term.0 },
            Entry::Note { topic, name, text: said, was, term } => Rest::Note {
                at,
                topic: text(topic),
                name: text(name),
                text: said.as_deref().map(text),
                was: *was,
                term: term.0,
            },
        };
        let json = serde_json::to_string(&rest);
        self.rest.push(json.map_err(|error| Trouble::Sql(sqlx::Error::Encode(Box::new(error))))?);
        Ok(())
    }
}

/// Who holds a new job.
fn holder(writer: Term, free: Option<Timestamp>) -> Term {
    if free.is_some() { NOBODY } else { writer }
}

impl New {
    fn add(&mut self, head: &Head, writer: Term, free: Option<Timestamp>, lines: &Lines) {
        self.ids.push(uuid(head.id));
        self.names.push(text(&head.name));
        self.states.push(state_word(head.state));
        self.terms.push(big(holder(writer, free).0));
        self.queues.push(text(&head.queue));
        self.priorities.push(head.priority.map(priority_word));
        let tags: Vec<String> = head.tags.iter().map(|tag| text(tag)).collect();
        self.tags.push((!tags.is_empty()).then(|| serde_json::Value::from(tags).to_string()));
        self.parents.push(head.parent.map(|parent| uuid(parent.job)));
        self.parent_tasks.push(head.parent.map(|parent| i64::from(parent.task)));
        self.parent_depths.push(head.parent.map(|parent| i64::from(parent.depth)));
        self.submitted.push(Moment(head.submitted));
        self.due.push(free.map(Moment));
        self.not_before.push(head.not_before.map(Moment));
        self.failures.push(head.failure.as_deref().map(text));
        self.parked.push(head.parked.as_deref().map(text));
        self.counts.push(small(lines.count));
        self.texts.push(lines.json.clone());
    }
}

impl More {
    fn add(&mut self, job: JobId, epoch: Epoch, first: u32, lines: &Lines) {
        self.ids.push(uuid(job));
        self.epochs.push(big(epoch.0));
        self.firsts.push(small(first));
        self.counts.push(small(lines.count));
        self.texts.push(lines.json.clone());
    }
}

impl Changed {
    fn add(&mut self, job: JobId, change: &Change) {
        self.ids.push(uuid(job));
        self.states.push(state_word(change.state));
        self.failures.push(change.failure.as_deref().map(text));
    }
}

impl Ends {
    fn add(&mut self, end: &Change) {
        self.states.push(state_word(end.state));
        self.at.push(end.ended.map(Moment));
        self.failures.push(end.failure.as_deref().map(text));
    }
}
