//! Jobs that are kept no longer.

use std::collections::HashSet;

use sqlx::query;
use sqlx::types::Uuid;

use super::database::Database;
use super::failure::Trouble;
use super::schema::Schema;
use super::wire::{Moment, job_id, text, uuid};
use crate::job_id::JobId;
use crate::store::Expiry;

/// From name to name without looking at the jobs between, and of each name those that ended first.
const EXPIRED: &str = "
WITH RECURSIVE names AS (
    SELECT coalesce($1, (SELECT min(name) FROM @.done)) AS name
    UNION ALL
    SELECT (SELECT min(done.name) FROM @.done WHERE done.name > names.name) FROM names
    WHERE names.name IS NOT NULL AND $1 IS NULL
)
SELECT gone.id
FROM names CROSS JOIN LATERAL (
    SELECT done.ended, done.id
    FROM @.done LEFT JOIN (
        SELECT last.ended, last.id FROM @.done AS last WHERE last.name = names.name
        ORDER BY last.ended DESC, last.id DESC LIMIT 1 OFFSET $3
    ) AS last ON $3 IS NOT NULL
    WHERE done.name = names.name
        AND done.ended <= greatest($2, last.ended)
        AND (done.ended < $2 OR (done.ended, done.id) <= (last.ended, last.id))
        AND ($4 OR NOT (done.state IN ('failed', 'expired') AND done.parent IS NULL AND NOT done.settled))
        AND NOT EXISTS (SELECT FROM @.live WHERE live.id = done.parent)
    ORDER BY done.ended, done.id LIMIT $5
) AS gone
WHERE names.name <> ALL ($6)
ORDER BY names.name, gone.ended, gone.id LIMIT $5";

pub(super) async fn expired(
    database: &Database,
    schema: &Schema,
    rule: &Expiry,
) -> Result<Vec<JobId>, Trouble> {
    let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let asked = query(schema.sql(EXPIRED))
        .bind(rule.name.as_deref().map(text))
        .bind(rule.ended_before.map(Moment))
        .bind(rule.beyond.map(number))
        .bind(rule.letters)
        .bind(number(rule.limit))
        .bind(rule.but.iter().map(|name| text(name)).collect::<Vec<_>>());
    let found: Vec<Uuid> = database.values(asked).await?;
    Ok(found.into_iter().map(job_id).collect())
}

pub(super) async fn forget(
    database: &Database,
    schema: &Schema,
    jobs: &[JobId],
) -> Result<Vec<JobId>, Trouble> {
    let ids: Vec<Uuid> = jobs.iter().copied().map(uuid).collect();
    let gone: Option<Vec<Uuid>> = database.value(query(schema.sql("SELECT @.forget($1)")).bind(ids)).await?;
    let mut gone: HashSet<JobId> = gone.unwrap_or_default().into_iter().map(job_id).collect();
    Ok(jobs.iter().copied().filter(|job| gone.remove(job)).collect())
}
