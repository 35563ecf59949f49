//! What of the jobs is for this node, where several share a store: those of queues that it serves, and no more than there
//! is room for. The rest is left in the store, free, for whoever takes it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::core::Engine;
use super::executor::Executor;
use super::job::{Hold, Job};
use super::news::Heard;
use crate::fingerprint::Hasher;
use crate::registry::Registry;
use crate::store::{News, Offer};
use crate::timestamp::Timestamp;

/// How many jobs may wait in one process unless something else is said.
pub(crate) const BACKLOG: usize = 10_000;

/// Which jobs are for a node.
#[derive(Debug, Clone)]
pub(crate) struct Share {
    /// The queues that it serves, if not all.
    pub(crate) queues: Option<Vec<Arc<str>>>,
    /// How many jobs may wait in it.
    pub(crate) backlog: usize,
    /// What its program calls itself.
    pub(crate) version: Arc<str>,
}

impl Default for Share {
    fn default() -> Self {
        Self { queues: None, backlog: BACKLOG, version: Arc::from("") }
    }
}

impl Share {
    /// What others are told of it.
    ///
    /// # Errors
    /// When something of the registry cannot be written as JSON.
    pub(crate) fn offer(&self, registry: &Registry) -> Result<Offer, String> {
        let mut workflows: Vec<Arc<str>> =
            registry.workflows().iter().map(|workflow| Arc::from(workflow.name())).collect();
        workflows.sort_unstable();
        let catalogue = serde_json::to_string(&registry.catalogue());
        let catalogue = catalogue.map_err(|error| error.to_string())?;
        let mut program = Hasher::new();
        program.add(&self.version).add(&catalogue);
        Ok(Offer {
            version: Arc::clone(&self.version),
            program: program.finish().to_string().into(),
            queues: self.queues.clone(),
            workflows,
        })
    }
}

impl Engine {
    /// Whether what waits in a queue runs on this node.
    pub(super) fn serves(&self, queue: &str) -> bool {
        let queues = &self.config.share.queues;
        !self.shares_store() || queues.as_ref().is_none_or(|queues| queues.iter().any(|own| **own == *queue))
    }

    /// How many jobs more may wait here.
    pub(super) fn room(&self) -> usize {
        if !self.shares_store() {
            return usize::MAX;
        }
        let in_queues: usize = self.queues().iter().map(|queue| queue.waiting() as usize).sum();
        self.config.share.backlog.saturating_sub(in_queues + self.gates.waiting())
    }

    /// Whether a new job is to be left in the store, free.
    pub(super) fn is_for_others(&self, job: &Job) -> bool {
        if !self.shares_store() {
            return false;
        }
        // Who waits for a job is as near as can be.
        let is_called = job.options().parent.is_some();
        !self.serves(&self.queue_name(job)) || (!is_called && self.room() == 0)
    }

    /// A new job is left in the store, free, if it is for others; says whether it is.
    pub(super) fn leave_to_others(&self, job: &Job) -> bool {
        let is_left = self.is_for_others(job);
        if is_left {
            job.lock().hold = Hold::Left;
        }
        is_left
    }

    /// When a job is left in the store, free: by when it should begin.
    pub(super) fn free(&self, job: &Job, hold: Hold) -> Option<Timestamp> {
        (hold == Hold::Left).then(|| self.due(job))
    }

    /// Something has ended: if half of the room for what waits is free, and something may be left in the store, it is
    /// looked for it.
    pub(super) fn look_for_more(self: &Arc<Self>) {
        if !self.has_more.load(Ordering::Relaxed) || self.room() < self.config.share.backlog.div_ceil(2) {
            return;
        }
        if !self.has_more.swap(false, Ordering::SeqCst) {
            return;
        }
        match &self.executor {
            Executor::Tokio(_) => self.news.tell(News::Jobs),
            Executor::Local(_) => {
                let engine = Arc::clone(self);
                self.executor.spawn(async move {
                    drop(engine.look_around(Heard::JOBS).await);
                });
            }
        }
    }
}
