//! What is said to whoever holds a job.

use std::sync::Arc;

use sqlx::postgres::PgPool;
use sqlx::query_scalar;
use sqlx::types::Uuid;

use super::failure::Trouble;
use super::schema::Schema;
use super::terms::number;
use super::wire::{job_id, text, untext, uuid};
use crate::store::{Term, Word, WordId};

pub(super) async fn leave(pool: &PgPool, schema: &Schema, word: &Word) -> Result<bool, Trouble> {
    let left = query_scalar(schema.sql("SELECT @.leave_word($1, $2, $3)"))
        .bind(Uuid::from_u128(word.id.0))
        .bind(uuid(word.job))
        .bind(text(&word.text))
        .fetch_one(pool)
        .await?;
    Ok(left)
}

pub(super) async fn of_term(pool: &PgPool, schema: &Schema, term: Term) -> Result<Vec<Word>, Trouble> {
    let sql = schema.sql(
        "SELECT words.id, words.job, words.text FROM @.words \
         JOIN @.heads ON heads.id = words.job AND heads.term = $1 AND NOT heads.over \
         WHERE words.reply IS NULL ORDER BY words.number",
    );
    let rows: Vec<(Uuid, Uuid, String)> = sqlx::query_as(sql).bind(number(term)).fetch_all(pool).await?;
    let word = |(id, job, said): (Uuid, Uuid, String)| Word {
        id: WordId(id.as_u128()),
        job: job_id(job),
        text: untext(said).into(),
    };
    Ok(rows.into_iter().map(word).collect())
}

pub(super) async fn reply(pool: &PgPool, schema: &Schema, word: WordId) -> Result<Option<Arc<str>>, Trouble> {
    let sql = schema.sql("SELECT reply FROM @.words WHERE id = $1");
    let reply: Option<Option<String>> =
        query_scalar(sql).bind(Uuid::from_u128(word.0)).fetch_optional(pool).await?;
    Ok(reply.flatten().map(|reply| untext(reply).into()))
}
