//! A transaction that writes entries: a verdict for each.

use std::sync::Arc;

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::failure::Trouble;
use super::notes::{self, taker};
use super::row::DEAD;
use super::sweep::{change_text, head_text};
use super::writer::{Known, epoch_of};
use super::young::{Held, News};
use crate::job_id::JobId;
use crate::store::{Change, Entry, Epoch, Head, Lines, Term, Verdict};

/// A transaction that writes entries.
pub(super) struct Batch<'a> {
    connection: &'a Connection,
    known: &'a mut Known,
    /// The first row names its number, and those that follow come after it, which is cheaper.
    first: CachedStatement<'a>,
    next: CachedStatement<'a>,
    has_rows: bool,
}

impl<'a> Batch<'a> {
    pub(super) fn new(connection: &'a Connection, known: &'a mut Known) -> Result<Self, Trouble> {
        let first = connection.prepare_cached(
            "INSERT INTO lines (job, before, first, count, json, head, entry) VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?;
        let next = connection.prepare_cached(
            "INSERT INTO lines (job, before, first, count, json, head) VALUES (?, ?, ?, ?, ?, ?)",
        )?;
        Ok(Self { connection, known, first, next, has_rows: false })
    }

    pub(super) fn enter(&mut self, entry: &Entry) -> Result<Verdict, Trouble> {
        match entry {
            Entry::New { head, term, lines, settles, .. } => self.accept(head, *term, lines, *settles),
            Entry::More { job, epoch, first, lines, change } => {
                self.append(*job, *epoch, *first, lines, change.as_deref())
            }
            Entry::Settle { term, .. } | Entry::Note { term, .. } if !self.known.living.contains(term) => {
                Ok(Verdict::Stale)
            }
            // In a file nobody leaves a word.
            Entry::Reply { .. } => Ok(Verdict::Stale),
            Entry::Settle { job, .. } => self.settle(*job),
            Entry::Note { topic, name, text, was, .. } => {
                notes::write(self.connection, topic, name, text.as_deref(), *was)
            }
        }
    }

    fn accept(
        &mut self,
        head: &Arc<Head>,
        term: Term,
        lines: &Lines,
        settles: Option<JobId>,
    ) -> Result<Verdict, Trouble> {
        if !self.known.living.contains(&term) {
            return Ok(Verdict::Stale);
        }
        // It comes first: who asks twice for a job with a key is to hear that there is the job.
        if let Some(known) = self.known.held(self.connection, head.id)? {
            let is_own = (known.term, known.epoch) == (term, 1);
            return Ok(if is_own {
                Verdict::Not { count: count_of(known.count) }
            } else {
                Verdict::Elsewhere
            });
        }
        let over = head.state.is_over();
        let key = head.unique.as_ref().filter(|_| !over).map(|key| (Arc::clone(&head.name), Arc::clone(key)));
        let taken = head.once.as_ref().map(|once| taker(self.connection, once)).transpose()?.flatten();
        let has_key = key.as_ref().map(|key| self.who_has(key)).transpose()?.flatten();
        if let Some(other) = taken.or(has_key) {
            return Ok(Verdict::Taken(other));
        }
        if let Some(letter) = settles
            && self.settle(letter)? == Verdict::Settled
        {
            return Ok(Verdict::Settled);
        }
        if let Some(once) = &head.once {
            let mut take = self.connection.prepare_cached("INSERT INTO taken (once, job) VALUES (?, ?)")?;
            take.execute(params![&**once, head.id.to_string()])?;
        }
        let number = self.known.next;
        let text = head_text(head, term)?;
        self.row(number, None, 0, lines, Some(&text))?;
        self.known.keys.extend(key.map(|key| (key, head.id)));
        let (count, news) = (i64::from(lines.count), News::New(Arc::clone(head)));
        let held = Held { number, last: Some(number), count, term, epoch: 1, over, news };
        self.known.jobs.insert(head.id, held);
        self.known.touched.push(head.id);
        Ok(Verdict::Written(Epoch::FIRST))
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
        let (number, last, count, term) = (held.number, held.last, held.count, held.term);
        // What is over stays so.
        let change = change.filter(|_| !held.over);
        if Epoch(epoch_of(held.epoch)) != epoch || !self.known.living.contains(&term) {
            return Ok(Verdict::Stale);
        }
        if i64::from(first) != count {
            return Ok(Verdict::Not { count: count_of(count) });
        }
        if lines.count == 0 && change.is_none() {
            return Ok(Verdict::Written(epoch));
        }
        let text = change.map(change_text).transpose()?;
        let entry = self.row(number, last, count, lines, text.as_deref())?;
        let Some(held) = self.known.held(self.connection, job)? else { return Ok(Verdict::Stale) };
        held.lengthen(entry, lines.count);
        if let Some(change) = change {
            held.change(change);
        }
        self.known.touched.push(job);
        Ok(Verdict::Written(epoch))
    }

    /// Writes a row of lines; gives its number.
    fn row(
        &mut self,
        job: i64,
        before: Option<i64>,
        first: i64,
        lines: &Lines,
        head: Option<&str>,
    ) -> Result<i64, Trouble> {
        let entry = self.known.next;
        let json = if lines.count == 0 { "[]" } else { &*lines.json };
        if std::mem::replace(&mut self.has_rows, true) {
            self.next.execute(params![job, before, first, lines.count, json, head])?;
        } else {
            self.first.execute(params![job, before, first, lines.count, json, head, entry])?;
        }
        self.known.next += 1;
        Ok(entry)
    }

    /// A dead letter asks for nothing any more.
    fn settle(&mut self, job: JobId) -> Result<Verdict, Trouble> {
        // Few are: what their rows do not say yet is written into them first.
        self.known.sweep(self.connection)?;
        let mut statement = self.connection.prepare_cached(&format!(
            "UPDATE heads SET settled = 1 WHERE id = ? AND {DEAD} RETURNING epoch"
        ))?;
        let epoch = statement.query_row([job.to_string()], |row| row.get(0)).optional()?;
        Ok(epoch.map_or(Verdict::Settled, |epoch| Verdict::Written(Epoch(epoch_of(epoch)))))
    }

    /// The job that is not over and has this key.
    fn who_has(&mut self, key: &(Arc<str>, Arc<str>)) -> Result<Option<JobId>, Trouble> {
        let is_over = |known: &Known, job: &JobId| known.jobs.get(job).is_some_and(|held| held.over);
        if let Some(job) = self.known.keys.get(key).filter(|job| !is_over(self.known, job)) {
            return Ok(Some(*job));
        }
        let mut statement = self.connection.prepare_cached(
            "SELECT id FROM heads INDEXED BY keys \
             WHERE name = ? AND unique_key = ? AND unique_key IS NOT NULL AND over = 0",
        )?;
        let id: Option<String> = statement.query_row([&*key.0, &*key.1], |row| row.get(0)).optional()?;
        Ok(id.and_then(|id| id.parse().ok()).filter(|job| !is_over(self.known, job)))
    }
}

fn count_of(count: i64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
