//! Writing into the jobs' rows what their lines have said since the last time: many at once, those that lie beside one
//! another one after the other, so that it costs a fraction of what each would cost by itself.

use rusqlite::{CachedStatement, Connection, params};
use serde::Deserialize;

use super::failure::Trouble;
use super::row;
use super::young::{ById, Held, News};
use crate::job_id::JobId;
use crate::store::words::state_word;
use crate::store::{Change, Head, StoreError, StoreErrorKind, Term};

/// What a first row says of its job.
pub(super) fn head_text(head: &Head, term: Term) -> Result<String, Trouble> {
    let text = serde_json::to_string(head).map_err(unwritable)?;
    // One object: who began it, and then the head's own fields.
    Ok(format!("{{\"term\":{},{}", term.0, text.strip_prefix('{').unwrap_or(&text)))
}

/// What a later row changes.
pub(super) fn change_text(change: &Change) -> Result<String, Trouble> {
    serde_json::to_string(change).map_err(unwritable)
}

fn unwritable(error: serde_json::Error) -> Trouble {
    StoreError::new(StoreErrorKind::Unavailable, format!("a head cannot be written: {error}")).into()
}

/// The statements that bring rows up to date.
struct Rows<'a> {
    insert: CachedStatement<'a>,
    change: CachedStatement<'a>,
    lengthen: CachedStatement<'a>,
}

impl<'a> Rows<'a> {
    fn new(connection: &'a Connection) -> Result<Self, Trouble> {
        Ok(Self {
            insert: connection.prepare_cached(row::INSERT)?,
            change: connection.prepare_cached(
                "UPDATE heads SET state = ?, over = ?, ended = ?, failure = ?, parked = ? WHERE number = ? AND over = 0",
            )?,
            lengthen: connection
                .prepare_cached("UPDATE heads SET last = ? WHERE number = ? AND coalesce(last, 0) < ?")?,
        })
    }

    fn change(&mut self, number: i64, change: &Change) -> Result<(), Trouble> {
        self.change.execute(params![
            state_word(change.state),
            change.state.is_over(),
            change.ended.map(|at| at.to_string()),
            change.failure.as_deref(),
            change.parked.as_deref(),
            number,
        ])?;
        Ok(())
    }

    fn lengthen(&mut self, number: i64, last: Option<i64>) -> Result<(), Trouble> {
        if let Some(last) = last {
            self.lengthen.execute(params![last, number, last])?;
        }
        Ok(())
    }
}

/// Brings the rows of jobs up to date; after that they are, up to the row `swept` of the lines.
pub(super) fn sweep(connection: &Connection, jobs: &mut ById<Held>, swept: i64) -> Result<(), Trouble> {
    let mut news: Vec<(&JobId, &mut Held)> =
        jobs.iter_mut().filter(|(_, held)| !matches!(held.news, News::None)).collect();
    // A key that one job gave up and another took is free before it is taken, too.
    news.sort_unstable_by_key(|(_, held)| held.number);
    let mut rows = Rows::new(connection)?;
    for (_, held) in &mut news {
        match std::mem::replace(&mut held.news, News::None) {
            News::None => {}
            News::Longer => rows.lengthen(held.number, held.last)?,
            News::Changed(change) => {
                rows.change(held.number, &change)?;
                rows.lengthen(held.number, held.last)?;
            }
            News::New(head) => {
                row::insert(&mut rows.insert, &head, held.number, held.last, held.epoch, held.term)?;
            }
        }
    }
    drop(news);
    connection.prepare_cached("UPDATE swept SET entry = ?")?.execute([swept])?;
    Ok(())
}

#[derive(Deserialize)]
struct Begun {
    term: u64,
}

/// The same, for what was written by others, or before the file was opened: the lines are read again.
pub(super) fn recover(connection: &Connection) -> Result<(), Trouble> {
    let mut rows = Rows::new(connection)?;
    let mut tail = connection.prepare_cached(
        "SELECT entry, job, before, head FROM lines WHERE entry > (SELECT entry FROM swept) AND head IS NOT NULL \
         ORDER BY entry",
    )?;
    let mut found = tail.query([])?;
    while let Some(line) = found.next()? {
        let (entry, job, before): (i64, i64, Option<i64>) = (line.get(0)?, line.get(1)?, line.get(2)?);
        let text: String = line.get(3)?;
        if let Err(error) = fold(&mut rows, entry, job, before, &text) {
            let what = error.corrupt()?;
            tracing::error!("row {entry} of the table `lines` is left out, for it cannot be read: {what}");
        }
    }
    connection.execute_batch(
        "UPDATE heads SET last = found.entry FROM \
         (SELECT job, max(entry) AS entry FROM lines WHERE entry > (SELECT entry FROM swept) GROUP BY job) AS found \
         WHERE heads.number = found.job AND coalesce(heads.last, 0) < found.entry; \
         UPDATE swept SET entry = max(entry, (SELECT coalesce(max(entry), 0) FROM lines));",
    )?;
    Ok(())
}

fn fold(rows: &mut Rows<'_>, entry: i64, job: i64, before: Option<i64>, text: &str) -> Result<(), Trouble> {
    let wrong = |error: serde_json::Error| {
        Trouble::from(StoreError::new(StoreErrorKind::Corrupt, format!("`{text}`: {error}")))
    };
    if before.is_some() {
        return rows.change(job, &serde_json::from_str(text).map_err(wrong)?);
    }
    let head: Head = serde_json::from_str(text).map_err(wrong)?;
    let term = Term(serde_json::from_str::<Begun>(text).map_err(wrong)?.term);
    row::insert(&mut rows.insert, &head, job, Some(entry), 1, term)?;
    Ok(())
}
