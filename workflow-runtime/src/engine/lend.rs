//! Places that are given back for a while: by attempts that wait for their subtasks.

use std::sync::Arc;

use super::attempt::Held;
use super::core::Engine;
use super::job::Job;
use crate::record::TaskId;

impl Engine {
    /// An attempt waits for others: it gives its place back meanwhile.
    pub(super) fn lend(self: &Arc<Self>, job: &Arc<Job>, task: TaskId) -> bool {
        let mut granted = Vec::new();
        {
            let mut inner = job.lock();
            let live = inner.live();
            let queue = self.default_queue();
            let held = live.places.entry(task).or_insert_with(|| Held {
                queue: Arc::clone(queue),
                asks: Vec::new(),
                lent: 0,
            });
            held.lent += 1;
            if held.lent > 1 {
                return true;
            }
            granted.extend(held.queue.release());
            let returning = self.leave_gates(&held.asks, None);
            drop(inner);
            for entry in returning {
                self.come_back(entry, &mut granted);
            }
        }
        granted.into_iter().for_each(|entry| self.grant(entry));
        true
    }

    /// It goes on, and has its place again, even if there is one too many then.
    pub(super) fn take_back(self: &Arc<Self>, job: &Job, task: TaskId) {
        let mut inner = job.lock();
        if let Some(held) = inner.live().places.get_mut(&task)
            && held.lent > 0
        {
            held.lent -= 1;
            if held.lent == 0 {
                held.queue.retake();
                self.retake_gates(&held.asks);
            }
        }
    }
}
