//! New jobs that are written in somebody else's transaction, and taken over when that is committed.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use super::core::Engine;
use super::job::{Job, JobWork, Unwritten};
use super::takeover::Takeover;
use super::wait::Sleep;
#[cfg(feature = "postgres")]
use super::words::Said;
use crate::job_id::JobId;
use crate::record::JobOptions;
use crate::sketch::TOPIC;
#[cfg(feature = "sqlite")]
use crate::store::SqliteStore;
#[cfg(feature = "sqlite")]
use crate::store::rusqlite::Connection;
#[cfg(feature = "postgres")]
use crate::store::{PostgresStore, Word, WordId, sqlx::PgConnection};
use crate::store::{Store, StoreError, StoreErrorKind, Verdict, Within};

/// When it is looked for a job that nobody has asked to begin: its transaction may take some time yet, or be rolled back.
const LOOKS: [Duration; 4] =
    [Duration::from_millis(50), Duration::from_secs(1), Duration::from_secs(10), Duration::from_secs(120)];

/// What to do where jobs are not kept in PostgreSQL.
#[cfg(feature = "postgres")]
const CONNECT: &str = "open the runtime by `Runtime::connect`, on the database of the transaction";

/// Why a job was not written in a transaction.
#[derive(Debug)]
pub(crate) enum NotWithin {
    /// What was asked for cannot be written as JSON.
    Unwritable(String),
    /// Another job has a key of it.
    Taken(JobId),
    /// The store is none, is another, or cannot be written.
    Store(StoreError),
}

impl NotWithin {
    fn of(verdict: Result<Verdict, StoreError>, job: JobId) -> Result<JobId, Self> {
        match verdict {
            Ok(Verdict::Taken(other)) => Err(Self::Taken(other)),
            Ok(_) => Ok(job),
            Err(error) => Err(Self::Store(error)),
        }
    }
}

impl Engine {
    /// The store, if it is one of these.
    fn store_of<'a, S: Store>(store: Option<&'a dyn Store>, cure: &str) -> Result<&'a S, StoreError> {
        let any: Option<&dyn Any> = store.map(|store| store as &dyn Any);
        any.and_then(|any| any.downcast_ref()).ok_or_else(|| {
            let message =
                format!("a job can be written in a transaction where jobs are kept beside it: {cure}");
            StoreError::new(StoreErrorKind::Foreign, message)
        })
    }

    /// What is to be written of a new job.
    fn new_within(&self, work: JobWork, options: Option<Box<JobOptions>>) -> Result<Within, NotWithin> {
        let sketch = self.place_of_work(&work).map(|place| place.sketch(&self.registry));
        let job = Job::new(self.ids.make(self.clock.now()), work, options, false);
        let mut unwritten = Unwritten::default();
        unwritten.add(&self.first_record(&job), None, &[]).map_err(NotWithin::Unwritable)?;
        let lines = unwritten.take().unwrap_or_default();
        let (head, due) = (self.head(&job), self.due(&job));
        let plan = sketch.map(|sketch| {
            let text =
                serde_json::to_string(&sketch).map_err(|error| NotWithin::Unwritable(error.to_string()));
            text.map(|text| (TOPIC, sketch.means.to_string(), text))
        });
        Ok(Within { head, lines, due, note: plan.transpose()? })
    }

    /// Writes a new job in a transaction that somebody else began on the store's file; gives its id.
    #[cfg(feature = "sqlite")]
    pub(crate) fn write_within(
        &self,
        connection: &Connection,
        work: JobWork,
        options: Option<Box<JobOptions>>,
    ) -> Result<JobId, NotWithin> {
        let store =
            self.scribe.as_ref().map(|scribe| scribe.store()).transpose().map_err(NotWithin::Store)?;
        let cure = "open the runtime by `Runtime::open`, on the file of the transaction";
        let sqlite: &SqliteStore = Self::store_of(store.as_deref(), cure).map_err(NotWithin::Store)?;
        let new = self.new_within(work, options)?;
        NotWithin::of(sqlite.write_within(connection, &new), new.head.id)
    }

    /// Writes a new job on a connection of somebody else's to the store's database; gives its id.
    #[cfg(feature = "postgres")]
    pub(crate) async fn write_within_postgres(
        &self,
        connection: &mut PgConnection,
        work: JobWork,
        options: Option<Box<JobOptions>>,
    ) -> Result<JobId, NotWithin> {
        let store =
            self.scribe.as_ref().map(|scribe| scribe.store()).transpose().map_err(NotWithin::Store)?;
        let postgres: &PostgresStore = Self::store_of(store.as_deref(), CONNECT).map_err(NotWithin::Store)?;
        let new = self.new_within(work, options)?;
        NotWithin::of(postgres.write_within(connection, &new).await, new.head.id)
    }

    /// Leaves a word on a connection of somebody else's to the store's database.
    #[cfg(feature = "postgres")]
    pub(crate) async fn say_within_postgres(
        &self,
        connection: &mut PgConnection,
        job: JobId,
        said: &Said,
    ) -> Result<bool, StoreError> {
        let store = self.scribe.as_ref().map(|scribe| scribe.store()).transpose()?;
        let postgres: &PostgresStore = Self::store_of(store.as_deref(), CONNECT)?;
        let text = serde_json::to_string(said).unwrap_or_default().into();
        let id = WordId(self.ids.make(self.clock.now()).as_u128());
        postgres.leave_within(connection, &Word { id, job, text }).await
    }

    /// Takes over what was written by others; gives this job, if it is among that.
    pub(crate) async fn take_over_written(
        self: &Arc<Self>,
        id: JobId,
    ) -> Result<Option<Arc<Job>>, StoreError> {
        if let Some(job) = self.index.get(id) {
            return Ok(Some(job));
        }
        let engine = Arc::clone(self);
        self.ask_store(move |_| Takeover::of(&engine).take_more()).await?;
        Ok(self.index.get(id))
    }

    /// The same, for one who does not wait for it.
    pub(crate) fn take_over_later(self: &Arc<Self>, id: JobId) {
        let weak = Arc::downgrade(self);
        self.executor.spawn(async move {
            for look in LOOKS {
                let Some(engine) = weak.upgrade() else { return };
                let sleep = Sleep::new(&engine, engine.clock.now() + look);
                drop(engine);
                sleep.await;
                let Some(engine) = weak.upgrade() else { return };
                if matches!(engine.take_over_written(id).await, Ok(Some(_))) {
                    return;
                }
            }
        });
    }
}
