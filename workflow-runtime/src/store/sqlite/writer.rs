//! The connection that writes, and what it knows of the file without asking.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};

use super::batch::Batch;
use super::chain::{count, lines_of};
use super::failure::Trouble;
use super::forget;
use super::row::{self, COLUMNS, Found};
use super::sweep::{recover, sweep};
use super::young::{ById, Held, News, Young};
use crate::job_id::JobId;
use crate::store::{Claimed, Entry, Epoch, Expiry, Kept, Term, Verdict};
use crate::timestamp::Timestamp;

/// How many jobs are kept in mind: what is beyond is asked for again.
const IN_MIND: usize = 100_000;

#[derive(Debug)]
pub(super) struct Writer {
    connection: Connection,
    known: Known,
    young: Young,
    /// After how many rows of lines the jobs' own rows are brought up to date.
    sweep_after: i64,
}

/// What is known of the file. It is the truth as long as nobody else writes, which SQLite counts.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// SQLite's count of what others have written.
    version: Option<i64>,
    /// The terms that are not over.
    pub(super) living: Vec<Term>,
    /// Jobs, with what is not in their rows; of others as many as there is room for.
    pub(super) jobs: ById<Held>,
    /// Who has a key, of the jobs that have no row.
    pub(super) keys: HashMap<(Arc<str>, Arc<str>), JobId>,
    /// The jobs of which something is written and not committed.
    pub(super) touched: Vec<JobId>,
    /// What is not committed has brought all rows up to date.
    is_swept: bool,
    /// No job below is to be claimed: only `begin` leaves jobs that nobody holds. `None`: there is none at all.
    unheld_from: Option<JobId>,
    /// The row of lines that comes next, and the one up to which the jobs' rows are up to date.
    pub(super) next: i64,
    swept: i64,
}

impl Writer {
    pub(super) fn new(connection: Connection, young: Young, sweep_after: u32) -> Result<Self, Trouble> {
        let sweep_after = i64::from(sweep_after);
        let mut writer = Self { connection, known: Known::default(), young, sweep_after };
        writer.transact(|_, _| Ok(()))?;
        Ok(writer)
    }

    /// Does it as a whole or not at all; the connection can be used afterwards either way.
    pub(super) fn transact<T>(
        &mut self,
        body: impl FnOnce(&Connection, &mut Known) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let Self { connection, known, young, .. } = self;
        if !connection.is_autocommit() {
            // Whoever was here before did not come back.
            *known = Known::default();
            connection.execute_batch("ROLLBACK")?;
        }
        let run = |sql: &str| connection.prepare_cached(sql)?.execute([]).map_err(Trouble::from);
        run("BEGIN IMMEDIATE")?;
        let done = known.look(connection).and_then(|()| body(connection, known));
        let done = done.and_then(|value| run("COMMIT").map(|_| value));
        if done.is_ok() {
            known.tell(young);
        } else {
            *known = Known::default();
            if !connection.is_autocommit() {
                // If it cannot be rolled back now, the next one tries.
                let _ = connection.execute_batch("ROLLBACK");
            }
        }
        done
    }

    pub(super) fn begin(&mut self, node: &str) -> Result<Term, Trouble> {
        self.transact(|connection, known| {
            let last = known.living.iter().map(|term| term.0).max().unwrap_or(0);
            let begun = Timestamp::now().to_string();
            let mut statement = connection
                .prepare_cached("INSERT OR REPLACE INTO terms (node, term, begun) VALUES (?, ?, ?)")?;
            statement.execute(params![node, number(last + 1), begun])?;
            known.learn_terms(connection)?;
            // Whoever claims finds all there is to know in the rows of the jobs.
            known.sweep(connection)?;
            Ok(Term(last + 1))
        })
    }

