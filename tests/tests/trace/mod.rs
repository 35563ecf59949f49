//! What agents did, in order, and when.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use workflow_runtime::testing::TestRuntime;
use workflow_runtime::{Runtime, RuntimeBuilder, TaskContext, Timestamp};

/// The moment at which the clock of every `TestRuntime` stands at first.
pub(crate) const START: Timestamp = Timestamp::from_micros(1_735_689_600_000_000);

/// What agents did: a list that all of them write to. Agents receive it as `State<Trace>`.
#[derive(Clone, Default)]
pub(crate) struct Trace(Arc<Mutex<Vec<(u64, String)>>>);

impl Trace {
    /// Writes a line, with the second at which it is written.
    pub(crate) fn note(&self, context: &TaskContext, what: impl Into<String>) {
        let second = context.now().since(START).as_secs();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((second, what.into()));
    }

    /// All lines: `3 +a` is what `a` did at second 3.
    pub(crate) fn lines(&self) -> Vec<String> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().map(|(second, what)| format!("{second} {what}")).collect()
    }
}

/// A runtime without jitter, and what its agents do.
pub(crate) fn traced() -> (TestRuntime, Trace) {
    traced_of(Runtime::builder())
}

/// A runtime that is set up like this, without jitter, and what its agents do.
pub(crate) fn traced_of(builder: RuntimeBuilder) -> (TestRuntime, Trace) {
    let trace = Trace::default();
    (TestRuntime::of(builder.state(trace.clone()).jitter(0.0)), trace)
}

/// So many seconds.
pub(crate) const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}
