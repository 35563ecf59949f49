//! The connections that read, each a snapshot of its own: they never wait for who writes, nor he for them.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, params_from_iter};

use super::failure::Trouble;
use super::row::{self, COLUMNS, state_word};
use super::store::PATIENCE;
use crate::job_id::JobId;
use crate::state::JobState;
use crate::store::{Filter, Head, Kept, Lines, StoreError, StoreErrorKind};

#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    /// How many are kept when nobody needs them.
    keep: usize,
}

impl Readers {
    pub(super) fn new(path: PathBuf, keep: usize) -> Self {
        Self { path, idle: Mutex::default(), keep }
    }

    pub(super) fn read(&self, job: JobId) -> Result<Option<Kept>, Trouble> {
        self.with(|connection| {
            // Head and lines are of the same moment.
            let snapshot = connection.unchecked_transaction()?;
            let mut statement =
                snapshot.prepare_cached(&format!("SELECT {COLUMNS} FROM jobs WHERE jobs.id = ?"))?;
            let mut rows = statement.query([job.to_string()])?;
            let Some(found) = rows.next()?.map(row::head).transpose()? else { return Ok(None) };
            let (head, number) = found;
            let lines = lines_of(&snapshot, job, number)?;
            Ok(Some(Kept { head, lines }))
        })
    }

    pub(super) fn list(&self, filter: &Filter) -> Result<Vec<Head>, Trouble> {
        let (sql, values) = query_of(filter);
        self.with(|connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query(params_from_iter(&values))?;
            let mut heads = Vec::new();
            while let Some(row) = rows.next()? {
                heads.push(row::head(row)?.0);
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

/// All lines of a job, as they follow one another.
pub(super) fn lines_of(connection: &Connection, job: JobId, number: i64) -> Result<Vec<Lines>, Trouble> {
    let mut statement = connection
        .prepare_cached("SELECT entry, first, count, json FROM lines WHERE job = ? ORDER BY entry")?;
    let mut rows = statement.query([number])?;
    let (mut all, mut next) = (Vec::new(), 0_i64);
    while let Some(row) = rows.next()? {
        let entry: i64 = row.get(0)?;
        let wrong = |what: String| {
            let message = format!("job {job}: row {entry} of the table `lines`: {what}");
            Trouble::from(StoreError::new(StoreErrorKind::Corrupt, message))
        };
        let unread = |error: rusqlite::Error| wrong(error.to_string());
        let (first, count): (i64, u32) = (row.get(1).map_err(unread)?, row.get(2).map_err(unread)?);
        if first != next {
            return Err(wrong(format!("it begins with record {first}, where {next} should follow")));
        }
        next += i64::from(count);
        all.push(Lines { count, json: row.get(3).map_err(unread)? });
    }
    Ok(all)
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
