//! Who may write, and who takes over what nobody holds.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sqlx::types::Uuid;
use sqlx::{FromRow, query};
use tokio::sync::Mutex;

use super::database::Database;
use super::failure::Trouble;
use super::row::{self, COLUMNS, LINES, WITH_LINES};
use super::schema::Schema;
use super::wire::{Moment, text, untext};
use crate::store::{Claimed, Most, NodeStatus, Offer, Term};
use crate::timestamp::Timestamp;

/// How many pages each term was given, as this process knows; who claims has the lock of his.
#[derive(Debug, Default)]
pub(super) struct Pages(std::sync::Mutex<HashMap<Term, Arc<Mutex<Option<i64>>>>>);

impl Pages {
    fn of(&self, term: Term) -> Arc<Mutex<Option<i64>>> {
        let mut pages = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Arc::clone(pages.entry(term).or_default())
    }
}

pub(super) fn number(term: Term) -> i64 {
    i64::try_from(term.0).unwrap_or(i64::MAX)
}

pub(super) async fn begin(
    database: &Database,
    schema: &Schema,
    node: &str,
    lease: Duration,
) -> Result<Term, Trouble> {
    let sql = schema.sql("SELECT @.begin_term($1, $2 * interval '1 microsecond')");
    let lease = i64::try_from(lease.as_micros()).unwrap_or(i64::MAX);
    let term: i64 = database.value(query(sql).bind(text(node)).bind(lease)).await?;
    Ok(Term(u64::try_from(term).unwrap_or(0)))
}

pub(super) async fn offer(
    database: &Database,
    schema: &Schema,
    term: Term,
    offer: &Offer,
) -> Result<(), Trouble> {
    let texts = |all: &[Arc<str>]| all.iter().map(|one| text(one)).collect::<Vec<_>>();
    let asked = query(schema.sql("SELECT @.offer($1, $2, $3, $4, $5)"))
        .bind(number(term))
        .bind(text(&offer.version))
        .bind(text(&offer.program))
        .bind(offer.queues.as_deref().map(texts))
        .bind(texts(&offer.workflows));
    database.rows(asked).await?;
    Ok(())
}

pub(super) async fn beat(database: &Database, schema: &Schema, term: Term) -> Result<(), Trouble> {
    database.rows(query(schema.sql("SELECT @.beat($1)")).bind(number(term))).await?;
    Ok(())
}

pub(super) async fn now(database: &Database) -> Result<Option<Timestamp>, Trouble> {
    let now: Moment = database.value(query("SELECT clock_timestamp()")).await?;
    Ok(Some(now.0))
}

pub(super) async fn end(database: &Database, schema: &Schema, term: Term) -> Result<(), Trouble> {
    database.rows(query(schema.sql("SELECT @.end_term($1)")).bind(number(term))).await?;
    Ok(())
}

/// The nodes that are there, and those that are not and still hold jobs.
pub(super) async fn nodes(database: &Database, schema: &Schema) -> Result<Vec<NodeStatus>, Trouble> {
    let sql = schema.sql(
        "SELECT node, version, queues, begun, seen, over, coalesce(jobs, 0) FROM @.terms LEFT JOIN \
         (SELECT term, count(*) AS jobs FROM @.live WHERE term <> 0 GROUP BY term) AS held USING (term) \
         WHERE NOT over OR jobs > 0 ORDER BY node, begun",
    );
    let node = |row| {
        type Row = (String, String, Option<Vec<String>>, Moment, Moment, bool, i64);
        let (node, version, queues, begun, seen, over, jobs): Row = FromRow::from_row(row)?;
        Ok(NodeStatus {
            node: untext(node).into(),
            version: untext(version).into(),
            queues: queues.map(|queues| queues.into_iter().map(|queue| untext(queue).into()).collect()),
            since: begun.0,
            seen: seen.0,
            jobs: u64::try_from(jobs).unwrap_or(0),
            over,
        })
    };
    database.rows(query(sql)).await?.iter().map(node).collect()
}

pub(super) async fn claim(
    database: &Database,
    schema: &Schema,
    pages: &Pages,
    term: Term,
    most: Most,
) -> Result<Vec<Claimed>, Trouble> {
    let page = pages.of(term);
    // Whoever asks while another does waits: one page after the other.
    let mut page = page.lock().await;
    let given = match *page {
        Some(given) => given,
        None => {
            let sql = schema.sql("SELECT page FROM @.terms WHERE term = $1");
            database.values(query(sql).bind(number(term))).await?.first().copied().unwrap_or(0)
        }
    };
    *page = Some(given);
    let count = |jobs: usize| i64::try_from(jobs).unwrap_or(i64::MAX);
    let asked = query(schema.sql("SELECT @.claim($1, $2, $3, $4)"))
        .bind(number(term))
        .bind(given + 1)
        .bind(count(most.jobs))
        .bind(count(most.waiting));
    let ids: Vec<Uuid> = database.value(asked).await?;
    // They are held by now: nobody changes them.
    let sql = schema.sql(&format!(
        "SELECT {COLUMNS}, {LINES} FROM {WITH_LINES} WHERE NOT over AND id = ANY ($1) AND term = $2 ORDER BY id"
    ));
    let rows = database.rows(query(sql).bind(ids).bind(number(term))).await?;
    let claimed = |row| row::kept(row).map(|(epoch, kept)| Claimed { epoch, kept });
    let claimed = rows.iter().map(claimed).collect::<Result<_, _>>()?;
    *page = Some(given + 1);
    Ok(claimed)
}
