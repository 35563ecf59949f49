//! What is asked for and changes nothing.

use sqlx::postgres::PgArguments;
use sqlx::types::Uuid;
use sqlx::{Arguments, FromRow, query, query_with};

use super::database::Database;
use super::failure::Trouble;
use super::row::{self, COLUMNS, LINES, WITH_LINES};
use super::schema::Schema;
use super::wire::{Moment, job_id, text, untext, uuid};
use crate::job_id::JobId;
use crate::state::JobState;
use crate::store::words::state_word;
use crate::store::{Filter, Head, Kept, Note};

pub(super) async fn job(database: &Database, schema: &Schema, job: JobId) -> Result<Option<Kept>, Trouble> {
    let sql = schema.sql(&format!("SELECT {COLUMNS}, {LINES} FROM {WITH_LINES} WHERE id = $1"));
    let row = database.row(query(sql).bind(uuid(job))).await?;
    row.map(|row| row::kept(&row).map(|(_, kept)| kept)).transpose()
}

pub(super) async fn list(
    database: &Database,
    schema: &Schema,
    filter: &Filter,
) -> Result<Vec<Head>, Trouble> {
    let (conditions, values) = conditions(filter)?;
    let sql = schema.sql(&format!("SELECT {COLUMNS} FROM @.heads{conditions}"));
    let rows = database.rows(query_with(sql, values)).await?;
    rows.iter().map(row::head).collect()
}

/// What follows `FROM heads`, and what is to be bound to it.
fn conditions(filter: &Filter) -> Result<(String, PgArguments), Trouble> {
    let mut terms: Vec<String> = Vec::new();
    let mut values = PgArguments::default();
    let all = |wanted: fn(JobState) -> bool| {
        !filter.states.is_empty() && filter.states.iter().all(|state| wanted(*state))
    };
    // What is said twice lets the planner see which index will do.
    if filter.parked || all(|state| !state.is_over()) {
        terms.push("NOT over".to_owned());
    }
    if filter.dead || all(|state| state.is_over() && state != JobState::Succeeded) {
        terms.push("over AND state <> 'succeeded'".to_owned());
    }
    if filter.dead {
        terms.push("state IN ('failed', 'expired') AND parent IS NULL AND NOT settled".to_owned());
    }
    if filter.parked {
        terms.push("parked IS NOT NULL".to_owned());
    }
    if !filter.states.is_empty() {
        let words: Vec<String> =
            filter.states.iter().map(|state| format!("'{}'", state_word(*state))).collect();
        terms.push(format!("state IN ({})", words.join(", ")));
    }
    let ids = [("parent = ", filter.parent), ("id > ", filter.after), ("id < ", filter.before)];
    for (term, id) in ids.iter().filter_map(|(term, id)| Some((term, (*id)?))) {
        values.add(uuid(id)).map_err(sqlx::Error::Encode)?;
        terms.push(format!("{term}${}", values.len()));
    }
    let moments = [("submitted >= ", filter.since), ("submitted < ", filter.until)];
    for (term, moment) in moments.iter().filter_map(|(term, moment)| Some((term, (*moment)?))) {
        values.add(Moment(moment)).map_err(sqlx::Error::Encode)?;
        terms.push(format!("{term}${}", values.len()));
    }
    let texts = [("name = ", &filter.name), ("queue = ", &filter.queue), ("tags ? ", &filter.tag)];
    for (term, said) in texts.iter().filter_map(|(term, said)| Some((term, said.as_deref()?))) {
        values.add(text(said)).map_err(sqlx::Error::Encode)?;
        terms.push(format!("{term}${}", values.len()));
    }
    if let Some(said) = &filter.text {
        values.add(text(&said.to_ascii_lowercase())).map_err(sqlx::Error::Encode)?;
        let has = |own: &str| format!("strpos(lower({own} COLLATE \"C\"), ${}) > 0", values.len());
        let [name, failure, parked, tag] = ["name", "failure", "parked", "tag"].map(has);
        terms.push(format!(
            "({name} OR {failure} OR {parked} \
             OR EXISTS (SELECT FROM jsonb_array_elements_text(tags) AS tag WHERE {tag}))"
        ));
    }
    let mut conditions =
        if terms.is_empty() { String::new() } else { format!(" WHERE {}", terms.join(" AND ")) };
    conditions.push_str(if filter.newest { " ORDER BY id DESC" } else { " ORDER BY id" });
    if let Some(limit) = filter.limit {
        values.add(i64::try_from(limit).unwrap_or(i64::MAX)).map_err(sqlx::Error::Encode)?;
        conditions.push_str(&format!(" LIMIT ${}", values.len()));
    }
    Ok((conditions, values))
}

/// Those of these jobs that are over, or not there.
pub(super) async fn ended(
    database: &Database,
    schema: &Schema,
    jobs: &[JobId],
) -> Result<Vec<JobId>, Trouble> {
    let ids: Vec<Uuid> = jobs.iter().copied().map(uuid).collect();
    let ended: Vec<Uuid> = database.values(query(schema.sql("SELECT @.ended($1)")).bind(ids)).await?;
    Ok(ended.into_iter().map(job_id).collect())
}

pub(super) async fn taker(
    database: &Database,
    schema: &Schema,
    once: &str,
) -> Result<Option<JobId>, Trouble> {
    let sql = schema.sql("SELECT job FROM @.taken WHERE digest = @.digest($1)");
    let job: Vec<Uuid> = database.values(query(sql).bind(text(once))).await?;
    Ok(job.first().copied().map(job_id))
}

pub(super) async fn notes(database: &Database, schema: &Schema, topic: &str) -> Result<Vec<Note>, Trouble> {
    let sql = schema
        .sql("SELECT name, text, version FROM @.notes WHERE topic = $1 AND text IS NOT NULL ORDER BY name");
    let rows = database.rows(query(sql).bind(text(topic))).await?;
    let note = |row| {
        let (name, said, version): (String, String, i64) = FromRow::from_row(row)?;
        let version = u64::try_from(version).unwrap_or(0);
        Ok(Note { name: untext(name).into(), text: untext(said).into(), version })
    };
    rows.iter().map(note).collect()
}
