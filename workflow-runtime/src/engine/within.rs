//! New jobs that are written in somebody else's transaction, and taken over when that is committed.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use super::core::Engine;
use super::job::{Job, JobWork, Unwritten};
use super::takeover::Takeover;
use super::wait::Sleep;
use crate::job_id::JobId;
use crate::record::JobOptions;
use crate::sketch::TOPIC;
use crate::store::rusqlite::Connection;
use crate::store::{SqliteStore, StoreError, StoreErrorKind, Verdict, Within};

/// When it is looked for a job that nobody has asked to begin: its transaction may take some time yet, or be rolled back.
const LOOKS: [Duration; 4] =
    [Duration::from_millis(50), Duration::from_secs(1), Duration::from_secs(10), Duration::from_secs(120)];

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

impl Engine {
    /// Writes a new job in a transaction that somebody else began on the store's file; gives its id.
    pub(crate) fn write_within(
        &self,
        connection: &Connection,
        work: JobWork,
        options: Option<Box<JobOptions>>,
    ) -> Result<JobId, NotWithin> {
        let store =
            self.scribe.as_ref().map(|scribe| scribe.store()).transpose().map_err(NotWithin::Store)?;
        let any: Option<&dyn Any> = store.as_deref().map(|store| store as &dyn Any);
        let Some(sqlite) = any.and_then(|any| any.downcast_ref::<SqliteStore>()) else {
            let message = "a job can be written in a transaction of SQLite where jobs are kept in its file: open the \
                           runtime by `Runtime::open`";
            return Err(NotWithin::Store(StoreError::new(StoreErrorKind::Foreign, message)));
        };
        let sketch = self.place_of_work(&work).map(|place| place.sketch(&self.registry));
        let job = Job::new(self.ids.make(self.clock.now()), work, options, false);
        let mut unwritten = Unwritten::default();
        unwritten.add(&self.first_record(&job), None, &[]).map_err(NotWithin::Unwritable)?;
        let lines = unwritten.take().unwrap_or_default();
        let head = self.head(&job);
        let plan = sketch.map(|sketch| {
            let text =
                serde_json::to_string(&sketch).map_err(|error| NotWithin::Unwritable(error.to_string()));
            text.map(|text| (sketch.means.to_string(), text))
        });
        let plan = plan.transpose()?;
        let note = plan.as_ref().map(|(name, text)| (TOPIC, &**name, &**text));
        match sqlite.write_within(connection, &Within { head: &head, lines: &lines, note }) {
            Ok(Verdict::Taken(other)) => Err(NotWithin::Taken(other)),
            Ok(_) => Ok(job.id),
            Err(error) => Err(NotWithin::Store(error)),
        }
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
