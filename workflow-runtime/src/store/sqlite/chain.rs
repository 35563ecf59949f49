//! The lines of one job: rows that name one another, from the last to the first.

use rusqlite::{Connection, OptionalExtension, Row};

use super::failure::Trouble;
use crate::job_id::JobId;
use crate::store::{Lines, StoreError, StoreErrorKind};

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
        if (link.before.is_none() && link.first != 0) || link.before.is_some_and(|before| before >= entry) {
            return Err(wrong(&format!(
                "it begins with record {}, and what is before it is not",
                link.first
            )));
        }
        if link.count > 0 {
            all.push(Lines { count: link.count, json: row.get(4).map_err(|error| wrong(&error))? });
        }
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
