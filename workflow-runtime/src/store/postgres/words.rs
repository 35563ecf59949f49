//! What is said to whoever holds a job.

use std::sync::Arc;

use sqlx::types::Uuid;
use sqlx::{FromRow, query};

use super::database::Database;
use super::failure::Trouble;
use super::schema::Schema;
use super::terms::number;
use super::wire::{job_id, text, untext, uuid};
use crate::store::{Term, Word, WordId};

pub(super) async fn leave(database: &Database, schema: &Schema, word: &Word) -> Result<bool, Trouble> {
    let asked = query(schema.sql("SELECT @.leave_word($1, $2, $3)"))
        .bind(Uuid::from_u128(word.id.0))
        .bind(uuid(word.job))
        .bind(text(&word.text));
    Ok(database.value(asked).await?)
}

pub(super) async fn of_term(database: &Database, schema: &Schema, term: Term) -> Result<Vec<Word>, Trouble> {
    let sql = schema.sql(
        "SELECT words.id, words.job, words.text FROM @.words \
         JOIN @.live ON live.id = words.job AND live.term = $1 AND live.term <> 0 \
         WHERE words.reply IS NULL ORDER BY words.number",
    );
    let rows = database.rows(query(sql).bind(number(term))).await?;
    let word = |row| {
        let (id, job, said): (Uuid, Uuid, String) = FromRow::from_row(row)?;
        Ok(Word { id: WordId(id.as_u128()), job: job_id(job), text: untext(said).into() })
    };
    rows.iter().map(word).collect()
}

pub(super) async fn reply(
    database: &Database,
    schema: &Schema,
    word: WordId,
) -> Result<Option<Arc<str>>, Trouble> {
    let sql = schema.sql("SELECT reply FROM @.words WHERE id = $1");
    let reply: Vec<Option<String>> = database.values(query(sql).bind(Uuid::from_u128(word.0))).await?;
    Ok(reply.into_iter().next().flatten().map(|reply| untext(reply).into()))
}
