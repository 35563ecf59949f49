//! New jobs in a transaction of the user's own, in the same file.

use std::fs;

use rusqlite::{Connection, OptionalExtension, params};

use super::failure::Trouble;
use super::notes::taker;
use super::overlay::{Late, Overlay};
use super::store::SqliteStore;
use super::sweep::head_text;
use super::young::News;
use crate::job_id::JobId;
use crate::state::JobState;
use crate::store::{Epoch, Head, StoreError, StoreErrorKind, Term, Verdict, Within};

/// Who holds a job that was written so: nobody, until a runtime takes it over.
const NOBODY: Term = Term(0);

impl SqliteStore {
    /// Writes a new job inside a transaction that somebody else began on this file; he commits it, or not.
    pub(crate) fn write_within(&self, connection: &Connection, new: &Within) -> Result<Verdict, StoreError> {
        let wrong = |what: &str| {
            let message = format!("{}: {what}", self.path().display());
            StoreError::new(StoreErrorKind::Foreign, message)
        };
        if connection.is_autocommit() {
            return Err(wrong(
                "no transaction was begun on this connection; begin one, and commit it after this",
            ));
        }
        let own = connection.path().and_then(|path| fs::canonicalize(path).ok());
        if own.as_deref() != Some(self.path()) {
            let other = connection.path().filter(|path| !path.is_empty()).unwrap_or("a database in memory");
            return Err(wrong(&format!("the connection is one to {other}; open one to this file")));
        }
        self.written_within(connection, new).map_err(|trouble| trouble.of(self.path(), "cannot be written"))
    }

    fn written_within(&self, connection: &Connection, new: &Within) -> Result<Verdict, Trouble> {
        let Within { head, lines, note, .. } = new;
        if let Some((topic, name, text)) = note {
            let mut keep = connection.prepare_cached(
                "INSERT OR IGNORE INTO notes (topic, name, version, text) VALUES (?, ?, 1, ?)",
            )?;
            keep.execute([*topic, &**name, &**text])?;
        }
        // From here on, nobody else writes: what is heard now is all there is.
        connection.execute("UPDATE swept SET entry = entry", [])?;
        let overlay = Overlay::new(connection, self.hear())?;
        let taken = head.once.as_ref().map(|once| taker(connection, once)).transpose()?.flatten();
        if let Some(other) = taken.map_or_else(|| who_has(connection, &overlay, head), |job| Ok(Some(job)))? {
            return Ok(Verdict::Taken(other));
        }
        if let Some(once) = &head.once {
            let mut take = connection.prepare_cached("INSERT INTO taken (once, job) VALUES (?, ?)")?;
            take.execute(params![&**once, head.id.to_string()])?;
        }
        let mut row = connection.prepare_cached(
            "INSERT INTO lines (entry, job, before, first, count, json, head) \
             SELECT next, next, NULL, 0, ?, ?, ? FROM (SELECT 1 + max((SELECT entry FROM swept), \
             (SELECT coalesce(max(entry), 0) FROM lines), (SELECT coalesce(max(number), 0) FROM heads)) AS next)",
        )?;
        row.execute(params![lines.count, lines.json, head_text(head, NOBODY)?])?;
        Ok(Verdict::Written(Epoch::FIRST))
    }
}

/// The job that is not over and has this job's key.
fn who_has(connection: &Connection, overlay: &Overlay, head: &Head) -> Result<Option<JobId>, Trouble> {
    let Some(key) = &head.unique else { return Ok(None) };
    let has_it = |other: &Head| {
        !other.state.is_over() && other.name == head.name && other.unique.as_ref() == Some(key)
    };
    if let Some(other) = overlay.new_heads().find(|other| has_it(other)) {
        return Ok(Some(other.id));
    }
    let mut find = connection.prepare_cached(
        "SELECT id, number FROM heads INDEXED BY keys \
         WHERE name = ? AND unique_key = ? AND unique_key IS NOT NULL AND over = 0",
    )?;
    let found: Option<(String, i64)> =
        find.query_row([&*head.name, &**key], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let is_over = |late: &Late| match &late.news {
        News::Changed(change) => JobState::is_over(change.state),
        _ => false,
    };
    let found = found.filter(|(_, number)| !overlay.of(*number).is_some_and(is_over));
    Ok(found.and_then(|(id, _)| id.parse().ok()))
}
