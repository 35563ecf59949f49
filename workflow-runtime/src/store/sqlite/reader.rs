//! The connections that read, each a snapshot of its own: they never wait for who writes, nor he for them.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, params_from_iter};

use super::chain::lines_of;
use super::failure::Trouble;
use super::notes;
use super::overlay::{Late, Overlay, row_of};
use super::row::{self, COLUMNS, DEAD, Found};
use super::store::PATIENCE;
use super::young::{Heard, News, Young};
use crate::job_id::JobId;
use crate::state::JobState;
use crate::store::words::state_word;
use crate::store::{Filter, Head, Kept, Note};

#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    young: Young,
    idle: Mutex<Vec<Connection>>,
    /// How many are kept when nobody needs them.
    keep: usize,
}

impl Readers {
    pub(super) fn new(path: PathBuf, young: Young, keep: usize) -> Self {
        Self { path, young, idle: Mutex::default(), keep }
    }

    pub(super) fn hear(&self) -> Heard {
        self.young.hear(None)
    }

    pub(super) fn read(&self, job: JobId) -> Result<Option<Kept>, Trouble> {
        self.with(|connection| {
            let heard = self.young.hear(Some(job));
            let snapshot = connection.unchecked_transaction()?;
            let overlay = Overlay::new(&snapshot, heard)?;
            let (head, number, last) = match row_of(&snapshot, job)? {
                Some(Found { mut head, number, last, .. }) => {
                    let late = overlay.of(number);
                    if let Some(News::Changed(change)) = late.map(|late| &late.news) {
                        head.apply(change);
                    }
                    (head, number, last.max(late.and_then(|late| late.last)))
                }
                None => match overlay.without_row(job) {
                    Some((number, late, head)) => (head, number, late.last),
                    None => return Ok(None),
                },
            };
            Ok(Some(Kept { head, lines: lines_of(&snapshot, job, number, last)? }))
        })
    }

    pub(super) fn list(&self, filter: &Filter) -> Result<Vec<Head>, Trouble> {
        self.with(|connection| {
            let heard = self.young.hear(None);
            let snapshot = connection.unchecked_transaction()?;
            let overlay = Overlay::new(&snapshot, heard)?;
            let mut heads = rows(&snapshot, filter, &overlay)?;
            let late = overlay.heads(&snapshot)?;
            heads.extend(late.into_iter().filter(|head| filter.lets(head)));
            filter.sort(&mut heads);
            heads.truncate(filter.limit.unwrap_or(usize::MAX));
            Ok(heads)
        })
    }

    pub(super) fn taker(&self, once: &str) -> Result<Option<JobId>, Trouble> {
        self.with(|connection| notes::taker(connection, once))
    }

    pub(super) fn notes(&self, topic: &str) -> Result<Vec<Note>, Trouble> {
        self.with(|connection| notes::read(connection, topic))
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

/// What the jobs' rows have of a list: without the jobs that stand otherwise by now.
fn rows(snapshot: &Connection, filter: &Filter, overlay: &Overlay) -> Result<Vec<Head>, Trouble> {
    let limit = filter.limit.unwrap_or(usize::MAX);
    let (sql, values) = query_of(filter);
    let mut statement = snapshot.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(&values))?;
    let mut heads = Vec::new();
    while heads.len() < limit
        && let Some(row) = rows.next()?
    {
        let Found { head, number, .. } = row::found(row)?;
        if overlay.of(number).is_none_or(Late::stands) {
            heads.push(head);
        }
    }
    Ok(heads)
}

/// The query that gives what a filter lets through, as the jobs' rows say, and what is to be bound to it.
pub(super) fn query_of(filter: &Filter) -> (String, Vec<Value>) {
    let mut values = Vec::new();
    let mut terms: Vec<String> = Vec::new();
    let all = |wanted: fn(JobState) -> bool| {
        !filter.states.is_empty() && filter.states.iter().all(|state| wanted(*state))
    };
    let index = if filter.parent.is_some() {
        "children"
    } else if filter.dead {
        "dead"
    } else if filter.parked || all(|state| !state.is_over()) {
        terms.push("over = 0".to_owned());
        "unfinished"
    } else if all(|state| state.is_over() && state != JobState::Succeeded) {
        terms.push("over = 1 AND state <> 'succeeded'".to_owned());
        "unsuccessful"
    } else {
        "ids"
    };
    if filter.dead {
        terms.push(DEAD.to_owned());
    }
    if filter.parked {
        terms.push("parked IS NOT NULL AND over = 0".to_owned());
    }
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
    bound("id < ?", filter.before.map(|before| before.to_string()));
    bound("submitted >= ?", filter.since.map(|since| since.to_string()));
    bound("submitted < ?", filter.until.map(|until| until.to_string()));
    bound("name = ?", filter.name.clone());
    bound("queue = ?", filter.queue.clone());
    bound("EXISTS (SELECT 1 FROM json_each(tags) AS tag WHERE tag.value = ?)", filter.tag.clone());
    bound(SAYS, filter.text.clone());
    let found = if terms.is_empty() { String::new() } else { format!(" WHERE {}", terms.join(" AND ")) };
    let order = if filter.newest { " DESC" } else { "" };
    (format!("SELECT {COLUMNS} FROM heads INDEXED BY {index}{found} ORDER BY heads.id{order}"), values)
}

/// Whether a job's row says some words. Here, only letters of ASCII have capitals.
const SAYS: &str = "EXISTS (SELECT 1 FROM (SELECT lower(?) AS text) WHERE instr(lower(name), text) \
     OR instr(lower(failure), text) OR instr(lower(parked), text) \
     OR EXISTS (SELECT 1 FROM json_each(tags) AS tag WHERE instr(lower(tag.value), text)))";
