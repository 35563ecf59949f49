//! Transactions of steps: what they write, and what they give, is committed once for each step.

use std::any::Any;
use std::ops::Deref;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Postgres, Transaction, query_scalar, raw_sql};
use tokio::sync::OnceCell;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use super::failure::Trouble;
use super::options::PostgresOptions;
use super::store::PostgresStore;
use super::wire::{quoted, text, uuid};
use crate::job_id::JobId;
use crate::store::{Epoch, Store, StoreError, StoreErrorKind};

/// Which of the things it is that are done once.
#[derive(Debug, Clone)]
pub(crate) struct OnceKey {
    pub(crate) job: JobId,
    /// The epoch under which the job is held.
    pub(crate) epoch: Epoch,
    pub(crate) step: String,
    /// How many transactions the attempt has begun before.
    pub(crate) number: u32,
}

/// Something that a step does once, and the store in which it is done.
pub(crate) struct Once {
    pub(crate) store: Box<dyn Deref<Target = dyn Store> + Send + Sync>,
    pub(crate) key: OnceKey,
}

impl Once {
    /// Begins its transaction.
    pub(crate) async fn begin(&self) -> Result<Begun<'_>, StoreError> {
        let any: &dyn Any = &**self.store;
        match any.downcast_ref::<PostgresStore>() {
            Some(store) => store.begin_once(self.key.clone()).await,
            None => {
                let message = "a transaction needs a runtime whose jobs are kept in PostgreSQL: open it by `Runtime::connect`";
                Err(StoreError::new(StoreErrorKind::Foreign, message))
            }
        }
    }
}

/// The connections for transactions of steps: opened when the first is begun.
#[derive(Debug)]
pub(super) struct Transactions {
    connect: PgConnectOptions,
    options: PostgresOptions,
    pool: OnceCell<PgPool>,
}

impl Transactions {
    pub(super) fn new(connect: PgConnectOptions, options: PostgresOptions) -> Self {
        Self { connect, options, pool: OnceCell::new() }
    }

    async fn begin(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        let open = async || {
            PgPoolOptions::new()
                .min_connections(0)
                .max_connections(self.options.transactions)
                .acquire_timeout(self.options.patience)
                // Whoever has one back asks whether it is well, and would wait for ever where a network loses everything.
                .after_release(|connection, _| {
                    Box::pin(async {
                        timeout(SILENCE, connection.ping()).await.map_err(silent)?.map(|()| true)
                    })
                })
                .connect_lazy_with(self.connect.clone())
        };
        self.pool.get_or_init(open).await.begin().await
    }
}

/// For how long a connection may say nothing when it is asked whether it is well.
const SILENCE: Duration = Duration::from_secs(5);

fn silent(elapsed: Elapsed) -> sqlx::Error {
    sqlx::Error::Io(elapsed.into())
}

/// A transaction that has begun, or what one has given that was committed before.
pub(crate) struct Begun<'a> {
    store: &'a PostgresStore,
    key: OnceKey,
    transaction: Transaction<'static, Postgres>,
    given: Option<String>,
}

impl PostgresStore {
    /// Begins a transaction of a step. That the database is out of reach for a while is no fault of the step's.
    async fn begin_once(&self, key: OnceKey) -> Result<Begun<'_>, StoreError> {
        let begun = self.in_patience(|| self.try_to_begin(&key)).await;
        let (transaction, given) =
            begun.map_err(|trouble| trouble.of(self.described(), "no transaction can begin"))?;
        Ok(Begun { store: self, key, transaction, given })
    }

    async fn try_to_begin(
        &self,
        key: &OnceKey,
    ) -> Result<(Transaction<'static, Postgres>, Option<String>), Trouble> {
        let mut transaction = self.transactions().begin().await?;
        let sql = self
            .schema_sql("SELECT given FROM @.once WHERE job = $1 AND digest = @.digest($2) AND number = $3");
        let given = query_scalar(sql)
            .persistent(false)
            .bind(uuid(key.job))
            .bind(text(&key.step))
            .bind(i32::try_from(key.number).unwrap_or(i32::MAX))
            .fetch_optional(&mut *transaction)
            .await?;
        Ok((transaction, given))
    }
}

impl Begun<'_> {
    /// What it has given before.
    pub(crate) fn given(&self) -> Option<&str> {
        self.given.as_deref()
    }

    /// Where it does what it does.
    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }

    /// Commits it with what it gives. That is one message to the database: no process can stand still between the look at
    /// who holds the job and the commit.
    pub(crate) async fn commit(mut self, given: &str) -> Result<(), StoreError> {
        let OnceKey { job, epoch, step, number } = &self.key;
        let AssertSqlSafe(call) = self.store.schema_sql("SELECT @.done_once");
        let (job, epoch, step, given) = (uuid(*job), epoch.0, quoted(step), quoted(given));
        let call = format!("{call}('{job}', {epoch}, {step}, {number}, {given}); COMMIT");
        let done = raw_sql(AssertSqlSafe(call)).execute(&mut *self.transaction).await;
        done.map(drop)
            .map_err(|error| Trouble::from(error).of(self.store.described(), "a step cannot commit"))
    }
}
