//! Entries, as one call of a function in the database: one round trip, one transaction, that no client can hold open.

use std::sync::Arc;

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Postgres, Row};

use super::batch::Batch;
use super::failure::Trouble;
use super::schema::Schema;
use super::wire::job_id;
use crate::store::{Entry, Epoch, Verdict};

/// The statement that writes a batch.
pub(super) fn statement(schema: &Schema) -> Arc<str> {
    let places: Vec<String> = (1..=35).map(|place| format!("${place}")).collect();
    let call = format!("SELECT at, verdict, number, job FROM @.write({}, $36::json)", places.join(", "));
    let AssertSqlSafe(sql) = schema.sql(&call);
    Arc::from(sql)
}

/// The verdicts on those entries that are not simply written, with their places.
pub(super) type Answers = Vec<(usize, Verdict)>;

/// The call that writes a batch.
pub(super) fn question<'q>(statement: &Arc<str>, batch: &'q Batch) -> Query<'q, Postgres, PgArguments> {
    let Batch { living, is_known, new, more, changed, ending, ends, rest } = batch;
    let living: Vec<i64> = living.iter().copied().collect();
    let rest = (!rest.is_empty()).then(|| format!("[{}]", rest.join(",")));
    sqlx::query(AssertSqlSafe(Arc::clone(statement)))
        .bind(living)
        .bind(is_known)
        .bind(&new.ids)
        .bind(&new.names)
        .bind(&new.states)
        .bind(&new.terms)
        .bind(&new.queues)
        .bind(new.priorities.cells())
        .bind(new.tags.cells())
        .bind(new.parents.cells())
        .bind(new.parent_tasks.cells())
        .bind(new.parent_depths.cells())
        .bind(&new.submitted)
        .bind(new.due.cells())
        .bind(new.not_before.cells())
        .bind(new.failures.cells())
        .bind(new.parked.cells())
        .bind(&new.counts)
        .bind(&new.texts)
        .bind(&more.ids)
        .bind(&more.epochs)
        .bind(&more.firsts)
        .bind(&more.counts)
        .bind(&more.texts)
        .bind(&changed.ids)
        .bind(&changed.states)
        .bind(changed.failures.cells())
        .bind(&ending.ids)
        .bind(&ending.epochs)
        .bind(&ending.firsts)
        .bind(&ending.counts)
        .bind(&ending.texts)
        .bind(&ends.states)
        .bind(&ends.at)
        .bind(ends.failures.cells())
        .bind(rest)
}

/// What the server says to it.
pub(super) fn answers(rows: &[PgRow]) -> Result<Answers, Trouble> {
    let mut answers = Vec::with_capacity(rows.len());
    for row in rows {
        let at: i32 = row.try_get(0)?;
        let (word, number): (String, Option<i64>) = (row.try_get(1)?, row.try_get(2)?);
        let number = u64::try_from(number.unwrap_or(0)).unwrap_or(0);
        let verdict = match &*word {
            "written" => Verdict::Written(Epoch(number)),
            "stale" => Verdict::Stale,
            "elsewhere" => Verdict::Elsewhere,
            "not" => Verdict::Not { count: u32::try_from(number).unwrap_or(u32::MAX) },
            "taken" => Verdict::Taken(job_id(row.try_get(3)?)),
            "settled" => Verdict::Settled,
            "noted" => Verdict::Noted(number),
            "differs" => Verdict::Differs(number),
            other => {
                return Err(Trouble::corrupt(format!(
                    "the function `write` says `{other}`, which is no answer"
                )));
            }
        };
        answers.push((usize::try_from(at).unwrap_or(usize::MAX), verdict));
    }
    Ok(answers)
}

/// The verdict on an entry of which nothing else is said.
pub(super) fn usual(entry: &Entry) -> Verdict {
    match entry {
        Entry::More { epoch, .. } => Verdict::Written(*epoch),
        _ => Verdict::Written(Epoch::FIRST),
    }
}
