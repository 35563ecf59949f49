//! Connections to the database, and what is asked on them.

use std::sync::Arc;
use std::time::Duration;

use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArguments, PgRow, PgStatement};
use sqlx::{
    AssertSqlSafe, Connection, Decode, Error, Execute, PgConnection, Postgres, Row, SqlStr, Transaction, Type,
};

use super::connections::{Connections, Used, goes_on};

/// Connections to the database. Where a pooler is in between, what is sent next may come to another connection of the
/// server, unless it is in a transaction: so there each question is in one of its own, and leaves nothing behind.
#[derive(Debug)]
pub(super) struct Database {
    connections: Connections,
    /// How transactions begin, where there is a pooler.
    begin: Option<Arc<str>>,
}

impl Database {
    /// Each question is one call to the server.
    pub(super) fn direct(connections: Connections) -> Self {
        Self { connections, begin: None }
    }

    /// With a pooler in between. Who stands still in a transaction holds others up: for a third of a lease at most, so that
    /// they are heard of meanwhile.
    pub(super) fn pooled(connections: Connections, lease: Duration) -> Self {
        let millis = (lease / 3).as_millis();
        let begin = format!("BEGIN; SET LOCAL idle_in_transaction_session_timeout = {millis}");
        Self { connections, begin: Some(begin.into()) }
    }

    /// A connection, to begin a transaction on.
    pub(super) async fn take(&self) -> Result<Used<'_>, Error> {
        self.connections.take().await
    }

    /// Begins a transaction. What is asked in it may have no name that outlives it: `persistent(false)`.
    pub(super) async fn begin<'a>(
        &self,
        connection: &'a mut PgConnection,
    ) -> Result<Transaction<'a, Postgres>, Error> {
        match &self.begin {
            Some(begin) => connection.begin_with(AssertSqlSafe(Arc::clone(begin))).await,
            None => connection.begin().await,
        }
    }

    /// What there is to a question.
    pub(super) async fn rows<'q>(&self, query: impl Execute<'q, Postgres> + 'q) -> Result<Vec<PgRow>, Error> {
        let mut own = self.take().await?;
        let rows = self.rows_on(&mut own, query).await;
        if goes_on(&rows) {
            own.give_back();
        }
        rows
    }

    /// The same, on a connection that is none of these.
    pub(super) async fn rows_on<'q>(
        &self,
        connection: &mut PgConnection,
        query: impl Execute<'q, Postgres> + 'q,
    ) -> Result<Vec<PgRow>, Error> {
        if self.begin.is_none() {
            return sqlx::Executor::fetch_all(connection, query).await;
        }
        let mut transaction = self.begin(connection).await?;
        let rows = sqlx::Executor::fetch_all(&mut *transaction, Passing(query)).await?;
        transaction.commit().await?;
        Ok(rows)
    }

    /// The same, where there is one row at most.
    pub(super) async fn row<'q>(
        &self,
        query: impl Execute<'q, Postgres> + 'q,
    ) -> Result<Option<PgRow>, Error> {
        Ok(self.rows(query).await?.into_iter().next())
    }

    /// What is in the only column.
    pub(super) async fn values<'q, T>(&self, query: impl Execute<'q, Postgres> + 'q) -> Result<Vec<T>, Error>
    where
        T: for<'r> Decode<'r, Postgres> + Type<Postgres>,
    {
        self.rows(query).await?.iter().map(|row| row.try_get(0)).collect()
    }

    /// What is in the only column of the only row.
    pub(super) async fn value<'q, T>(&self, query: impl Execute<'q, Postgres> + 'q) -> Result<T, Error>
    where
        T: for<'r> Decode<'r, Postgres> + Type<Postgres>,
    {
        self.row(query).await?.ok_or(Error::RowNotFound)?.try_get(0)
    }
}

/// A statement without a name: the server keeps it until the next one comes.
struct Passing<Q>(Q);

impl<'q, Q: Execute<'q, Postgres>> Execute<'q, Postgres> for Passing<Q> {
    fn sql(self) -> SqlStr {
        self.0.sql()
    }

    fn statement(&self) -> Option<&PgStatement> {
        self.0.statement()
    }

    fn take_arguments(&mut self) -> Result<Option<PgArguments>, BoxDynError> {
        self.0.take_arguments()
    }

    fn persistent(&self) -> bool {
        false
    }
}
