//! Handing a job in inside a transaction of one's own, on the file or in the database in which jobs are kept.

use std::fmt;
use std::sync::Arc;

use crate::data::DataError;
#[cfg(feature = "postgres")]
use crate::engine::Said;
use crate::engine::{JobWork, NotWithin};
use crate::handle::JobHandle;
use crate::job_id::JobId;
use crate::record::JobOptions;
use crate::runtime::Runtime;
#[cfg(feature = "sqlite")]
use crate::store::rusqlite::Connection;
#[cfg(feature = "postgres")]
use crate::store::sqlx::PgConnection;
use crate::store::{StoreError, StoreErrorKind};
use crate::submission::{Submission, SubmitError};
use crate::value::Value;

/// A job that was written in a transaction: it is there if and only if that is committed.
///
/// [`begin`](Self::begin) it after the commit. If it is dropped, the runtime looks for the job by itself for some minutes,
/// and again when it is started again.
#[must_use = "commit the transaction, and let the job begin"]
pub struct Pledge<T> {
    runtime: Runtime,
    id: JobId,
    read: fn(&Value) -> Result<T, DataError>,
    is_begun: bool,
}

impl<T> Submission<T> {
    /// Writes the job inside a transaction that was begun on this connection to the very file in which jobs are kept: the job
    /// exists if and only if what else the transaction writes does.
    ///
    /// ```standalone_crate
    /// use workflow_runtime::prelude::*;
    /// use workflow_runtime::store::rusqlite::Connection;
    ///
    /// #[task_agent]
    /// async fn ship(order: u64) -> u64 {
    ///     order
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = std::env::temp_dir().join(format!("within-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// # let file = folder.join("jobs.db");
    /// let runtime = Runtime::open(&file).await?;
    /// let mut connection = Connection::open(&file)?;
    /// connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, article TEXT)", [])?;
    ///
    /// let transaction = connection.transaction()?;
    /// transaction.execute("INSERT INTO orders VALUES (17, 'umbrella')", [])?;
    /// let shipping = runtime.submit(ship::with(17)).within(&transaction)?;
    /// transaction.commit()?;
    /// assert_eq!(shipping.begin().await?.await?, 17);
    /// # runtime.shutdown(std::time::Duration::from_secs(1)).await;
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// While the transaction is open, nothing else can be written to the file: keep it short, and await nothing of this
    /// runtime in it. A bounded queue's room is not asked for.
    ///
    /// # Errors
    /// When what is asked for is not right; when another job has its key; when the runtime keeps its jobs elsewhere, or the
    /// connection has no transaction.
    #[cfg(feature = "sqlite")]
    pub fn within(self, connection: &Connection) -> Result<Pledge<T>, SubmitError> {
        let (runtime, work, options, read) = self.into_parts()?;
        let asked = Asked::new(&runtime, &work, options.as_deref());
        let written = runtime.engine.write_within(connection, work, options);
        asked.pledge(runtime, written, read)
    }

    /// Writes the job on a connection to the very database in which jobs are kept, mostly one with a transaction: the job
    /// exists if and only if what else the transaction writes does. Any node may run it then, at once.
    ///
    /// ```no_run
    /// use workflow_runtime::prelude::*;
    /// use workflow_runtime::store::sqlx::{self, Connection, PgConnection};
    ///
    /// #[task_agent]
    /// async fn ship(order: i64) -> i64 {
    ///     order
    /// }
    ///
    /// # async fn sell() -> Result<(), Box<dyn std::error::Error>> {
    /// let runtime = Runtime::connect("postgres://db.example/shop").await?;
    /// let mut connection = PgConnection::connect("postgres://db.example/shop").await?;
    ///
    /// let mut transaction = connection.begin().await?;
    /// sqlx::query("INSERT INTO orders VALUES (17, 'umbrella')").execute(&mut *transaction).await?;
    /// let shipping = runtime.submit(ship::with(17)).within_postgres(&mut transaction).await?;
    /// transaction.commit().await?;
    /// assert_eq!(shipping.begin().await?.await?, 17);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// While the transaction is open, who wants the same key waits: keep it short. A bounded queue's room is not asked for.
    ///
    /// # Errors
    /// When what is asked for is not right; when another job has its key; when the runtime keeps its jobs elsewhere, or the
    /// connection is one to another database.
    #[cfg(feature = "postgres")]
    pub async fn within_postgres(self, connection: &mut PgConnection) -> Result<Pledge<T>, SubmitError> {
        let (runtime, work, options, read) = self.into_parts()?;
        let asked = Asked::new(&runtime, &work, options.as_deref());
        let written = runtime.engine.write_within_postgres(connection, work, options).await;
        asked.pledge(runtime, written, read)
    }
}

#[cfg(feature = "postgres")]
impl Runtime {
    /// Signals a job on a connection to the very database in which jobs are kept, mostly one with a transaction: the job
    /// hears of the event if and only if what else the transaction writes is written. Says whether there is such a job that
    /// is not over; whether it awaits such an event, it says itself when it hears of it, and then only in the log.
    ///
    /// # Errors
    /// When the runtime keeps its jobs elsewhere, or the connection cannot be used.
    pub async fn signal_within_postgres<V: serde::Serialize>(
        &self,
        connection: &mut PgConnection,
        job: JobId,
        event: &str,
        value: V,
    ) -> Result<bool, StoreError> {
        let value = serde_json::to_value(value).map_err(|error| {
            StoreError::new(StoreErrorKind::Foreign, format!("the value of `{event}`: {error}"))
        })?;
        let said = Said::Signal { event: event.into(), value };
        self.engine.say_within_postgres(connection, job, &said).await
    }
}

/// What was asked for, for who is refused.
struct Asked {
    name: Arc<str>,
    key: Option<Arc<str>>,
}

impl Asked {
    fn new(runtime: &Runtime, work: &JobWork, options: Option<&JobOptions>) -> Self {
        let key = options.and_then(|options| options.once.clone().or(options.unique.clone()));
        Self { name: runtime.engine.name_of_work(work), key }
    }

    fn pledge<T>(
        self,
        runtime: Runtime,
        written: Result<JobId, NotWithin>,
        read: fn(&Value) -> Result<T, DataError>,
    ) -> Result<Pledge<T>, SubmitError> {
        let name = || self.name.to_string();
        match written {
            Ok(id) => Ok(Pledge { runtime, id, read, is_begun: false }),
            Err(NotWithin::Unwritable(problem)) => Err(SubmitError::BadInput { name: name(), problem }),
            Err(NotWithin::Taken(job)) => {
                let key = self.key.as_deref().unwrap_or_default().to_owned();
                Err(SubmitError::Duplicate { name: name(), key, job })
            }
            Err(NotWithin::Store(error)) => Err(SubmitError::Store(error)),
        }
    }
}

impl<T> Pledge<T> {
    /// The id that the job has, or would have.
    pub fn id(&self) -> JobId {
        self.id
    }

    /// Lets the job begin, now that its transaction is committed.
    ///
    /// # Errors
    /// When the store cannot be read, and when the job is not there: its transaction was rolled back, or is not committed.
    pub async fn begin(mut self) -> Result<JobHandle<T>, SubmitError> {
        let engine = &self.runtime.engine;
        let mut found = engine.take_over_written(self.id).await.map_err(SubmitError::Store)?;
        if found.is_none() && engine.shares_store() {
            // Another node was faster.
            let kept = self.runtime.kept(self.id).await?;
            found = kept.map(|kept| engine.job_kept(&kept)).transpose().map_err(SubmitError::Store)?;
        }
        self.is_begun = true;
        let job = found.ok_or_else(|| {
            let message = format!(
                "job {} is not there: its transaction was rolled back, or is not committed yet; commit it first",
                self.id
            );
            SubmitError::Store(StoreError::new(StoreErrorKind::Unavailable, message))
        })?;
        Ok(JobHandle::new(self.runtime.engine.clone(), job, self.read))
    }
}

impl<T> Drop for Pledge<T> {
    fn drop(&mut self) {
        if !self.is_begun {
            self.runtime.engine.take_over_later(self.id);
        }
    }
}

impl<T> fmt::Debug for Pledge<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Pledge({})", self.id)
    }
}
