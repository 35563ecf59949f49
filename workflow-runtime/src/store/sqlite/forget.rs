//! Forgetting jobs, and giving back the room that they took.

use rusqlite::{Connection, OptionalExtension, params};

use super::chain;
use super::failure::Trouble;
use super::row::DEAD;
use super::writer::Writer;
use crate::job_id::JobId;
use crate::store::Expiry;

/// How many pages are given back at once: some milliseconds.
const AT_ONCE: u32 = 2000;

impl Writer {
    pub(super) fn forget(&mut self, jobs: &[JobId]) -> Result<Vec<JobId>, Trouble> {
        let gone = self.transact(|connection, known| {
            known.sweep(connection)?;
            let mut find = connection.prepare_cached(
                "SELECT number, last FROM heads WHERE id = ? AND over = 1 AND NOT EXISTS \
                 (SELECT 1 FROM heads AS above WHERE above.id = heads.parent AND above.over = 0)",
            )?;
            let mut delete = connection.prepare_cached("DELETE FROM heads WHERE number = ?")?;
            let mut gone = Vec::new();
            for job in jobs {
                let found = find.query_row([job.to_string()], |row| Ok((row.get(0)?, row.get(1)?)));
                let Some((number, last)) = found.optional()? else { continue };
                chain::delete(connection, number, last)?;
                delete.execute([number])?;
                known.jobs.remove(job);
                gone.push(*job);
            }
            Ok(gone)
        })?;
        self.give_back()?;
        Ok(gone)
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

/// Jobs that a rule lets go, of each name those that ended first.
pub(super) fn expired(connection: &Connection, rule: &Expiry) -> Result<Vec<JobId>, Trouble> {
    let mut found = Vec::new();
    match &rule.name {
        Some(name) if rule.but.contains(name) => {}
        Some(name) => expired_of(connection, rule, name, &mut found)?,
        None => {
            // From name to name, without looking at the jobs between.
            let mut next = connection.prepare_cached(
                "SELECT name FROM heads INDEXED BY ended WHERE over = 1 AND name > ? ORDER BY name LIMIT 1",
            )?;
            let mut last = String::new();
            while found.len() < rule.limit
                && let Some(name) = next.query_row([&last], |row| row.get::<_, String>(0)).optional()?
            {
                if !rule.but.iter().any(|other| **other == *name) {
                    expired_of(connection, rule, &name, &mut found)?;
                }
                last = name;
            }
        }
    }
    Ok(found)
}

fn expired_of(
    connection: &Connection,
    rule: &Expiry,
    name: &str,
    found: &mut Vec<JobId>,
) -> Result<(), Trouble> {
    let beyond = rule.beyond.map(|most| first_beyond(connection, name, most)).transpose()?.flatten();
    let before = rule.ended_before.map(|moment| moment.to_string());
    let letters = if rule.letters { "1".to_owned() } else { format!("NOT ({DEAD})") };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT id FROM heads INDEXED BY ended WHERE over = 1 AND name = ?1 AND ended <= ?2 \
         AND (ended < ?3 OR (ended, id) <= (?4, ?5)) AND {letters} AND NOT EXISTS \
         (SELECT 1 FROM heads AS above WHERE above.id = heads.parent AND above.over = 0) \
         ORDER BY ended, id LIMIT ?6"
    ))?;
    let (at, id) = beyond.unwrap_or_default();
    let latest = before.clone().unwrap_or_default().max(at.clone());
    let limit = i64::try_from(rule.limit.saturating_sub(found.len())).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![name, latest, before, at, id, limit])?;
    while let Some(row) = rows.next()? {
        // An id that is none is nobody's to be told of.
        found.extend(row.get::<_, String>(0)?.parse::<JobId>());
    }
    Ok(())
}

/// The last job, by when it ended, of those that ended before so many others.
fn first_beyond(
    connection: &Connection,
    name: &str,
    most: usize,
) -> Result<Option<(String, String)>, Trouble> {
    let mut statement = connection.prepare_cached(
        "SELECT ended, id FROM heads INDEXED BY ended WHERE over = 1 AND name = ? \
         ORDER BY ended DESC, id DESC LIMIT 1 OFFSET ?",
    )?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    Ok(statement.query_row(params![name, most], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}
