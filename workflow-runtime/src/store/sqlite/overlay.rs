//! What is laid over the jobs' rows when somebody reads, so that all he sees is of one moment: that of his snapshot.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};

use super::failure::Trouble;
use super::row::{self, COLUMNS, Found};
use super::young::{Heard, News};
use crate::job_id::JobId;
use crate::store::{Change, Head};

/// What of jobs is not in their rows yet, by their numbers.
pub(super) struct Overlay(HashMap<i64, Late>);

/// What of one job is not in its row yet.
pub(super) struct Late {
    /// The last row of its lines, if it is known not to be the one that its own row names.
    pub(super) last: Option<i64>,
    pub(super) news: News,
}

impl Overlay {
    /// Puts together what was heard before a snapshot began, and what the snapshot has besides.
    pub(super) fn new(snapshot: &Connection, heard: Heard) -> Result<Self, Trouble> {
        let swept: i64 =
            snapshot.prepare_cached("SELECT entry FROM swept")?.query_row([], |row| row.get(0))?;
        // If rows were brought up to date meanwhile, they say more than what was heard.
        let (base, known) = if swept == heard.swept { (heard.told, heard.jobs) } else { (swept, Vec::new()) };
        let late = known.into_iter().map(|held| (held.number, Late { last: held.last, news: held.news }));
        let mut overlay = Self(late.collect());
        let mut tail = snapshot
            .prepare_cached("SELECT entry, job, before, head FROM lines WHERE entry > ? ORDER BY entry")?;
        let mut rows = tail.query([base])?;
        while let Some(line) = rows.next()? {
            let late = overlay.0.entry(line.get(1)?).or_insert(Late { last: None, news: News::None });
            late.last = Some(line.get(0)?);
            if let Some(text) = line.get::<_, Option<String>>(3)? {
                late.fold(line.get::<_, Option<i64>>(2)?.is_none(), &text);
            }
        }
        Ok(overlay)
    }

    pub(super) fn of(&self, number: i64) -> Option<&Late> {
        self.0.get(&number)
    }

    /// The heads of jobs that have no row.
    pub(super) fn new_heads(&self) -> impl Iterator<Item = &Head> {
        self.0.values().filter_map(|late| match &late.news {
            News::New(head) => Some(&**head),
            _ => None,
        })
    }

    /// A job that has no row: its number, and what there is to know of it.
    pub(super) fn without_row(&self, job: JobId) -> Option<(i64, &Late, Head)> {
        self.0.iter().find_map(|(number, late)| match &late.news {
            News::New(head) if head.id == job => Some((*number, late, Head::clone(head))),
            _ => None,
        })
    }

    /// The heads of jobs that stand otherwise than their rows say, or have none.
    pub(super) fn heads(&self, snapshot: &Connection) -> Result<Vec<Head>, Trouble> {
        let mut heads = Vec::new();
        for (number, late) in &self.0 {
            match &late.news {
                News::New(head) => heads.push(Head::clone(head)),
                News::Changed(change) => heads.extend(changed(snapshot, *number, change)?),
                News::Longer | News::None => {}
            }
        }
        Ok(heads)
    }
}

impl Late {
    /// Whether the job's row says how it stands.
    pub(super) fn stands(&self) -> bool {
        matches!(self.news, News::None | News::Longer)
    }

    /// What cannot be read is said when the rows are brought up to date.
    fn fold(&mut self, is_first: bool, text: &str) {
        if is_first {
            if let Ok(head) = serde_json::from_str::<Head>(text) {
                self.news = News::New(Arc::new(head));
            }
        } else if let Ok(change) = serde_json::from_str::<Change>(text) {
            self.news.change(&change);
        }
    }
}

/// The head of a job that has a row, as it stands by now.
fn changed(snapshot: &Connection, number: i64, change: &Change) -> Result<Option<Head>, Trouble> {
    let mut statement =
        snapshot.prepare_cached(&format!("SELECT {COLUMNS} FROM heads WHERE heads.number = ?"))?;
    let mut rows = statement.query([number])?;
    let found = rows.next()?.map(row::found).transpose()?;
    Ok(found.map(|Found { mut head, .. }| {
        head.apply(change);
        head
    }))
}

/// The row of a job, if it has one.
pub(super) fn row_of(snapshot: &Connection, job: JobId) -> Result<Option<Found>, Trouble> {
    let mut find = snapshot.prepare_cached("SELECT number FROM heads WHERE id = ?")?;
    let Some(number) = find.query_row([job.to_string()], |row| row.get::<_, i64>(0)).optional()? else {
        return Ok(None);
    };
    let mut statement =
        snapshot.prepare_cached(&format!("SELECT {COLUMNS} FROM heads WHERE heads.number = ?"))?;
    let mut rows = statement.query([number])?;
    rows.next()?.map(row::found).transpose()
}
