//! Entries, as one call of a function in the database: one round trip, one transaction, that no client can hold open.

use std::collections::HashSet;
use std::sync::Arc;

use serde::Serialize;
use sqlx::types::Uuid;
use sqlx::{AssertSqlSafe, Row};

use super::database::Database;
use super::failure::Trouble;
use super::row::{NewRow, moment_text};
use super::schema::Schema;
use super::wire::{Moment, job_id, text, uuid};
use crate::job_id::JobId;
use crate::store::words::state_word;
use crate::store::{Change, Entry, Epoch, Term, Verdict};

/// Entries, laid out as the function `write` takes them: what concerns no other job set by set, the rest one by one.
#[derive(Default)]
pub(super) struct Batch {
    new: New,
    more: More,
    changed: Changed,
    rest: Vec<String>,
}

#[derive(Default)]
struct New {
    at: Vec<i32>,
    ids: Vec<Uuid>,
    heads: Vec<u8>,
    counts: Vec<i32>,
    texts: Vec<String>,
}

#[derive(Default)]
struct More {
    at: Vec<i32>,
    ids: Vec<Uuid>,
    epochs: Vec<i64>,
    firsts: Vec<i32>,
    counts: Vec<i32>,
    texts: Vec<String>,
}

#[derive(Default)]
struct Changed {
    ids: Vec<Uuid>,
    states: Vec<&'static str>,
    over: Vec<bool>,
    ended: Vec<Option<Moment>>,
    failures: Vec<Option<String>>,
    parked: Vec<Option<String>>,
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
        head: Box<NewRow>,
        count: u32,
        json: &'a str,
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
    pub(super) fn new(entries: &[Entry]) -> Result<Self, Trouble> {
        let mut batch = Self::default();
        let mut seen = HashSet::with_capacity(entries.len());
        for (at, entry) in entries.iter().enumerate() {
            let is_second = entry.job().is_some_and(|job| !seen.insert(job));
            batch.add(at, entry, is_second)?;
        }
        if !batch.new.heads.is_empty() {
            batch.new.heads.push(b']');
        }
        Ok(batch)
    }

    /// An entry is written by itself if what becomes of it may depend on one before it that is, or on another of the same
    /// job.
    fn add(&mut self, at: usize, entry: &Entry, is_second: bool) -> Result<(), Trouble> {
        match entry {
            Entry::New { head, term, lines, settles, free } => {
                let holder = if free.is_some() { NOBODY } else { *term };
                let row = NewRow::new(head, holder, *free);
                let has_keys = head.once.is_some() || head.unique.is_some();
                if is_second || settles.is_some() || has_keys || free.is_some() {
                    return self.by_itself(&Rest::New {
                        at,
                        term: term.0,
                        head: Box::new(row),
                        count: lines.count,
                        json: &lines.json,
                        settles: *settles,
                    });
                }
                let heads = &mut self.new.heads;
                heads.push(if heads.is_empty() { b'[' } else { b',' });
                serde_json::to_writer(heads, &row).map_err(unwritable)?;
                self.new.at.push(small(u32::try_from(at).unwrap_or(u32::MAX)));
                self.new.ids.push(uuid(head.id));
                self.new.counts.push(small(lines.count));
                self.new.texts.push(lines.json.clone());
            }
            Entry::More { job, epoch, first, lines, change } => {
                let ends = change.as_ref().is_some_and(|change| change.state.is_over());
                if is_second || lines.count == 0 || (ends && !self.rest.is_empty()) {
                    return self.by_itself(&Rest::More {
                        at,
                        job: *job,
                        epoch: big(epoch.0),
                        first: *first,
                        count: lines.count,
                        json: &lines.json,
                        change: change.as_deref().map(RestChange::new),
                    });
                }
                self.more.at.push(small(u32::try_from(at).unwrap_or(u32::MAX)));
                self.more.ids.push(uuid(*job));
                self.more.epochs.push(big(epoch.0));
                self.more.firsts.push(small(*first));
                self.more.counts.push(small(lines.count));
                self.more.texts.push(lines.json.clone());
                if let Some(change) = change {
                    self.changed.add(*job, change);
                }
            }
            Entry::Reply { word, job, epoch, text: said } => {
                return self.by_itself(&Rest::Reply {
                    at,
                    word: JobId::from_u128(word.0),
                    job: *job,
                    epoch: big(epoch.0),
                    text: text(said),
                });
            }
            Entry::Settle { job, term } => {
                return self.by_itself(&Rest::Settle { at, job: *job, term: term.0 });
            }
            Entry::Note { topic, name, text: said, was, term } => {
                return self.by_itself(&Rest::Note {
                    at,
                    topic: text(topic),
                    name: text(name),
                    text: said.as_deref().map(text),
                    was: *was,
                    term: term.0,
                });
            }
        }
        Ok(())
    }