    pub(super) fn write(&mut self, entries: &[Entry]) -> Result<Vec<Verdict>, Trouble> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let sweep_after = self.sweep_after;
        self.transact(|connection, known| {
            if known.next - known.swept > sweep_after {
                known.sweep(connection)?;
            }
            let mut batch = Batch::new(connection, known)?;
            entries.iter().map(|entry| batch.enter(entry)).collect()
        })
    }

    /// `None` when the term is over.
    pub(super) fn claim(&mut self, term: Term, limit: usize) -> Result<Option<Vec<Claimed>>, Trouble> {
        self.transact(|connection, known| {
            if !known.living.contains(&term) {
                return Ok(None);
            }
            let Some(from) = known.unheld_from.filter(|_| limit > 0) else { return Ok(Some(Vec::new())) };
            let found = unheld(connection, from, limit)?;
            known.unheld_from = found.last().filter(|_| found.len() >= limit).map(|last| last.kept.head.id);
            let mut take =
                connection.prepare_cached("UPDATE heads SET term = ?, epoch = ? WHERE number = ?")?;
            let mut claimed = Vec::with_capacity(found.len());
            for Unheld { kept, job, epoch } in found {
                let epoch = epoch.saturating_add(1);
                take.execute(params![number(term.0), epoch, job])?;
                known.jobs.remove(&kept.head.id);
                claimed.push(Claimed { epoch: Epoch(epoch_of(epoch)), kept });
            }
            Ok(Some(claimed))
        })
    }

    pub(super) fn expired(&mut self, rule: &Expiry) -> Result<Vec<JobId>, Trouble> {
        self.transact(|connection, known| {
            known.sweep(connection)?;
            forget::expired(connection, rule)
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // What is not in the jobs' rows is found again.
        if !self.young.all().jobs.is_empty() {
            let _ = self.transact(|connection, known| known.sweep(connection));
        }
    }
}

impl Known {
    /// Forgets everything, if somebody else has written to the file.
    fn look(&mut self, connection: &Connection) -> Result<(), Trouble> {
        let version = connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        if self.version != Some(version) {
            *self = Self { version: Some(version), is_swept: true, ..Self::default() };
            self.learn_terms(connection)?;
            recover(connection)?;
            (self.swept, self.next) = connection.query_row(
                "SELECT entry, max(entry, (SELECT coalesce(max(number), 0) FROM heads)) FROM swept",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            self.next = self.next.saturating_add(1);
        }
        if self.jobs.len() > IN_MIND {
            self.jobs.retain(|_, held| !matches!(held.news, News::None));
        }
        Ok(())
    }

    fn learn_terms(&mut self, connection: &Connection) -> Result<(), Trouble> {
        let mut statement = connection.prepare_cached("SELECT term FROM terms")?;
        let terms = statement.query_map([], |row| row.get::<_, i64>(0))?;
        self.living = terms.map(|term| term.map(|term| Term(epoch_of(term)))).collect::<Result<_, _>>()?;
        self.unheld_from = Some(JobId::from_u128(0));
        Ok(())
    }

    /// Brings the jobs' rows up to date.
    pub(super) fn sweep(&mut self, connection: &Connection) -> Result<(), Trouble> {
        if self.swept == self.next - 1 {
            return Ok(());
        }
        self.swept = self.next - 1;
        sweep(connection, &mut self.jobs, self.swept)?;
        self.jobs.retain(|_, held| !held.over);
        self.keys.clear();
        self.is_swept = true;
        Ok(())
    }

    /// Tells those who read what is committed.
    fn tell(&mut self, young: &Young) {
        let mut young = young.all();
        (young.told, young.swept) = (self.next - 1, self.swept);
        let young = &mut young.jobs;
        if std::mem::take(&mut self.is_swept) {
            young.clear();
        }
        for job in self.touched.drain(..) {
            match self.jobs.get(&job) {
                Some(held) if !matches!(held.news, News::None) => drop(young.insert(job, held.clone())),
                _ => drop(young.remove(&job)),
            }
        }
    }

    pub(super) fn held(&mut self, connection: &Connection, job: JobId) -> Result<Option<&mut Held>, Trouble> {
        match self.jobs.entry(job) {
            Slot::Occupied(known) => Ok(Some(known.into_mut())),
            Slot::Vacant(unknown) => Ok(look_up(connection, job)?.map(|held| unknown.insert(held))),
        }
    }
}

fn look_up(connection: &Connection, job: JobId) -> Result<Option<Held>, Trouble> {
    let mut statement =
        connection.prepare_cached("SELECT number, last, term, epoch, over FROM heads WHERE id = ?")?;
    let held = statement.query_row([job.to_string()], |row| {
        let (term, over) = (Term(epoch_of(row.get(2)?)), row.get(4)?);
        let (number, last, epoch) = (row.get(0)?, row.get(1)?, row.get(3)?);
        Ok(Held { number, last, count: 0, term, epoch, over, news: News::None })
    });
    let Some(mut held) = held.optional()? else { return Ok(None) };
    held.count = count(connection, held.last)?;
    Ok(Some(held))
}

/// A job that nobody holds.
struct Unheld {
    kept: Kept,
    job: i64,
    epoch: i64,
}

/// The jobs that nobody holds, from an id on. One of which not all can be read is
/// left out, and the log says so: the others go on.
fn unheld(connection: &Connection, from: JobId, limit: usize) -> Result<Vec<Unheld>, Trouble> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM heads INDEXED BY unfinished \
         WHERE over = 0 AND id >= ? AND term NOT IN (SELECT term FROM terms) ORDER BY id",
    ))?;
    let mut rows = statement.query([from.to_string()])?;
    let mut found = Vec::new();
    while found.len() < limit
        && let Some(row) = rows.next()?
    {
        let read = row::found(row).and_then(|Found { head, number, last, epoch }| {
            let lines = lines_of(connection, head.id, number, last)?;
            Ok(Unheld { kept: Kept { head, lines }, job: number, epoch })
        });
        match read {
            Ok(job) => found.push(job),
            Err(trouble) => {
                let what = trouble.corrupt()?;
                tracing::error!("a job is not taken over, for it cannot be read: {what}");
            }
        }
    }
    Ok(found)
}

pub(super) fn number(term: u64) -> i64 {
    i64::try_from(term).unwrap_or(i64::MAX)
}

pub(super) fn epoch_of(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
