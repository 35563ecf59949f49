//! The connection that writes, and what it knows of the file without asking.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::chain::{Tails, count, lines_of, recover, sweep};
use super::failure::Trouble;
use super::row::{self, COLUMNS, Found, state_word};
use crate::job_id::JobId;
use crate::store::{Change, Claimed, Entry, Epoch, Head, Kept, Lines, Term, Verdict};
use crate::timestamp::Timestamp;

/// How many jobs are kept in mind: what is beyond is asked for again.
const IN_MIND: usize = 100_000;

/// After how many rows of lines it is written down where the lines of jobs end: so many are read, at most, when a file
/// is opened that was not closed.
const UNSWEPT: i64 = 100_000;

#[derive(Debug)]
pub(super) struct Writer {
    connection: Connection,
    known: Known,
    pub(super) tails: Tails,
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
    /// The row of lines that comes next, and the one up to which the ends of lines are written down.
    next: i64,
    swept: i64,
    /// Where lines end, of what is not committed yet; `None`, where the job's row says it.
    ends: Vec<(i64, Option<i64>)>,
}

/// What a verdict on more lines needs.
#[derive(Debug, Clone, Copy)]
struct Held {
    number: i64,
    last: Option<i64>,
    term: Term,
    epoch: i64,
    count: i64,
    over: bool,
}

impl Writer {
    pub(super) fn new(connection: Connection, tails: Tails) -> Result<Self, Trouble> {
        let mut writer = Self { connection, known: Known::default(), tails };
        writer.transact(|_, _| Ok(()))?;
        Ok(writer)
    }

    /// Does it as a whole or not at all; the connection can be used afterwards either way.
    pub(super) fn transact<T>(
        &mut self,
        body: impl FnOnce(&Connection, &mut Known) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let Self { connection, known, tails } = self;
        if !connection.is_autocommit() {
            // Whoever was here before did not come back.
            *known = Known::default();
            connection.execute_batch("ROLLBACK")?;
        }
        let run = |sql: &str| connection.prepare_cached(sql)?.execute([]).map_err(Trouble::from);
        run("BEGIN IMMEDIATE")?;
        let done = known.look(connection, tails).and_then(|()| body(connection, known));
        let done = done.and_then(|value| run("COMMIT").map(|_| value));
        if done.is_ok() {
            let mut tails = tails.all();
            for (job, end) in known.ends.drain(..) {
                match end {
                    Some(last) => tails.insert(job, last),
                    None => tails.remove(&job),
                };
            }
        } else {
            *known = Known::default();
            if !connection.is_autocommit() {
                // If it cannot be rolled back now, the next one tries.
                let _ = connection.execute_batch("ROLLBACK");
            }
        }
        done
    }

    /// Writes down where the lines of jobs end, so that whoever opens the file need not look.
    fn sweep(&mut self) -> Result<(), Trouble> {
        let tails = self.tails.clone();
        self.transact(|connection, known| known.sweep(connection, &tails))
    }

    pub(super) fn begin(&mut self, node: &str) -> Result<Term, Trouble> {
        let tails = self.tails.clone();
        self.transact(|connection, known| {
            let last = known.living.iter().map(|term| term.0).max().unwrap_or(0);
            let begun = Timestamp::now().to_string();
            let mut statement = connection
                .prepare_cached("INSERT OR REPLACE INTO terms (node, term, begun) VALUES (?, ?, ?)")?;
            statement.execute(params![node, number(last + 1), begun])?;
            known.learn_terms(connection)?;
            // Whoever claims finds the ends of lines in the rows of the jobs.
            known.sweep(connection, &tails)?;
            Ok(Term(last + 1))
        })
    }

    pub(super) fn write(&mut self, entries: &[Entry]) -> Result<Vec<Verdict>, Trouble> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let tails = self.tails.clone();
        self.transact(|connection, known| {
            if known.next - known.swept > UNSWEPT {
                known.sweep(connection, &tails)?;
            }
            let mut batch = Batch::new(connection, known, &tails)?;
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
                let epoch = epoch.saturating_add(1);
                take.execute(params![number(term.0), epoch, job])?;
                known.jobs.remove(&kept.head.id);
                claimed.push(Claimed { epoch: Epoch(epoch_of(epoch)), kept });
            }
            Ok(Some(claimed))
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // What is not written down is found again.
        if !self.tails.all().is_empty() {
            let _ = self.sweep();
        }
    }
}

