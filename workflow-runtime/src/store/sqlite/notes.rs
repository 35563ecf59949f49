//! What is kept beside the jobs: notes, and who has taken which key for ever.

use rusqlite::{Connection, OptionalExtension, params};

use super::failure::Trouble;
use crate::job_id::JobId;
use crate::store::{Note, StoreError, StoreErrorKind, Verdict};

pub(super) fn write(
    connection: &Connection,
    topic: &str,
    name: &str,
    text: Option<&str>,
    was: Option<u64>,
) -> Result<Verdict, Trouble> {
    let mut find = connection.prepare_cached("SELECT version FROM notes WHERE topic = ? AND name = ?")?;
    let found: Option<i64> = find.query_row([topic, name], |row| row.get(0)).optional()?;
    let version = u64::try_from(found.unwrap_or(0)).unwrap_or(0);
    if was.is_some_and(|was| was != version) {
        return Ok(Verdict::Differs(version));
    }
    let next = version.saturating_add(1);
    let mut write = connection
        .prepare_cached("INSERT OR REPLACE INTO notes (topic, name, version, text) VALUES (?, ?, ?, ?)")?;
    write.execute(params![topic, name, i64::try_from(next).unwrap_or(i64::MAX), text])?;
    Ok(Verdict::Noted(next))
}

pub(super) fn read(connection: &Connection, topic: &str) -> Result<Vec<Note>, Trouble> {
    let mut statement = connection.prepare_cached(
        "SELECT name, text, version FROM notes WHERE topic = ? AND text IS NOT NULL ORDER BY name",
    )?;
    let mut rows = statement.query([topic])?;
    let mut notes = Vec::new();
    while let Some(row) = rows.next()? {
        let (name, text): (String, String) = (row.get(0)?, row.get(1)?);
        let version = u64::try_from(row.get::<_, i64>(2)?).unwrap_or(0);
        notes.push(Note { name: name.into(), text: text.into(), version });
    }
    Ok(notes)
}

/// Who has taken a key for ever.
pub(super) fn taker(connection: &Connection, once: &str) -> Result<Option<JobId>, Trouble> {
    let mut statement = connection.prepare_cached("SELECT job FROM taken WHERE once = ?")?;
    let job: Option<String> = statement.query_row([once], |row| row.get(0)).optional()?;
    let parsed = |job: String| {
        job.parse().map_err(|error| {
            let message = format!("the table `taken`: key `{once}`: `{job}` {error}");
            Trouble::from(StoreError::new(StoreErrorKind::Corrupt, message))
        })
    };
    job.map(parsed).transpose()
}
