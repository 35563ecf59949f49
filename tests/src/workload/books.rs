//! Books in the database of the jobs: what a step writes there with its transaction is there once.

use std::collections::BTreeMap;

use workflow_runtime::JobId;
use workflow_runtime::prelude::{AgentError, TaskContext};
use workflow_runtime::store::sqlx::{self, AssertSqlSafe, Connection, PgConnection};

use crate::random::Rng;

/// A table in which steps write that they were done.
#[derive(Debug, Clone)]
pub struct Books {
    table: String,
}

impl Books {
    /// Those beside the jobs of a schema.
    pub fn beside(schema: &str) -> Self {
        Self { table: format!("{schema}_books") }
    }

    /// Makes the table.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn open(&self, address: &str) -> Result<(), sqlx::Error> {
        let make = format!("CREATE TABLE {} (job text, task text)", self.table);
        let mut connection = PgConnection::connect(address).await?;
        sqlx::query(AssertSqlSafe(make)).execute(&mut connection).await.map(drop)
    }

    /// Writes, or fails when it is written.
    pub(super) async fn enter(&self, ctx: &TaskContext) -> Result<(), AgentError> {
        let mut chance = Rng::new(super::hash(&ctx.idempotency_key()) ^ u64::from(ctx.attempt()) ^ 1);
        let fails = chance.chance(20);
        let insert = format!("INSERT INTO {} VALUES ($1, $2)", self.table);
        ctx.transaction(async |database| {
            let insert = sqlx::query(AssertSqlSafe(insert.clone()));
            insert.bind(ctx.job_id()).bind(ctx.task_id()).execute(database).await?;
            if fails { Err(AgentError::retry("it is rolled back")) } else { Ok(()) }
        })
        .await
    }

    /// How often each job is in the table.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn read(&self, address: &str) -> Result<BTreeMap<JobId, i64>, sqlx::Error> {
        let sum = format!("SELECT job, count(*) FROM {} GROUP BY job", self.table);
        let mut connection = PgConnection::connect(address).await?;
        let rows: Vec<(String, i64)> = sqlx::query_as(AssertSqlSafe(sum)).fetch_all(&mut connection).await?;
        Ok(rows.into_iter().filter_map(|(job, count)| Some((job.parse().ok()?, count))).collect())
    }
}
