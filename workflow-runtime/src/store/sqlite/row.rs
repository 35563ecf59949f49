//! A head as a row, and a row as a head.

use std::sync::Arc;

use rusqlite::types::{FromSql, ValueRef};
use rusqlite::{Row, Statement, params};
use serde::Deserialize;
use serde::de::value::{Error as NotRead, StrDeserializer};

use super::failure::Trouble;
use crate::job_id::JobId;
use crate::record::Parent;
use crate::state::JobState;
use crate::store::words::{PRIORITIES, priority_word, state_word};
use crate::store::{Head, StoreError, StoreErrorKind, Term};
use crate::timestamp::Timestamp;

/// What makes a job a dead letter, as the index `dead` has it.
pub(super) const DEAD: &str =
    "settled = 0 AND parent IS NULL AND over = 1 AND state IN ('failed', 'expired')";

/// The columns that [`found`] reads.
pub(super) const COLUMNS: &str = "heads.id, heads.number, heads.name, heads.state, heads.queue, heads.priority, heads.tags, \
     heads.unique_key, heads.parent, heads.parent_task, heads.parent_depth, heads.submitted, heads.not_before, \
     heads.ended, heads.failure, heads.over, heads.last, heads.epoch, heads.once, heads.parked, heads.settled";

pub(super) const INSERT: &str = "INSERT INTO heads (number, last, id, name, state, over, epoch, term, ended, failure, queue, priority, \
     tags, unique_key, parent, parent_task, parent_depth, submitted, not_before, once, parked, settled) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
     ON CONFLICT (id) DO NOTHING";

/// Writes a row by [`INSERT`], unless there is one of this id.
pub(super) fn insert(
    statement: &mut Statement<'_>,
    head: &Head,
    number: i64,
    last: Option<i64>,
    epoch: i64,
    term: Term,
) -> Result<bool, rusqlite::Error> {
    let tags =
        (!head.tags.is_empty()).then(|| serde_json::Value::from_iter(head.tags.iter().map(|tag| &**tag)));
    let rows = statement.execute(params![
        number,
        last,
        head.id.to_string(),
        &*head.name,
        state_word(head.state),
        head.state.is_over(),
        epoch,
        i64::try_from(term.0).unwrap_or(i64::MAX),
        head.ended.map(|at| at.to_string()),
        head.failure.as_deref(),
        &*head.queue,
        head.priority.map(priority_word),
        tags.map(|tags| tags.to_string()),
        head.unique.as_deref(),
        head.parent.map(|parent| parent.job.to_string()),
        head.parent.map(|parent| parent.task),
        head.parent.map(|parent| parent.depth),
        head.submitted.to_string(),
        head.not_before.map(|at| at.to_string()),
        head.once.as_deref(),
        head.parked.as_deref(),
        head.settled,
    ])?;
    Ok(rows == 1)
}

/// A row of [`COLUMNS`].
pub(super) struct Found {
    pub(super) head: Head,
    pub(super) number: i64,
    pub(super) last: Option<i64>,
    pub(super) epoch: i64,
}

/// Reads a row of [`COLUMNS`].
pub(super) fn found(row: &Row<'_>) -> Result<Found, Trouble> {
    let id = row.get_ref(0)?;
    let shown = || match id {
        ValueRef::Text(text) | ValueRef::Blob(text) => String::from_utf8_lossy(text).into_owned(),
        other => format!("{other:?}"),
    };
    let number: i64 = row.get(1)?;
    let cells = Cells { row, job: &shown, number };
    let submitted: String = cells.get(11, "submitted")?;
    let mut head = Head::new(
        cells.parsed(0, "id")?.ok_or_else(|| cells.wrong("id", "is missing"))?,
        cells.get::<String>(2, "name")?,
        read_time(&submitted)
            .ok_or_else(|| cells.wrong("submitted", format!("is `{submitted}`, no time")))?,
    );
    head.state = cells
        .word(3, "state", JobState::ALL, state_word)?
        .ok_or_else(|| cells.wrong("state", "is missing"))?;
    if head.state.is_over() != cells.get::<bool>(15, "over")? {
        return Err(cells.wrong("over", format!("does not fit the state `{}`", state_word(head.state))));
    }
    head.queue = Arc::from(cells.get::<String>(4, "queue")?);
    head.priority = cells.word(5, "priority", PRIORITIES, priority_word)?;
    head.tags = match cells.get::<Option<String>>(6, "tags")? {
        Some(tags) => serde_json::from_str(&tags)
            .map_err(|error| cells.wrong("tags", format!("is `{tags}`, no array of texts: {error}")))?,
        None => Vec::new(),
    };
    head.unique = cells.get::<Option<String>>(7, "unique_key")?.map(Arc::from);
    head.parent = match cells.parsed(8, "parent")? {
        Some(job) => {
            let (task, depth) = (cells.get(9, "parent_task")?, cells.get(10, "parent_depth")?);
            Some(Parent { job, task, depth })
        }
        None => None,
    };
    head.not_before = cells.time(12, "not_before")?;
    head.ended = cells.time(13, "ended")?;
    head.failure = cells.get::<Option<String>>(14, "failure")?.map(Arc::from);
    head.once = cells.get::<Option<String>>(18, "once")?.map(Arc::from);
    head.parked = cells.get::<Option<String>>(19, "parked")?.map(Arc::from);
    head.settled = cells.get(20, "settled")?;
    Ok(Found { head, number, last: cells.get(16, "last")?, epoch: cells.get(17, "epoch")? })
}

/// The cells of one row, and how to name it.
struct Cells<'a> {
    row: &'a Row<'a>,
    job: &'a dyn Fn() -> String,
    number: i64,
}

impl Cells<'_> {
    fn wrong(&self, column: &str, what: impl std::fmt::Display) -> Trouble {
        let (job, number) = ((self.job)(), self.number);
        let message = format!("job {job}: row {number} of the table `heads`: `{column}` {what}");
        StoreError::new(StoreErrorKind::Corrupt, message).into()
    }

    fn get<T: FromSql>(&self, at: usize, column: &str) -> Result<T, Trouble> {
        self.row.get(at).map_err(|error| self.wrong(column, format!("cannot be read: {error}")))
    }

    fn parsed(&self, at: usize, column: &str) -> Result<Option<JobId>, Trouble> {
        let text: Option<String> = self.get(at, column)?;
        text.map(|text| text.parse().map_err(|error| self.wrong(column, error))).transpose()
    }

    fn time(&self, at: usize, column: &str) -> Result<Option<Timestamp>, Trouble> {
        let text: Option<String> = self.get(at, column)?;
        let read = |text: String| {
            read_time(&text).ok_or_else(|| self.wrong(column, format!("is `{text}`, no time")))
        };
        text.map(read).transpose()
    }

    fn word<T: Copy>(
        &self,
        at: usize,
        column: &str,
        all: &[T],
        word: fn(T) -> &'static str,
    ) -> Result<Option<T>, Trouble> {
        let text: Option<String> = self.get(at, column)?;
        let known = |text: String| {
            let found = all.iter().find(|one| word(**one) == text).copied();
            found.ok_or_else(|| self.wrong(column, format!("is `{text}`, which this program does not know")))
        };
        text.map(known).transpose()
    }
}

fn read_time(text: &str) -> Option<Timestamp> {
    Timestamp::deserialize(StrDeserializer::<NotRead>::new(text)).ok()
}
