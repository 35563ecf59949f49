//! Queues, as an operator sees them: what waits and runs in them, and whether they are paused.

use std::sync::Arc;

use crate::runtime::Runtime;
use crate::store::StoreError;

/// A queue, as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueStatus {
    /// Its name.
    pub name: Arc<str>,
    /// How many attempts hold a place.
    pub running: u32,
    /// How many tasks, and jobs that have not begun, wait for one.
    pub waiting: u32,
    /// Whether it is paused.
    pub paused: bool,
}

impl Runtime {
    /// Lets nothing of a queue start until it is [resumed](Self::resume_queue), at once. What runs goes on. In a store that
    /// is remembered: when this returns, the queue is paused after a restart, too.
    ///
    /// # Errors
    /// When that could not be written down; the queue is paused all the same, until the process ends.
    pub async fn pause_queue(&self, queue: &str) -> Result<(), StoreError> {
        let _alone = self.engine.setting.lock().await;
        self.engine.queue(queue).pause();
        self.engine.note_pause(queue, true).await
    }

    /// Lets a queue's tasks start again, once that is written down.
    ///
    /// # Errors
    /// When it could not be written down; the queue stays paused.
    pub async fn resume_queue(&self, queue: &str) -> Result<(), StoreError> {
        let _alone = self.engine.setting.lock().await;
        self.engine.note_pause(queue, false).await?;
        self.engine.resume_here(queue);
        Ok(())
    }

    /// The queues, by name.
    pub fn queues(&self) -> Vec<QueueStatus> {
        let mut queues: Vec<QueueStatus> = self
            .engine
            .queues()
            .iter()
            .map(|queue| QueueStatus {
                name: Arc::clone(&queue.settings.name),
                running: queue.running(),
                waiting: queue.waiting(),
                paused: queue.is_paused(),
            })
            .collect();
        queues.sort_by(|one, other| one.name.cmp(&other.name));
        queues
    }
}