    fn by_itself(&mut self, entry: &Rest<'_>) -> Result<(), Trouble> {
        self.rest.push(serde_json::to_string(entry).map_err(unwritable)?);
        Ok(())
    }
}

impl Changed {
    fn add(&mut self, job: JobId, change: &Change) {
        self.ids.push(uuid(job));
        self.states.push(state_word(change.state));
        self.over.push(change.state.is_over());
        self.ended.push(change.ended.map(Moment));
        self.failures.push(change.failure.as_deref().map(text));
        self.parked.push(change.parked.as_deref().map(text));
    }
}

fn unwritable(error: serde_json::Error) -> Trouble {
    Trouble::Sql(sqlx::Error::Encode(Box::new(error)))
}

/// The statement that writes a batch.
pub(super) fn statement(schema: &Schema) -> Arc<str> {
    let AssertSqlSafe(sql) = schema.sql(
        "SELECT at, verdict, number, job FROM \
         @.write($1, $2, $3::json, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18::json)",
    );
    Arc::from(sql)
}

/// Writes a batch; gives the verdicts of those entries that are not simply written, with their places.
pub(super) async fn write(
    database: &Database,
    statement: &Arc<str>,
    batch: &Batch,
) -> Result<Vec<(usize, Verdict)>, Trouble> {
    let Batch { new, more, changed, rest } = batch;
    let heads = (!new.heads.is_empty()).then(|| String::from_utf8_lossy(&new.heads));
    let rest = (!rest.is_empty()).then(|| format!("[{}]", rest.join(",")));
    let asked = sqlx::query(AssertSqlSafe(Arc::clone(statement)))
        .bind(&new.at)
        .bind(&new.ids)
        .bind(heads)
        .bind(&new.counts)
        .bind(&new.texts)
        .bind(&more.at)
        .bind(&more.ids)
        .bind(&more.epochs)
        .bind(&more.firsts)
        .bind(&more.counts)
        .bind(&more.texts)
        .bind(&changed.ids)
        .bind(&changed.states)
        .bind(&changed.over)
        .bind(&changed.ended)
        .bind(&changed.failures)
        .bind(&changed.parked)
        .bind(rest);
    let rows = database.rows(asked).await?;
    let mut answers = Vec::with_capacity(rows.len());
    for row in rows {
        let at: i32 = row.try_get(0)?;
        let (word, number): (String, Option<i64>) = (row.try_get(1)?, row.try_get(2)?);
        let number = u64::try_from(number.unwrap_or(0)).unwrap_or(0);
        let verdict = match &*word {
            "written" => Verdict::Written(Epoch(number)),
            "stale" => Verdict::Stale,
            "not" => Verdict::Not { count: u32::try_from(number).unwrap_or(u32::MAX) },
            "taken" => Verdict::Taken(job_id(row.try_get(3)?)),
            "settled" => Verdict::Settled,
            "noted" => Verdict::Noted(number),
            "differs" => Verdict::Differs(number),
            other => {
                return Err(Trouble::corrupt(format!(
                    "the function `write` says `{other}`, which is no answer"
                )));
            }
        };
        answers.push((usize::try_from(at).unwrap_or(usize::MAX), verdict));
    }
    Ok(answers)
}

/// The verdict on an entry of which nothing else is said.
pub(super) fn usual(entry: &Entry) -> Verdict {
    match entry {
        Entry::More { epoch, .. } => Verdict::Written(*epoch),
        _ => Verdict::Written(Epoch::FIRST),
    }
}
