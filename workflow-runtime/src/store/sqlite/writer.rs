//! The connection that writes, and what it knows of the file without asking.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::failure::Trouble;
use super::reader::lines_of;
use super::row::{self, COLUMNS, state_word};
use crate::job_id::JobId;
use crate::store::{Change, Claimed, Entry, Epoch, Head, Kept, Lines, Term, Verdict};
use crate::timestamp::Timestamp;

/// How many jobs are kept in mind: what is beyond is asked for again.
const IN_MIND: usize = 100_000;

#[derive(Debug)]
pub(super) struct Writer {
    connection: Connection,
    known: Known,
}

/// What is known of the file. It is the truth as long as nobody else writes, which SQLite counts.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// SQLite's count of what others have written.
    version: Option<i64>,
    /// The terms that are not over.
    living: Vec<Term>,
    jobs: HashMap<JobId, Held>,
    /// No job below is to be claimed: only `begin` leaves jobs that nobody holds. `None`: there is none at all.
    unheld_from: Option<JobId>,
}

/// What a verdict on more lines needs.
#[derive(Debug, Clone, Copy)]
struct Held {
    number: i64,
    term: Term,
    epoch: i64,
    count: i64,
    over: bool,
}

impl Writer {
    pub(super) fn new(connection: Connection) -> Result<Self, Trouble> {
        let mut writer = Self { connection, known: Known::default() };
        writer.transact(|_, _| Ok(()))?;
        Ok(writer)
    }

    /// Does it as a whole or not at all; the connection can be used afterwards either way.
    pub(super) fn transact<T>(
        &mut self,
        body: impl FnOnce(&Connection, &mut Known) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let Self { connection, known } = self;
        if !connection.is_autocommit() {
            // Whoever was here before did not come back.
            *known = Known::default();
            connection.execute_batch("ROLLBACK")?;
        }
        let run = |sql: &str| connection.prepare_cached(sql)?.execute([]).map_err(Trouble::from);
        run("BEGIN IMMEDIATE")?;
        let done = known.look(connection).and_then(|()| body(connection, known));
        let done = done.and_then(|value| run("COMMIT").map(|_| value));
        if done.is_err() {
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
            Ok(Term(last + 1))
        })
    }

    pub(super) fn write(&mut self, entries: &[Entry]) -> Result<Vec<Verdict>, Trouble> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        self.transact(|connection, known| {
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
                connection.prepare_cached("UPDATE jobs SET term = ?, epoch = ? WHERE number = ?")?;
            let mut claimed = Vec::with_capacity(found.len());
            for Unheld { kept, job, epoch } in found {
                take.execute(params![number(term.0), epoch + 1, job])?;
                known.jobs.remove(&kept.head.id);
                claimed.push(Claimed { epoch: Epoch(epoch_of(epoch + 1)), kept });
            }
            Ok(Some(claimed))
        })
    }
}

impl Known {
    /// Forgets everything, if somebody else has written to the file.
    fn look(&mut self, connection: &Connection) -> Result<(), Trouble> {
        let version = connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        if self.version != Some(version) {
            *self = Self { version: Some(version), ..Self::default() };
            self.learn_terms(connection)?;
        }
        if self.jobs.len() > IN_MIND {
            self.jobs.clear();
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

    pub(super) fn forget(&mut self, job: JobId) {
        self.jobs.remove(&job);
    }

    fn held(&mut self, connection: &Connection, job: JobId) -> Result<Option<&mut Held>, Trouble> {
        match self.jobs.entry(job) {
            Slot::Occupied(known) => Ok(Some(known.into_mut())),
            Slot::Vacant(unknown) => Ok(look_up(connection, job)?.map(|held| unknown.insert(held))),
        }
    }
}

fn look_up(connection: &Connection, job: JobId) -> Result<Option<Held>, Trouble> {
    let mut statement = connection.prepare_cached(
        "SELECT number, term, epoch, over, coalesce((SELECT first + count FROM lines WHERE job = jobs.number \
         ORDER BY entry DESC LIMIT 1), 0) FROM jobs WHERE id = ?",
    )?;
    let held = statement.query_row([job.to_string()], |row| {
        let term = Term(epoch_of(row.get(1)?));
        Ok(Held { number: row.get(0)?, term, epoch: row.get(2)?, over: row.get(3)?, count: row.get(4)? })
    });
    Ok(held.optional()?)
}

/// A transaction that writes entries.
struct Batch<'a> {
    connection: &'a Connection,
    known: &'a mut Known,
    job: CachedStatement<'a>,
    lines: CachedStatement<'a>,
    change: CachedStatement<'a>,
}

impl<'a> Batch<'a> {
    fn new(connection: &'a Connection, known: &'a mut Known) -> Result<Self, Trouble> {
        Ok(Self {
            connection,
            known,
            job: connection.prepare_cached(row::INSERT)?,
            lines: connection
                .prepare_cached("INSERT INTO lines (job, first, count, json) VALUES (?, ?, ?, ?)")?,
            change: connection.prepare_cached(
                "UPDATE jobs SET state = ?, over = ?, ended = ?, failure = ? WHERE number = ?",
            )?,
        })
    }

