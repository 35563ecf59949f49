//! What an operator sets: queues, limits, and what follows a stall.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use super::breaker::Breaker;
use crate::adaptive::Adaptive;
use crate::options::Rate;

/// A queue's limits. A queue that nobody set has the defaults.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Queue {
    pub(crate) name: Arc<str>,
    pub(crate) concurrency: u32,
    pub(crate) per_key: Option<u32>,
    pub(crate) rate: Option<Rate>,
    pub(crate) capacity: Option<usize>,
    /// Nothing of it starts before somebody resumes it.
    pub(crate) paused: bool,
}

/// How many attempts of one queue run at once unless something else is said.
pub(crate) const CONCURRENCY: u32 = 1024;

impl Queue {
    /// A queue of this name: at most 1024 attempts at once, and room for as many jobs as memory holds.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            concurrency: CONCURRENCY,
            per_key: None,
            rate: None,
            capacity: None,
            paused: false,
        }
    }

    /// Sets how many attempts run at once; at least one.
    #[must_use]
    pub fn concurrency(mut self, attempts: u32) -> Self {
        self.concurrency = attempts.max(1);
        self
    }

    /// Sets how many attempts of jobs with one key run at once; at least one.
    #[must_use]
    pub fn per_key(mut self, attempts: u32) -> Self {
        self.per_key = Some(attempts.max(1));
        self
    }

    /// Sets how many attempts start in a time.
    #[must_use]
    pub fn rate(mut self, rate: Rate) -> Self {
        self.rate = Some(rate);
        self
    }

    /// Sets how many jobs may wait; `submit` waits, or refuses if it is told to, while there are so many.
    #[must_use]
    pub fn capacity(mut self, jobs: usize) -> Self {
        self.capacity = Some(jobs.max(1));
        self
    }
}

/// An agent's limits, which an operator sets; those of the agent's own options are overridden.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct AgentLimits {
    pub(crate) concurrency: Option<NonZeroU32>,
    pub(crate) rate: Option<Rate>,
    pub(crate) breaker: Option<Breaker>,
    pub(crate) adaptive: Option<Adaptive>,
}

impl AgentLimits {
    /// No limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how many attempts run at once; at least one.
    #[must_use]
    pub fn concurrency(mut self, attempts: u32) -> Self {
        self.concurrency = NonZeroU32::new(attempts.max(1));
        self
    }

    /// Sets how many attempts start in a time.
    #[must_use]
    pub fn rate(mut self, rate: Rate) -> Self {
        self.rate = Some(rate);
        self
    }

    /// Makes its timeout follow how long its attempts take.
    #[must_use]
    pub fn adaptive(mut self, adaptive: Adaptive) -> Self {
        self.adaptive = Some(adaptive);
        self
    }

    /// Sets when the agent is left alone for a while.
    #[must_use]
    pub fn breaker(mut self, breaker: Breaker) -> Self {
        self.breaker = Some(breaker);
        self
    }
}

/// What follows when an attempt was silent for longer than its `heartbeat`.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum StallAction {
    /// The attempt fails, and is made again as its `retry` says.
    #[default]
    Retry,
    /// Its job is cancelled.
    CancelJob,
    /// This is called with the job's id and the task's; the attempt goes on.
    Call(StallCall),
}

/// A function of the job's id and the task's.
type StallCall = Arc<dyn Fn(&str, &str) + Send + Sync>;

impl std::fmt::Debug for StallAction {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Retry => "Retry",
            Self::CancelJob => "CancelJob",
            Self::Call(_) => "Call(..)",
        })
    }
}

/// The agents and workflows that are switched off, by name, and where that is said.
#[derive(Debug, Clone, Default)]
pub(crate) struct Off(BTreeMap<Arc<str>, Arc<str>>);

impl Off {
    /// Switches one off, by word of somebody.
    #[cfg(feature = "config")]
    pub(crate) fn add(&mut self, name: &str, said: String) {
        self.0.insert(Arc::from(name), said.into());
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.said(name).is_some()
    }

    /// Where it is said that this one is off, if it is.
    pub(crate) fn said(&self, name: &str) -> Option<&Arc<str>> {
        if self.0.is_empty() { None } else { self.0.get(name) }
    }
}
