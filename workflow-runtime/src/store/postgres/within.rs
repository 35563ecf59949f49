//! New jobs, and words, in a transaction of the user's own in the same database.

use sqlx::types::Uuid;
use sqlx::{PgConnection, query_scalar};

use super::batch::NOBODY;
use super::failure::Trouble;
use super::row::NewRow;
use super::store::PostgresStore;
use super::wire::{job_id, text, uuid};
use crate::store::{Epoch, StoreError, Verdict, Within, Word};

impl PostgresStore {
    /// Writes a new job on a connection to the same database; whoever has it commits, or not.
    pub(crate) async fn write_within(
        &self,
        connection: &mut PgConnection,
        new: &Within,
    ) -> Result<Verdict, StoreError> {
        let written = self.written_within(connection, new).await;
        written.map_err(|trouble| trouble.of(self.described(), "no job can be written on this connection"))
    }

    async fn written_within(&self, connection: &mut PgConnection, new: &Within) -> Result<Verdict, Trouble> {
        let Within { head, lines, note, due } = new;
        let row = serde_json::to_string(&NewRow::new(head, lines, NOBODY, Some(*due)))
            .map_err(|error| Trouble::from(sqlx::Error::Encode(Box::new(error))))?;
        let (topic, name, said) = match note {
            Some((topic, name, said)) => (Some(*topic), Some(text(name)), Some(text(said))),
            None => (None, None, None),
        };
        let taker: Option<Uuid> = query_scalar(self.schema_sql("SELECT @.submit($1, $2::json, $3, $4, $5)"))
            .bind(self.identity())
            .bind(row)
            .bind(topic)
            .bind(name)
            .bind(said)
            .fetch_one(connection)
            .await?;
        Ok(taker.map_or(Verdict::Written(Epoch::FIRST), |taker| Verdict::Taken(job_id(taker))))
    }

    /// Leaves a word on a connection to the same database; says whether it did.
    pub(crate) async fn leave_within(
        &self,
        connection: &mut PgConnection,
        word: &Word,
    ) -> Result<bool, StoreError> {
        let sql = self.schema_sql("SELECT @.is_here($1) AND @.leave_word($2, $3, $4)");
        let left = query_scalar(sql)
            .bind(self.identity())
            .bind(Uuid::from_u128(word.id.0))
            .bind(uuid(word.job))
            .bind(text(&word.text))
            .fetch_one(connection)
            .await;
        left.map_err(|error| {
            Trouble::from(error).of(self.described(), "no word can be left on this connection")
        })
    }
}