    fn enter(&mut self, entry: &Entry) -> Result<Verdict, Trouble> {
        match entry {
            Entry::New { head, term, lines } => self.accept(head, *term, lines),
            Entry::More { job, epoch, first, lines, change } => {
                self.append(*job, *epoch, *first, lines, change.as_deref())
            }
        }
    }

    fn accept(&mut self, head: &Head, term: Term, lines: &Lines) -> Result<Verdict, Trouble> {
        if !self.known.living.contains(&term) {
            return Ok(Verdict::Stale);
        }
        let over = head.state.is_over();
        // Which is said first matters: who asks twice for a job with a key is to hear that there is the job.
        if let Some(key) = head.unique.as_deref().filter(|_| !over)
            && self.known.held(self.connection, head.id)?.is_none()
            && let Some(other) = self.who_has(&head.name, key)?
        {
            return Ok(Verdict::Taken(other));
        }
        if !row::insert(&mut self.job, head, 1, term)? {
            let held = self.known.held(self.connection, head.id)?;
            return Ok(Verdict::Not { count: held.map_or(0, |held| count_of(held.count)) });
        }
        let number = self.connection.last_insert_rowid();
        self.put(number, 0, lines)?;
        let held = Held { number, term, epoch: 1, count: i64::from(lines.count), over };
        self.known.jobs.insert(head.id, held);
        Ok(Verdict::Written(Epoch(1)))
    }

    fn append(
        &mut self,
        job: JobId,
        epoch: Epoch,
        first: u32,
        lines: &Lines,
        change: Option<&Change>,
    ) -> Result<Verdict, Trouble> {
        let Some(held) = self.known.held(self.connection, job)? else { return Ok(Verdict::Stale) };
        let Held { number, term, count, over, .. } = *held;
        if Epoch(epoch_of(held.epoch)) != epoch || !self.known.living.contains(&term) {
            return Ok(Verdict::Stale);
        }
        if i64::from(first) != count {
            return Ok(Verdict::Not { count: count_of(count) });
        }
        self.put(number, count, lines)?;
        // What is over stays so.
        let change = change.filter(|_| !over);
        if let Some(change) = change {
            self.change.execute(params![
                state_word(change.state),
                change.state.is_over(),
                change.ended.map(|at| at.to_string()),
                change.failure.as_deref(),
                number,
            ])?;
        }
        if let Some(held) = self.known.held(self.connection, job)? {
            held.count += i64::from(lines.count);
            held.over |= change.is_some_and(|change| change.state.is_over());
        }
        Ok(Verdict::Written(epoch))
    }

    fn put(&mut self, job: i64, first: i64, lines: &Lines) -> Result<(), Trouble> {
        if lines.count > 0 {
            self.lines.execute(params![job, first, lines.count, lines.json])?;
        }
        Ok(())
    }

    /// The job that is not over and has this key.
    fn who_has(&self, name: &str, key: &str) -> Result<Option<JobId>, Trouble> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM jobs INDEXED BY keys \
             WHERE name = ? AND unique_key = ? AND unique_key IS NOT NULL AND over = 0",
        ))?;
        let mut rows = statement.query([name, key])?;
        Ok(rows.next()?.map(row::head).transpose()?.map(|(head, _)| head.id))
    }
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
        "SELECT {COLUMNS}, jobs.epoch FROM jobs INDEXED BY unfinished \
         WHERE over = 0 AND id >= ? AND term NOT IN (SELECT term FROM terms) ORDER BY id",
    ))?;
    let mut rows = statement.query([from.to_string()])?;
    let mut found = Vec::new();
    while found.len() < limit
        && let Some(row) = rows.next()?
    {
        let read = row::head(row).and_then(|(head, number)| {
            let lines = lines_of(connection, head.id, number)?;
            Ok(Unheld { kept: Kept { head, lines }, job: number, epoch: row.get(16)? })
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

fn number(term: u64) -> i64 {
    i64::try_from(term).unwrap_or(i64::MAX)
}

fn epoch_of(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn count_of(count: i64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
