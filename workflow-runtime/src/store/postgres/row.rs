//! A head as a row, and a row as a head.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::types::Uuid;
use sqlx::{Decode, Postgres, Row, Type};

use super::failure::Trouble;
use super::wire::{Moment, job_id, text, untext};
use crate::job_id::JobId;
use crate::record::Parent;
use crate::state::JobState;
use crate::store::words::{PRIORITIES, priority_word, state_word};
use crate::store::{Epoch, Head, Kept, Lines, Term};
use crate::timestamp::Timestamp;

/// The columns that [`head`] reads.
pub(super) const COLUMNS: &str = "heads.id, heads.name, heads.state, heads.queue, heads.priority, heads.tags::text, \
     heads.unique_key, heads.parent, heads.parent_task, heads.parent_depth, heads.submitted, heads.not_before, \
     heads.ended, heads.failure, heads.once, heads.parked, heads.settled";

/// What [`kept`] reads besides.
pub(super) const LINES: &str = "heads.epoch, heads.count, heads.json, heads.last_first, heads.last_count, heads.last_json, \
     turns.firsts, turns.counts, turns.texts";

/// Where [`COLUMNS`] and [`LINES`] are found.
pub(super) const WITH_LINES: &str = "@.heads CROSS JOIN LATERAL ( \
     SELECT array_agg(first) AS firsts, array_agg(count) AS counts, array_agg(json) AS texts \
     FROM (SELECT first, count, json FROM @.lines WHERE job = heads.id ORDER BY first) AS turn) AS turns";

/// Reads a row of [`COLUMNS`].
pub(super) fn head(row: &PgRow) -> Result<Head, Trouble> {
    let id: Uuid = row.try_get(0)?;
    let cells = Cells { row, job: id };
    let name = cells.text(1, "name")?.unwrap_or_default();
    let mut head = Head::new(job_id(id), name, cells.get::<Moment>(10, "submitted")?.0);
    head.state = cells
        .word(2, "state", JobState::ALL, state_word)?
        .ok_or_else(|| cells.wrong("state", "is missing"))?;
    head.queue = cells.text(3, "queue")?.unwrap_or_default().into();
    head.priority = cells.word(4, "priority", PRIORITIES, priority_word)?;
    if let Some(tags) = cells.get::<Option<String>>(5, "tags")? {
        let read: Vec<String> = serde_json::from_str(&tags)
            .map_err(|error| cells.wrong("tags", format!("is `{tags}`, no array of texts: {error}")))?;
        head.tags = read.into_iter().map(|tag| Arc::from(untext(tag))).collect();
    }
    head.unique = cells.text(6, "unique_key")?.map(Arc::from);
    if let Some(job) = cells.get::<Option<Uuid>>(7, "parent")? {
        let (task, depth) = (cells.number(8, "parent_task")?, cells.number(9, "parent_depth")?);
        head.parent = Some(Parent { job: job_id(job), task, depth });
    }
    head.not_before = cells.get::<Option<Moment>>(11, "not_before")?.map(|moment| moment.0);
    head.ended = cells.get::<Option<Moment>>(12, "ended")?.map(|moment| moment.0);
    if head.ended.is_some() != head.state.is_over() {
        return Err(cells.wrong("ended", format!("does not fit the state `{}`", state_word(head.state))));
    }
    head.failure = cells.text(13, "failure")?.map(Arc::from);
    head.once = cells.text(14, "once")?.map(Arc::from);
    head.parked = cells.text(15, "parked")?.map(Arc::from);
    head.settled = cells.get(16, "settled")?;
    Ok(head)
}

/// Reads a row of [`COLUMNS`] and [`LINES`].
pub(super) fn kept(row: &PgRow) -> Result<(Epoch, Kept), Trouble> {
    let head = head(row)?;
    let epoch: i64 = row.try_get("epoch")?;
    Ok((Epoch(u64::try_from(epoch).unwrap_or(0)), Kept { head, lines: lines(row)? }))
}

