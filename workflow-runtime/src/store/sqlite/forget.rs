//! Forgetting jobs, and giving back the room that they took.

use rusqlite::Connection;

use super::chain;
use super::failure::Trouble;
use super::writer::Writer;
use crate::job_id::JobId;
use crate::timestamp::Timestamp;

/// How many pages are given back at once: some milliseconds.
const AT_ONCE: u32 = 2000;

impl Writer {
    pub(super) fn forget(&mut self, ended_before: Timestamp, limit: usize) -> Result<Vec<JobId>, Trouble> {
        let tails = self.tails.clone();
        let gone = self.transact(|connection, known| {
            let gone = forgettable(connection, ended_before, limit)?;
            let mut job = connection.prepare_cached("DELETE FROM jobs WHERE number = ?")?;
            for (id, number, last) in &gone {
                chain::delete(connection, *number, tails.last(*number, *last))?;
                job.execute([number])?;
                known.forget(*id, *number);
            }
            Ok(gone)
        })?;
        self.give_back()?;
        Ok(gone.into_iter().map(|(id, ..)| id).collect())
    }

    /// Makes the file smaller, a little, if much of it is empty. What is empty otherwise is soon full again.
    fn give_back(&mut self) -> Result<(), Trouble> {
        self.transact(|connection, _| {
            let number =
                |sql: &str| connection.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0));
            let (free, all) = (number("PRAGMA freelist_count")?, number("PRAGMA page_count")?);
            if free > all / 4 {
                // A step of this statement gives back one page.
                let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({AT_ONCE})"))?;
                let mut rows = statement.query([])?;
                while rows.next()?.is_some() {}
            }
            Ok(())
        })
    }
}

/// Jobs that are over, those that ended first before the others, but for those whose parent is not over.
fn forgettable(
    connection: &Connection,
    ended_before: Timestamp,
    limit: usize,
) -> Result<Vec<(JobId, i64, Option<i64>)>, Trouble> {
    let mut statement = connection.prepare_cached(
        "SELECT id, number, last FROM jobs INDEXED BY ended WHERE over = 1 AND ended < ? AND NOT EXISTS \
         (SELECT 1 FROM jobs AS above WHERE above.id = jobs.parent AND above.over = 0) \
         ORDER BY ended LIMIT ?",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query((ended_before.to_string(), limit))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let id: String = row.get(0)?;
        // An id that is none is nobody's to be told of; the row goes all the same.
        let id = id.parse().unwrap_or(JobId::from_u128(0));
        found.push((id, row.get(1)?, row.get(2)?));
    }
    Ok(found)
}
