//! What is counted of queues, jobs, limits and the store: atomic numbers, those that many threads write in parts.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::gate::{Ask, GateKey};
use crate::metrics::{Histogram, LeaseMetrics, Outcomes, StoreMetrics};
use crate::spread::{Durations, InParts, Spread};
use crate::state::JobState;

/// What is counted of a queue.
#[derive(Debug, Default)]
pub(crate) struct QueueMeter {
    parts: InParts<QueuePart>,
}

#[derive(Debug, Default)]
struct QueuePart {
    started: AtomicU64,
    ended: AtomicU64,
    /// Of those that had to wait.
    waited: Durations,
}

impl QueueMeter {
    /// An attempt begins, perhaps after it had to wait.
    pub(super) fn start(&self, waited: Option<Duration>) {
        let own = self.parts.own();
        own.started.fetch_add(1, Relaxed);
        if let Some(waited) = waited {
            own.waited.add(waited);
        }
    }

    pub(super) fn end(&self) {
        self.parts.own().ended.fetch_add(1, Relaxed);
    }

    /// How many began and ended, and how long they had waited.
    pub(super) fn read(&self) -> (u64, u64, Histogram) {
        // What has started is read last, so that what has ended is not more.
        let ended = self.parts.sum(|part| &part.ended);
        let mut latency: Spread = self.parts.all().map(|part| &part.waited).collect();
        let started = self.parts.sum(|part| &part.started);
        latency.add_zeros(started.saturating_sub(latency.count()));
        (started, ended, Histogram::from(&latency))
    }
}

/// What is counted of the jobs that run one thing, once there is one.
#[derive(Debug, Default)]
pub(super) struct JobMeter {
    parts: OnceLock<Box<InParts<JobPart>>>,
}

#[derive(Debug, Default)]
struct JobPart {
    submitted: AtomicU64,
    failed: AtomicU64,
    cancelled: AtomicU64,
    expired: AtomicU64,
    durations: Durations,
}

impl JobMeter {
    fn own(&self) -> &JobPart {
        self.parts.get_or_init(Box::default).own()
    }

    pub(super) fn submit(&self) {
        self.own().submitted.fetch_add(1, Relaxed);
    }

    pub(super) fn end(&self, state: JobState, took: Duration) {
        let own = self.own();
        let how = match state {
            JobState::Cancelled => Some(&own.cancelled),
            JobState::Expired => Some(&own.expired),
            JobState::Failed => Some(&own.failed),
            _ => None,
        };
        if let Some(how) = how {
            how.fetch_add(1, Relaxed);
        }
        own.durations.add(took);
    }

    /// How many were handed in, how they ended, and how long they took; none if there were none.
    pub(super) fn read(&self) -> Option<(u64, Outcomes, Histogram)> {
        let parts = self.parts.get()?;
        let sum = |which: fn(&JobPart) -> &AtomicU64| parts.sum(which);
        let (failed, cancelled, expired) =
            (sum(|part| &part.failed), sum(|part| &part.cancelled), sum(|part| &part.expired));
        let durations: Spread = parts.all().map(|part| &part.durations).collect();
        let succeeded = durations.count().saturating_sub(failed + cancelled + expired);
        let outcomes = Outcomes { succeeded, failed, cancelled, expired };
        Some((sum(|part| &part.submitted), outcomes, Histogram::from(&durations)))
    }
}

/// Why somebody waits at a gate.
#[derive(Debug, Clone, Copy)]
pub(super) enum Limit {
    Breaker,
    Concurrency,
    Key,
    Rate,
}

impl Limit {
    pub(super) const ALL: [(Self, &'static str); 4] = [
        (Self::Breaker, "breaker"),
        (Self::Concurrency, "concurrency"),
        (Self::Key, "key"),
        (Self::Rate, "rate"),
    ];

    /// Which limit of those that are asked for does not let one pass.
    pub(super) fn of(ask: &Ask, is_open: bool, is_later: bool) -> Self {
        match ask.key {
            _ if is_open => Self::Breaker,
            GateKey::Key(..) => Self::Key,
            _ if is_later || ask.limit.is_none() => Self::Rate,
            _ => Self::Concurrency,
        }
    }
}

/// What is counted of a store.
#[derive(Debug, Default)]
pub(super) struct StoreMeter {
    commits: AtomicU64,
    entries: AtomicU64,
    errors: AtomicU64,
    latency: Durations,
}

impl StoreMeter {
    pub(super) fn commit(&self, entries: usize, began: Instant) {
        self.commits.fetch_add(1, Relaxed);
        self.entries.fetch_add(entries as u64, Relaxed);
        self.latency.add(began.elapsed());
    }

    pub(super) fn fail(&self) {
        self.errors.fetch_add(1, Relaxed);
    }

    pub(super) fn read(&self) -> StoreMetrics {
        StoreMetrics {
            commits: self.commits.load(Relaxed),
            entries: self.entries.load(Relaxed),
            errors: self.errors.load(Relaxed),
            commit: Histogram::from(&std::iter::once(&self.latency).collect::<Spread>()),
        }
    }
}

/// What is counted of terms, and of jobs that were taken over.
#[derive(Debug, Default)]
pub(super) struct LeaseMeter {
    pub(super) begun: AtomicU64,
    pub(super) lost: AtomicU64,
    pub(super) takeovers: AtomicU64,
    pub(super) jobs_begun: AtomicU64,
    pub(super) jobs_waiting: AtomicU64,
    /// When this process was heard of last by those who share its store, in microseconds by its clock.
    pub(super) heard: AtomicU64,
}

impl LeaseMeter {
    pub(super) fn read(&self) -> LeaseMetrics {
        LeaseMetrics {
            begun: self.begun.load(Relaxed),
            lost: self.lost.load(Relaxed),
            takeovers: self.takeovers.load(Relaxed),
            jobs_begun: self.jobs_begun.load(Relaxed),
            jobs_waiting: self.jobs_waiting.load(Relaxed),
        }
    }
}

/// What the engine counts besides.
#[derive(Debug, Default)]
pub(crate) struct Meters {
    /// Jobs that run an agent alone, and those that run a workflow, by their places in the registry.
    pub(super) agents: Box<[JobMeter]>,
    pub(super) workflows: Box<[JobMeter]>,
    /// Jobs put together in code.
    pub(super) tasks: JobMeter,
    pub(super) lease: LeaseMeter,
    pub(super) dead_letters: AtomicU64,
}

impl Meters {
    pub(super) fn new(agents: usize, workflows: usize) -> Self {
        let all = |count| (0..count).map(|_| JobMeter::default()).collect();
        Self { agents: all(agents), workflows: all(workflows), ..Self::default() }
    }
}
