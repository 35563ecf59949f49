//! Handing a job in inside a transaction of one's own, on the file in which jobs are kept.

use std::fmt;

use crate::data::DataError;
use crate::engine::NotWithin;
use crate::handle::JobHandle;
use crate::job_id::JobId;
use crate::runtime::Runtime;
use crate::store::rusqlite::Connection;
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
    pub fn within(self, connection: &Connection) -> Result<Pledge<T>, SubmitError> {
        let (runtime, work, options, read) = self.into_parts()?;
        let (name, key) = {
            let key = options.as_ref().and_then(|options| options.once.clone().or(options.unique.clone()));
            (runtime.engine.name_of_work(&work), key)
        };
        match runtime.engine.write_within(connection, work, options) {
            Ok(id) => Ok(Pledge { runtime, id, read, is_begun: false }),
            Err(NotWithin::Unwritable(problem)) => {
                Err(SubmitError::BadInput { name: name.to_string(), problem })
            }
            Err(NotWithin::Taken(job)) => {
                let key = key.as_deref().unwrap_or_default().to_owned();
                Err(SubmitError::Duplicate { name: name.to_string(), key, job })
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
        let found = self.runtime.engine.take_over_written(self.id).await;
        let found = found.map_err(SubmitError::Store)?;
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
