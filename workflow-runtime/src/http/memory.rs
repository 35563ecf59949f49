//! The jobs of a runtime that has no store, looked at as if they were in one.

use std::sync::Arc;

use crate::engine::Engine;
use crate::job_id::JobId;
use crate::store::{
    Claimed, Entry, Expiry, Filter, Head, Kept, Lines, Most, Note, Store, StoreError, StoreErrorKind, Term,
    Verdict,
};

/// Nothing can be written by way of it.
#[derive(Debug)]
pub(super) struct Memory(pub(super) Arc<Engine>);

fn refused<T>() -> Result<T, StoreError> {
    Err(StoreError::new(StoreErrorKind::InUse, "what is in memory is only looked at here"))
}

impl Store for Memory {
    fn describe(&self) -> String {
        "memory".to_owned()
    }

    fn begin(&self, _node: &str) -> Result<Term, StoreError> {
        refused()
    }

    fn write(&self, _entries: &[Entry]) -> Result<Vec<Verdict>, StoreError> {
        refused()
    }

    fn claim(&self, _term: Term, _most: Most) -> Result<Vec<Claimed>, StoreError> {
        refused()
    }

    fn read(&self, job: JobId) -> Result<Option<Kept>, StoreError> {
        let Some(job) = self.0.index.get(job) else { return Ok(None) };
        let (head, lines) = (self.0.head(&job), self.0.lines(&job));
        let json = serde_json::to_string(&lines).map_err(|error| {
            let message = format!("job {}: its records cannot be written: {error}", head.id);
            StoreError::new(StoreErrorKind::Corrupt, message)
        })?;
        let lines = Lines { count: u32::try_from(lines.len()).unwrap_or(u32::MAX), json };
        Ok(Some(Kept { head, lines: vec![lines] }))
    }

    fn list(&self, filter: &Filter) -> Result<Vec<Head>, StoreError> {
        let heads: Vec<Head> = self.0.index.all().iter().map(|job| self.0.head(job)).collect();
        Ok(filter.pick(heads.iter()))
    }

    fn taker(&self, once: &str) -> Result<Option<JobId>, StoreError> {
        Ok(crate::engine::lock(&self.0.taken).get(once).copied())
    }

    fn notes(&self, topic: &str) -> Result<Vec<Note>, StoreError> {
        if topic != crate::engine::DEEDS {
            return Ok(Vec::new());
        }
        let deeds = crate::engine::lock(&self.0.deeds);
        let note = |deed: &crate::deed::Deed| Note {
            name: deed.at.to_string().into(),
            text: serde_json::to_string(deed).unwrap_or_default().into(),
            version: 1,
        };
        Ok(deeds.iter().map(note).collect())
    }

    fn expired(&self, _rule: &Expiry) -> Result<Vec<JobId>, StoreError> {
        refused()
    }

    fn forget(&self, _jobs: &[JobId]) -> Result<Vec<JobId>, StoreError> {
        refused()
    }
}
