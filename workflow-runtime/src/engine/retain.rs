//! Forgetting jobs that are kept no longer: by time, and by hand.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use super::alarm::Alarm;
use super::core::Engine;
use super::drive::yield_now;
use super::executor::Executor;
#[cfg(feature = "archive")]
use super::executor::lock;
use crate::job_id::JobId;
use crate::retention::{Keep, Retention};
use crate::store::{Expiry, Filter, Head, Store, StoreError};
use crate::timestamp::Timestamp;

/// How many jobs are forgotten at once: few, so that nobody who writes waits for long.
pub(crate) const PRUNED: usize = 200;

/// How many dead letters are looked at at once.
const PAGE: usize = 500;

impl Engine {
    /// Begins to look now and then whether jobs are to be forgotten.
    pub(crate) fn begin_retaining(self: &Arc<Self>) {
        let is_kept = self.scribe.is_some() && !self.config.hands_off;
        let Some(retention) = self.config.retention.as_ref().filter(|_| is_kept) else {
            return;
        };
        let every = retention.every;
        match &self.executor {
            Executor::Tokio(handle) => {
                let engine = Arc::downgrade(self);
                drop(handle.spawn(async move {
                    loop {
                        tokio::time::sleep(every).await;
                        let Some(engine) = Self::at_work(&engine) else { return };
                        engine.retain().await;
                    }
                }));
            }
            Executor::Local(_) => drop(self.timers.set(self.clock.now() + every, Alarm::Retain)),
        }
    }

    fn at_work(engine: &Weak<Self>) -> Option<Arc<Self>> {
        engine.upgrade().filter(|engine| !engine.stopping.load(Ordering::SeqCst))
    }

    /// The moment has come to look, under a clock that stands still.
    pub(super) fn retain_by_alarm(self: &Arc<Self>) {
        let Some(retention) = &self.config.retention else { return };
        self.timers.set(self.clock.now() + retention.every, Alarm::Retain);
        let engine = Arc::clone(self);
        self.executor.spawn(async move { engine.retain().await });
    }

    /// Forgets what is kept no longer. What cannot be forgotten now is the next time.
    async fn retain(self: &Arc<Self>) {
        let Some(retention) = &self.config.retention else { return };
        if let Err(error) = self.retain_by(retention).await {
            tracing::warn!("jobs that are kept no longer could not be forgotten: {error}");
        }
    }

    async fn retain_by(self: &Arc<Self>, retention: &Retention) -> Result<(), StoreError> {
        let now = self.clock.now();
        let named = retention.of.iter().map(|(name, keep)| (Some(Arc::clone(name)), *keep));
        for (name, keep) in named.chain([(None, retention.all)]).filter(|(_, keep)| !keep.is_all()) {
            let but = match name {
                Some(_) => Vec::new(),
                None => retention.of.keys().cloned().collect(),
            };
            let ended_before = keep.time.map(|time| now - time);
            let rule = Expiry { name, but, ended_before, beyond: keep.jobs, ..Expiry::at_most(PRUNED) };
            self.forget_by(rule).await?;
        }
        if !retention.letters.is_all() {
            let letters = self.old_letters(retention.letters, now).await?;
            for some in letters.chunks(PRUNED) {
                let some = some.to_vec();
                self.forget_some(move |_| Ok(some)).await?;
            }
        }
        Ok(())
    }

    /// Forgets all jobs that a rule lets go, some at a time; says how many.
    pub(crate) async fn forget_by(self: &Arc<Self>, rule: Expiry) -> Result<usize, StoreError> {
        let mut forgotten = 0;
        loop {
            let rule = rule.clone();
            let some = self.forget_some(move |store| store.expired(&rule)).await?;
            forgotten += some;
            if some < PRUNED {
                return Ok(forgotten);
            }
            // Others write meanwhile.
            yield_now().await;
        }
    }

    /// Forgets these jobs, if they are over; says how many.
    #[cfg(feature = "acting")]
    pub(crate) async fn forget_these(self: &Arc<Self>, jobs: Vec<JobId>) -> Result<usize, StoreError> {
        self.forget_some(move |_| Ok(jobs)).await
    }

    /// Forgets some jobs, once the archive has them; says how many.
    async fn forget_some(
        self: &Arc<Self>,
        which: impl FnOnce(&dyn Store) -> Result<Vec<JobId>, StoreError> + Send + 'static,
    ) -> Result<usize, StoreError> {
        let engine = Arc::clone(self);
        let forget = move |store: &dyn Store| {
            let jobs = which(store)?;
            engine.keep_elsewhere(store, &jobs)?;
            store.forget(&jobs)
        };
        let gone = self.ask_store(forget).await?.unwrap_or_default();
        gone.iter().for_each(|id| self.index.remove_over(*id));
        Ok(gone.len())
    }

    /// Writes jobs to the archive, if there is one.
    #[cfg(feature = "archive")]
    fn keep_elsewhere(&self, store: &dyn Store, jobs: &[JobId]) -> Result<(), StoreError> {
        let (Some(folder), Some(scribe)) =
            (self.config.retention.as_ref().and_then(|retention| retention.archive.clone()), &self.scribe)
        else {
            return Ok(());
        };
        let mut archive = lock(&self.archive);
        let name = || format!("jobs-{:010}", scribe.term().0);
        let archive = archive.get_or_insert_with(|| crate::archive::ArchiveWriter::new(folder, name()));
        archive.write(jobs.iter().filter_map(|job| store.read(*job).transpose()))
    }

    #[cfg(not(feature = "archive"))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "there is no archive in this program")]
    fn keep_elsewhere(&self, _: &dyn Store, _: &[JobId]) -> Result<(), StoreError> {
        Ok(())
    }

    /// The dead letters that are kept no longer.
    async fn old_letters(self: &Arc<Self>, keep: Keep, now: Timestamp) -> Result<Vec<JobId>, StoreError> {
        let before = keep.time.map(|time| now - time);
        let mut letters: HashMap<Arc<str>, Vec<(Timestamp, JobId)>> = HashMap::new();
        let mut after = None;
        loop {
            let filter = Filter { dead: true, after, limit: Some(PAGE), ..Filter::default() };
            let page = self.ask_store(move |store| store.list(&filter)).await?.unwrap_or_default();
            let of = |head: &Head| (head.ended.unwrap_or_default(), head.id);
            page.iter().for_each(|head| letters.entry(Arc::clone(&head.name)).or_default().push(of(head)));
            after = page.last().map(|head| head.id);
            // Who was accepted later has not ended before.
            let is_young = |id: JobId| before.is_some_and(|before| id.made_at() >= before);
            if page.len() < PAGE || (keep.jobs.is_none() && after.is_some_and(is_young)) {
                break;
            }
        }
        let mut old = Vec::new();
        for mut of_name in letters.into_values() {
            of_name.sort_unstable();
            let beyond = keep.jobs.map_or(0, |jobs| of_name.len().saturating_sub(jobs));
            let goes = |(place, (ended, _)): &(usize, &(Timestamp, JobId))| {
                *place < beyond || before.is_some_and(|before| *ended < before)
            };
            old.extend(of_name.iter().enumerate().filter(goes).map(|(_, (_, id))| *id));
        }
        Ok(old)
    }
}
