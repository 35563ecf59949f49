//! What a workflow can wait for: time, and events from outside.

use std::marker::PhantomData;
use std::time::Duration;

/// In a workflow: a durable timer.
///
/// ```
/// # use workflow_runtime::prelude::*;
/// # #[task_agent] async fn remind(user: String) -> String { user }
/// workflow! {
///     /// Reminds a user, a day later.
///     pub workflow Remind(user: String) -> String {
///         phase wait { sleep("1d"); }
///         phase call { done = remind(user); }
///         done
///     }
/// }
/// ```
///
/// Its argument is a text like `"10m"`, which is checked while the workflow compiles, or an expression of
/// type [`Duration`].
pub fn sleep(time: Duration) -> Timer {
    Timer { time }
}

/// What [`sleep`] gives.
#[derive(Debug, Clone, Copy)]
pub struct Timer {
    time: Duration,
}

impl Timer {
    pub(crate) fn time(self) -> Duration {
        self.time
    }
}

/// In a workflow: waits for an event from outside, whose value is a `T`.
///
/// ```
/// # use workflow_runtime::prelude::*;
/// # #[task_agent] async fn publish(approved: bool) -> bool { approved }
/// workflow! {
///     /// Publishes what somebody has approved.
///     pub workflow Publish() -> bool {
///         phase ask { #[timeout("1d")] approved = signal::<bool>("approve"); }
///         phase act { done = publish(approved); }
///         done
///     }
/// }
/// ```
pub fn signal<T>(event: &'static str) -> Signal<T> {
    Signal { event, value: PhantomData }
}

/// What [`signal`] gives.
#[derive(Debug)]
pub struct Signal<T> {
    event: &'static str,
    value: PhantomData<fn() -> T>,
}

impl<T> Signal<T> {
    pub(crate) fn event(&self) -> &'static str {
        self.event
    }
}