/// The lines of a job: those of its beginning stand in its own row, those of its end mostly, too.
fn lines(row: &PgRow) -> Result<Vec<Lines>, Trouble> {
    let lines = |count: i32, json| Lines { count: u32::try_from(count).unwrap_or(0), json };
    let last_first: Option<i32> = row.try_get("last_first")?;
    let mut last = None;
    if last_first.is_some() {
        last = Some(lines(row.try_get("last_count")?, row.try_get("last_json")?));
    }
    let begun: i32 = row.try_get("count")?;
    let mut all = Vec::new();
    if begun > 0 {
        all.push(lines(begun, row.try_get("json")?));
    }
    let firsts: Option<Vec<i32>> = row.try_get("firsts")?;
    let (counts, texts): (Option<Vec<i32>>, Option<Vec<String>>) =
        (row.try_get("counts")?, row.try_get("texts")?);
    let turns =
        firsts.into_iter().flatten().zip(counts.into_iter().flatten()).zip(texts.into_iter().flatten());
    for ((first, count), json) in turns {
        if last_first.is_some_and(|last| last < first) {
            all.extend(last.take());
        }
        all.push(lines(count, json));
    }
    all.extend(last);
    Ok(all)
}

/// The cells of one row, and how to name it.
struct Cells<'a> {
    row: &'a PgRow,
    job: Uuid,
}

impl Cells<'_> {
    fn wrong(&self, column: &str, what: impl fmt::Display) -> Trouble {
        Trouble::corrupt(format!("job {}: its row of the table `heads`: `{column}` {what}", job_id(self.job)))
    }

    fn get<'a, T: Decode<'a, Postgres> + Type<Postgres>>(
        &'a self,
        at: usize,
        column: &str,
    ) -> Result<T, Trouble> {
        self.row.try_get(at).map_err(|error| self.wrong(column, format!("cannot be read: {error}")))
    }

    fn text(&self, at: usize, column: &str) -> Result<Option<String>, Trouble> {
        Ok(self.get::<Option<String>>(at, column)?.map(untext))
    }

    fn number<T: TryFrom<i64>>(&self, at: usize, column: &str) -> Result<T, Trouble> {
        let number: i64 = self.get(at, column)?;
        T::try_from(number).map_err(|_| self.wrong(column, format!("is {number}, which is out of range")))
    }

    fn word<T: Copy>(
        &self,
        at: usize,
        column: &str,
        all: &[T],
        word: fn(T) -> &'static str,
    ) -> Result<Option<T>, Trouble> {
        let Some(text) = self.get::<Option<String>>(at, column)? else { return Ok(None) };
        let found = all.iter().find(|one| word(**one) == text).copied();
        let unknown = || self.wrong(column, format!("is `{text}`, which this program does not know"));
        found.map(Some).ok_or_else(unknown)
    }
}

/// A new job's row, by the names of its columns.
#[derive(Serialize)]
pub(super) struct NewRow<'a> {
    id: JobId,
    name: String,
    state: &'static str,
    over: bool,
    term: u64,
    epoch: u64,
    queue: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unique_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<JobId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_task: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_depth: Option<u32>,
    submitted: String,
    /// By when it should begin, if it is free.
    #[serde(skip_serializing_if = "Option::is_none")]
    due: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    once: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parked: Option<String>,
    settled: bool,
    count: u32,
    json: &'a str,
}

impl<'a> NewRow<'a> {
    pub(super) fn new(head: &Head, lines: &'a Lines, term: Term, free: Option<Timestamp>) -> Self {
        let said = |said: &Option<Arc<str>>| said.as_deref().map(text);
        Self {
            id: head.id,
            name: text(&head.name),
            state: state_word(head.state),
            over: head.state.is_over(),
            term: term.0,
            epoch: Epoch::FIRST.0,
            queue: text(&head.queue),
            priority: head.priority.map(priority_word),
            tags: (!head.tags.is_empty()).then(|| head.tags.iter().map(|tag| text(tag)).collect()),
            unique_key: said(&head.unique),
            parent: head.parent.map(|parent| parent.job),
            parent_task: head.parent.map(|parent| parent.task),
            parent_depth: head.parent.map(|parent| parent.depth),
            submitted: moment_text(head.submitted),
            due: free.map(moment_text),
            not_before: head.not_before.map(moment_text),
            ended: head.ended.map(moment_text),
            failure: said(&head.failure),
            once: said(&head.once),
            parked: said(&head.parked),
            settled: head.settled,
            count: lines.count,
            json: &lines.json,
        }
    }
}

/// A moment as PostgreSQL reads it from a text.
pub(super) fn moment_text(moment: Timestamp) -> String {
    if Moment(moment).is_beyond() { "infinity".to_owned() } else { moment.to_string() }
}
