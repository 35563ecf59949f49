//! Where it is told what becomes of jobs.

use std::time::Duration;

/// Where it is told what becomes of jobs: a stream, by its subjects.
///
/// ```
/// use std::time::Duration;
///
/// use workflow_agents::Outlet;
///
/// let events = Outlet::at("shop.events").source("/shop").back(Duration::from_secs(7 * 24 * 3600));
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is told before a bridge has it, by `tell`"]
pub struct Outlet {
    pub(super) prefix: String,
    pub(super) source: String,
    pub(super) back: Duration,
}

impl Outlet {
    /// At subjects that begin so: at `workflow.events`, it is told at `workflow.events.TakeOrder.succeeded.JOB`. A stream has to
    /// keep them.
    pub fn at(prefix: impl Into<String>) -> Self {
        let back = Duration::from_secs(24 * 3600);
        Self { prefix: prefix.into(), source: "/workflow".to_owned(), back }
    }

    /// Sets who tells it, as a reference of a URI: `/workflow` unless this is said.
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.source = source.into();
        self
    }

    /// Sets how far it looks back for what has not been told, when it begins and when more has happened than it could keep up
    /// with: at jobs that were accepted in the last 24 hours, unless this is said.
    pub fn back(mut self, time: Duration) -> Self {
        self.back = time;
        self
    }
}
