//! The connections that read, each a snapshot of its own: they never wait for who writes, nor he for them.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params_from_iter};

use super::chain::{Tails, lines_of};
use super::failure::Trouble;
use super::row::{self, COLUMNS, state_word};
use super::store::PATIENCE;
use crate::job_id::JobId;
use crate::state::JobState;
use crate::store::{Filter, Head, Kept};

#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    tails: Tails,
    idle: Mutex<Vec<Connection>>,
    /// How many are kept when nobody needs them.
    keep: usize,
}

impl Readers {
    pub(super) fn new(path: PathBuf, tails: Tails, keep: usize) -> Self {
        Self { path, tails, idle: Mutex::default(), keep }
    }

    pub(super) fn read(&self, job: JobId) -> Result<Option<Kept>, Trouble> {
        let id = job.to_string();
        self.with(|connection| {
            let mut number = connection.prepare_cached("SELECT number FROM jobs WHERE id = ?")?;
            let Some(number) = number.query_row([&id], |row| row.get(0)).optional()? else { return Ok(None) };
            let tail = self.tails.last(number, None);
            // From here on, head and lines are of the same moment; the end that was heard of is in it.
            let snapshot = connection.unchecked_transaction()?;
            let mut statement =
                snapshot.prepare_cached(&format!("SELECT {COLUMNS} FROM jobs WHERE jobs.id = ?"))?;
            let mut rows = statement.query([&id])?;
            let Some(found) = rows.next()?.map(row::found).transpose()? else { return Ok(None) };
            let tail = tail.filter(|_| found.number == number);
            let lines = lines_of(&snapshot, job, found.number, found.last.max(tail))?;
            Ok(Some(Kept { head: found.head, lines }))
        })
    }

    pub(super) fn list(&self, filter: &Filter) -> Result<Vec<Head>, Trouble> {
        let (sql, values) = query_of(filter);
        self.with(|connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query(params_from_iter(&values))?;
            let mut heads = Vec::new();
            while let Some(row) = rows.next()? {
                heads.push(row::found(row)?.head);
            }
            Ok(heads)
        })
    }

    fn with<T>(&self, body: impl FnOnce(&Connection) -> Result<T, Trouble>) -> Result<T, Trouble> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let free = idle().pop();
        let connection = match free {
            Some(connection) => connection,
            None => self.open()?,
        };
        let done = body(&connection);
        let mut idle = idle();
        // After a failure it is opened anew.
        if done.is_ok() && idle.len() < self.keep {
            idle.push(connection);
        }
        done
    }

    fn open(&self) -> Result<Connection, Trouble> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_EXRESCODE;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(PATIENCE)?;
        connection.execute_batch("PRAGMA cache_size = -16384; PRAGMA mmap_size = 0")?;
        Ok(connection)
    }
}

/// The query that gives what a filter lets through, and what is to be bound to it.
pub(super) fn query_of(filter: &Filter) -> (String, Vec<Value>) {
    let mut values = Vec::new();
    let mut terms: Vec<String> = Vec::new();
    let all = |wanted: fn(JobState) -> bool| {
        !filter.states.is_empty() && filter.states.iter().all(|state| wanted(*state))
    };
    let index = if filter.parent.is_some() {
        "children"
    } else if all(|state| !state.is_over()) {
        terms.push("over = 0".to_owned());
        "unfinished"
    } else if all(|state| state.is_over() && state != JobState::Succeeded) {
        terms.push("over = 1 AND state <> 'succeeded'".to_owned());
        "unsuccessful"
    } else {
        "ids"
    };
    if !filter.states.is_empty() {
        let words: Vec<String> =
            filter.states.iter().map(|state| format!("'{}'", state_word(*state))).collect();
        terms.push(format!("state IN ({})", words.join(", ")));
    }
    let mut bound = |term: &str, value: Option<String>| {
        if let Some(value) = value {
            terms.push(term.to_owned());
            values.push(Value::Text(value));
        }
    };
    bound("parent = ?", filter.parent.map(|parent| parent.to_string()));
    bound("id > ?", filter.after.map(|after| after.to_string()));
    bound("name = ?", filter.name.clone());
    bound("queue = ?", filter.queue.clone());
    bound("EXISTS (SELECT 1 FROM json_each(tags) AS tag WHERE tag.value = ?)", filter.tag.clone());
    let found = if terms.is_empty() { String::new() } else { format!(" WHERE {}", terms.join(" AND ")) };
    let limit = filter.limit.and_then(|limit| i64::try_from(limit).ok()).unwrap_or(-1);
    values.push(Value::Integer(limit));
    (format!("SELECT {COLUMNS} FROM jobs INDEXED BY {index}{found} ORDER BY jobs.id LIMIT ?"), values)
}
