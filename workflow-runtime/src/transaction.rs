//! What a step does in the database exactly once.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::context::TaskContext;
use crate::error::AgentError;
use crate::store::sqlx::PgConnection;
use crate::store::{StoreError, StoreErrorKind};

impl TaskContext {
    /// Does something in a transaction of the database in which jobs are kept: what it writes there is written exactly once,
    /// however often the step is tried, and whatever dies meanwhile.
    ///
    /// What `work` gives is committed with what it writes. When the step is tried again after that, it is given at once, and
    /// nothing is done again; so a step may do several such things, one after the other, in the same order each time. When
    /// `work` fails, all of it is rolled back. What it does elsewhere, outside of this transaction, it may do again.
    ///
    /// A transaction holds one of few [connections](crate::store::PostgresOptions::transactions): it should be short, and is
    /// ended by the database when it does nothing for ten seconds.
    ///
    /// ```no_run
    /// use workflow_runtime::prelude::*;
    /// use workflow_runtime::store::sqlx;
    ///
    /// #[task_agent]
    /// async fn charge(account: i64, cents: i64, ctx: &TaskContext) -> Result<i64, AgentError> {
    ///     ctx.transaction(async |database| {
    ///         let left = "UPDATE accounts SET cents = cents - $2 WHERE id = $1 RETURNING cents";
    ///         sqlx::query_scalar(left).bind(account).bind(cents).fetch_one(database).await
    ///     })
    ///     .await
    /// }
    /// ```
    ///
    /// # Errors
    /// What `work` gives; and one that says retry when the database cannot be reached, or when another node has taken the
    /// job over. Where jobs are not kept in PostgreSQL, one that is permanent.
    pub async fn transaction<T, E, F>(&self, work: F) -> Result<T, AgentError>
    where
        T: Serialize + DeserializeOwned,
        E: Into<AgentError>,
        F: AsyncFnOnce(&mut PgConnection) -> Result<T, E>,
    {
        let unreadable = |error: serde_json::Error| {
            AgentError::permanent(format!("what a transaction gave is not what it gives now: {error}"))
        };
        let once = self.host().once()?;
        let mut begun = once.begin().await.map_err(of_store)?;
        if let Some(given) = begun.given() {
            return serde_json::from_str(given).map_err(unreadable);
        }
        let given = work(begun.connection()).await.map_err(Into::into)?;
        let text = serde_json::to_string(&given).map_err(AgentError::permanent)?;
        begun.commit(&text).await.map_err(of_store)?;
        Ok(given)
    }
}

/// What fails in the store may go better the next time, unless it is the wrong one.
fn of_store(error: StoreError) -> AgentError {
    match error.kind() {
        StoreErrorKind::Foreign => AgentError::permanent(error),
        _ => AgentError::retry(error),
    }
}