impl Known {
    /// Forgets everything, if somebody else has written to the file.
    fn look(&mut self, connection: &Connection, tails: &Tails) -> Result<(), Trouble> {
        let version = connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        if self.version != Some(version) {
            *self = Self { version: Some(version), ..Self::default() };
            self.learn_terms(connection)?;
            recover(connection)?;
            (self.swept, self.next) = connection.query_row(
                "SELECT entry, max(entry, (SELECT coalesce(max(number), 0) FROM jobs)) FROM swept",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            self.next = self.next.saturating_add(1);
            self.ends.extend(tails.all().keys().map(|job| (*job, None)));
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

    fn sweep(&mut self, connection: &Connection, tails: &Tails) -> Result<(), Trouble> {
        let tails = tails.all().clone();
        self.swept = self.next - 1;
        sweep(connection, &tails, self.swept)?;
        self.ends.extend(tails.keys().map(|job| (*job, None)));
        Ok(())
    }

    pub(super) fn forget(&mut self, job: JobId, number: i64) {
        self.jobs.remove(&job);
        self.ends.push((number, None));
    }

    fn held(
        &mut self,
        connection: &Connection,
        tails: &Tails,
        job: JobId,
    ) -> Result<Option<&mut Held>, Trouble> {
        match self.jobs.entry(job) {
            Slot::Occupied(known) => Ok(Some(known.into_mut())),
            Slot::Vacant(unknown) => Ok(look_up(connection, tails, job)?.map(|held| unknown.insert(held))),
        }
    }
}

fn look_up(connection: &Connection, tails: &Tails, job: JobId) -> Result<Option<Held>, Trouble> {
    let mut statement =
        connection.prepare_cached("SELECT number, last, term, epoch, over FROM jobs WHERE id = ?")?;
    let held = statement.query_row([job.to_string()], |row| {
        let (term, over) = (Term(epoch_of(row.get(2)?)), row.get(4)?);
        Ok(Held { number: row.get(0)?, last: row.get(1)?, term, epoch: row.get(3)?, count: 0, over })
    });
    let Some(mut held) = held.optional()? else { return Ok(None) };
    held.last = tails.last(held.number, held.last);
    held.count = count(connection, held.last)?;
    Ok(Some(held))
}

/// A transaction that writes entries.
struct Batch<'a> {
    connection: &'a Connection,
    known: &'a mut Known,
    tails: &'a Tails,
    job: CachedStatement<'a>,
    lines: CachedStatement<'a>,
    change: CachedStatement<'a>,
}

impl<'a> Batch<'a> {
    fn new(connection: &'a Connection, known: &'a mut Known, tails: &'a Tails) -> Result<Self, Trouble> {
        Ok(Self {
            connection,
            known,
            tails,
            job: connection.prepare_cached(row::INSERT)?,
            lines: connection.prepare_cached(
                "INSERT INTO lines (entry, job, before, first, count, json) VALUES (?, ?, ?, ?, ?, ?)",
            )?,
            change: connection.prepare_cached(
                "UPDATE jobs SET last = ?, state = ?, over = ?, ended = ?, failure = ? WHERE number = ?",
            )?,
        })
    }

    fn held(&mut self, job: JobId) -> Result<Option<&mut Held>, Trouble> {
        self.known.held(self.connection, self.tails, job)
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
            && self.held(head.id)?.is_none()
            && let Some(other) = self.who_has(&head.name, key)?
        {
            return Ok(Verdict::Taken(other));
        }
        let (number, last) = (self.known.next, (lines.count > 0).then_some(self.known.next));
        if !row::insert(&mut self.job, head, number, last, 1, term)? {
            let held = self.held(head.id)?;
            return Ok(Verdict::Not { count: held.map_or(0, |held| count_of(held.count)) });
        }
        self.known.next += 1;
        if let Some(entry) = last {
            self.lines.execute(params![entry, number, None::<i64>, 0, lines.count, lines.json])?;
        }
        let held = Held { number, last, term, epoch: 1, count: i64::from(lines.count), over };
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
        let Some(mut held) = self.held(job)?.copied() else { return Ok(Verdict::Stale) };
        if Epoch(epoch_of(held.epoch)) != epoch || !self.known.living.contains(&held.term) {
            return Ok(Verdict::Stale);
        }
        if i64::from(first) != held.count {
            return Ok(Verdict::Not { count: count_of(held.count) });
        }
        if lines.count > 0 {
            let entry = self.known.next;
            self.known.next += 1;
            let Held { number, last, count, .. } = held;
            self.lines.execute(params![entry, number, last, count, lines.count, lines.json])?;
            held.last = Some(entry);
            held.count += i64::from(lines.count);
        }
        // What is over stays so.
        let change = change.filter(|_| !held.over);
        if let Some(change) = change {
            held.over = change.state.is_over();
            self.change.execute(params![
                held.last,
                state_word(change.state),
                held.over,
                change.ended.map(|at| at.to_string()),
                change.failure.as_deref(),
                held.number,
            ])?;
        }
        self.known.ends.push((held.number, held.last.filter(|_| change.is_none())));
        if change.is_some() && held.over {
            // Nobody is expected to write more of it, and its row says all there is to know.
            self.known.jobs.remove(&job);
        } else {
            self.known.jobs.insert(job, held);
        }
        Ok(Verdict::Written(epoch))
    }

    /// The job that is not over and has this key.
    fn who_has(&self, name: &str, key: &str) -> Result<Option<JobId>, Trouble> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM jobs INDEXED BY keys \
             WHERE name = ? AND unique_key = ? AND unique_key IS NOT NULL AND over = 0",
        ))?;
        let mut rows = statement.query([name, key])?;
        Ok(rows.next()?.map(row::found).transpose()?.map(|found| found.head.id))
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
        "SELECT {COLUMNS} FROM jobs INDEXED BY unfinished \
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

fn number(term: u64) -> i64 {
    i64::try_from(term).unwrap_or(i64::MAX)
}

fn epoch_of(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn count_of(count: i64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
