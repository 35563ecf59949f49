//! Who looks at schedules just now and may have the store in hand: a runtime that shuts down waits for them, so that
//! nobody has it afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

use crate::engine::core::Engine;

/// How many there are.
#[derive(Debug, Default)]
pub(super) struct Desk {
    busy: AtomicUsize,
    /// Told whenever one is done.
    done: Notify,
}

/// One who may have the store in hand.
pub(super) struct Busy(Arc<Engine>);

impl Busy {
    pub(super) fn new(engine: &Arc<Engine>) -> Self {
        engine.timetable.desk.busy.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(engine))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let desk = &self.0.timetable.desk;
        desk.busy.fetch_sub(1, Ordering::SeqCst);
        desk.done.notify_waiters();
    }
}

impl Engine {
    /// Waits until nobody looks at schedules any more. Whoever begins after the shutdown has begun leaves it at that.
    pub(in crate::engine) async fn close_timetable(self: &Arc<Self>) {
        let desk = &self.timetable.desk;
        let closed = async {
            loop {
                let told = desk.done.notified();
                if desk.busy.load(Ordering::SeqCst) == 0 {
                    return;
                }
                told.await;
            }
        };
        self.wait_for(closed).await;
    }
}
