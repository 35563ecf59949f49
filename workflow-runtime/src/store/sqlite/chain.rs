//! The lines of one job: rows that name one another, from the last to the first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension, Row};

use super::failure::Trouble;
use crate::job_id::JobId;
use crate::store::{Lines, StoreError, StoreErrorKind};

/// Where the lines of a job end, by its number, as long as its row does not say so. Who writes puts in what is committed;
/// who reads asks before his snapshot begins, so that what he is told is in it.
#[derive(Debug, Clone, Default)]
pub(super) struct Tails(Arc<Mutex<HashMap<i64, i64>>>);

impl Tails {
    pub(super) fn all(&self) -> MutexGuard<'_, HashMap<i64, i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last row, if the job's own row names `last`.
    pub(super) fn last(&self, job: i64, last: Option<i64>) -> Option<i64> {
        self.all().get(&job).copied().max(last)
    }
}

/// One row of them.
struct Link {
    job: i64,
    before: Option<i64>,
    first: i64,
    count: u32,
}

impl Link {
    fn of(row: &Row<'_>) -> Result<Self, rusqlite::Error> {
        Ok(Self { job: row.get(0)?, before: row.get(1)?, first: row.get(2)?, count: row.get(3)? })
    }
}

/// All lines of a job, as they follow one another.
pub(super) fn lines_of(
    connection: &Connection,
    job: JobId,
    number: i64,
    last: Option<i64>,
) -> Result<Vec<Lines>, Trouble> {
    let mut statement =
        connection.prepare_cached("SELECT job, before, first, count, json FROM lines WHERE entry = ?")?;
    let (mut all, mut next, mut end) = (Vec::new(), last, None);
    while let Some(entry) = next {
        let wrong = |what: &dyn std::fmt::Display| {
            let message = format!("job {job}: row {entry} of the table `lines`: {what}");
            Trouble::from(StoreError::new(StoreErrorKind::Corrupt, message))
        };
        let mut rows = statement.query([entry])?;
        let row = rows.next()?.ok_or_else(|| wrong(&"it is missing"))?;
        let link = Link::of(row).map_err(|error| wrong(&error))?;
        if link.job != number {
            return Err(wrong(&format!("it belongs to the job in row {}", link.job)));
        }
        let own_end = link.first.saturating_add(i64::from(link.count));
        if end.is_some_and(|end| end != own_end) {
            return Err(wrong(&format!(
                "it ends before record {own_end}, and what follows it does not begin there"
            )));
        }
        if link.before.is_none() != (link.first == 0) || link.before.is_some_and(|before| before >= entry) {
            return Err(wrong(&format!(
                "it begins with record {}, and what is before it is not",
                link.first
            )));
        }
        all.push(Lines { count: link.count, json: row.get(4).map_err(|error| wrong(&error))? });
        (next, end) = (link.before, Some(link.first));
    }
    all.reverse();
    Ok(all)
}

/// How many records there are up to a row of lines.
pub(super) fn count(connection: &Connection, last: Option<i64>) -> Result<i64, Trouble> {
    let Some(last) = last else { return Ok(0) };
    let mut statement = connection.prepare_cached("SELECT first + count FROM lines WHERE entry = ?")?;
    Ok(statement.query_row([last], |row| row.get(0)).optional()?.unwrap_or(0))
}

/// Deletes the lines of a job.
pub(super) fn delete(connection: &Connection, number: i64, last: Option<i64>) -> Result<(), Trouble> {
    let mut find = connection.prepare_cached("SELECT before FROM lines WHERE entry = ? AND job = ?")?;
    let mut delete = connection.prepare_cached("DELETE FROM lines WHERE entry = ?")?;
    let mut next = last;
    // What is damaged ends it early; those rows stay, and nobody asks for them.
    while let Some(entry) = next
        && let Some(before) =
            find.query_row([entry, number], |row| row.get::<_, Option<i64>>(0)).optional()?
    {
        delete.execute([entry])?;
        next = before.filter(|before| *before < entry);
    }
    Ok(())
}

/// Writes into each job's row where its lines end, as far as that is known only from the lines.
pub(super) fn recover(connection: &Connection) -> Result<(), Trouble> {
    connection.execute_batch(
        "UPDATE jobs SET last = found.entry FROM \
         (SELECT job, max(entry) AS entry FROM lines WHERE entry > (SELECT entry FROM swept) GROUP BY job) AS found \
         WHERE jobs.number = found.job AND coalesce(jobs.last, 0) < found.entry; \
         UPDATE swept SET entry = max(entry, (SELECT coalesce(max(entry), 0) FROM lines));",
    )?;
    Ok(())
}

/// Writes into jobs' rows where their lines end; after that, it is right up to the row `swept`.
pub(super) fn sweep(connection: &Connection, tails: &HashMap<i64, i64>, swept: i64) -> Result<(), Trouble> {
    let mut tails: Vec<(i64, i64)> = tails.iter().map(|(job, last)| (*job, *last)).collect();
    // Those that lie beside one another are written one after the other.
    tails.sort_unstable();
    let mut statement =
        connection.prepare_cached("UPDATE jobs SET last = ? WHERE number = ? AND coalesce(last, 0) < ?")?;
    for (job, last) in tails {
        statement.execute([last, job, last])?;
    }
    connection.prepare_cached("UPDATE swept SET entry = ?")?.execute([swept])?;
    Ok(())
}
