//! What there is to know of a runtime at a moment.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::histogram::Histogram;
use crate::timestamp::Timestamp;

/// What a runtime has counted since it began, in this process, and how it stands now.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Metrics {
    /// When it was read.
    pub at: Timestamp,
    /// The queues, by name.
    pub queues: Vec<QueueMetrics>,
    /// The agents of which attempts were made, by name.
    pub agents: Vec<AgentMetrics>,
    /// The jobs, by what they run.
    pub jobs: Vec<JobMetrics>,
    /// Limits beyond the places of queues.
    pub limits: LimitMetrics,
    /// What was written, if there is a store.
    pub store: Option<StoreMetrics>,
    /// In whose name was written, and what was taken over, if there is a store.
    pub lease: LeaseMetrics,
    /// Jobs in the store that this program cannot go on with.
    pub parked: u64,
    /// Jobs that failed for good, or expired, and that nobody waited for.
    pub dead_letters: u64,
    /// Events that observers, and those who listen to streams, missed, for they were too slow.
    pub events_missed: u64,
}

/// A queue.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct QueueMetrics {
    /// Its name.
    pub queue: Arc<str>,
    /// How many tasks, and jobs that have not begun, wait for a place.
    pub waiting: u32,
    /// How many hold one.
    pub running: u32,
    /// How many places there are.
    pub concurrency: u32,
    /// Whether it is paused.
    pub paused: bool,
    /// For how long the one has waited that came first; none if nobody waits.
    pub oldest: Option<Duration>,
    /// Attempts that began.
    pub started: u64,
    /// Attempts that ended.
    pub ended: u64,
    /// How long attempts waited, from when they could have begun, for places and at limits.
    pub start_latency: Histogram,
}

/// An agent.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct AgentMetrics {
    /// Its name.
    pub agent: Arc<str>,
    /// Attempts that run just now, and did not end at once.
    pub active: u64,
    /// How attempts ended.
    pub attempts: Attempts,
    /// Those that failed and were followed by another.
    pub retries: u64,
    /// How long they took.
    pub duration: Histogram,
}

/// How attempts ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Attempts {
    /// They gave what they should.
    pub succeeded: u64,
    /// They failed.
    pub failed: u64,
    /// They were told to stop.
    pub cancelled: u64,
    /// They took too long, or were silent for too long.
    pub timed_out: u64,
}

/// What jobs run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum JobKind {
    /// An agent alone.
    Agent,
    /// Tasks put together in code: all such jobs are counted together.
    Dag,
    /// A workflow.
    Workflow,
}

impl JobKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Dag => "dag",
            Self::Workflow => "workflow",
        }
    }
}

/// The jobs that run one thing.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct JobMetrics {
    /// What kind of thing.
    pub kind: JobKind,
    /// Its name; empty for tasks put together in code.
    pub name: Arc<str>,
    /// Jobs that were taken in here.
    pub submitted: u64,
    /// How they ended.
    pub outcomes: Outcomes,
    /// How long they took from when they began; nothing, if they never did.
    pub duration: Histogram,
}

/// How jobs ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Outcomes {
    /// They gave what they should.
    pub succeeded: u64,
    /// They failed.
    pub failed: u64,
    /// They were cancelled.
    pub cancelled: u64,
    /// Their deadline passed.
    pub expired: u64,
}

/// Limits beyond the places of queues.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct LimitMetrics {
    /// How many wait at one.
    pub waiting: u64,
    /// How many had to wait, by what for: `breaker`, `concurrency`, `key`, `rate`.
    pub waits: BTreeMap<&'static str, u64>,
}

/// What was written to a store.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct StoreMetrics {
    /// Batches that were written.
    pub commits: u64,
    /// What jobs had written by them.
    pub entries: u64,
    /// Batches that could not be written, and were tried again.
    pub errors: u64,
    /// How long a batch took to be written.
    pub commit: Histogram,
}

/// In whose name was written, and what was taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LeaseMetrics {
    /// Terms that this process began.
    pub begun: u64,
    /// Terms that were over because nothing was heard of this process for too long.
    pub lost: u64,
    /// How often jobs were taken over from the store.
    pub takeovers: u64,
    /// Jobs that had begun elsewhere, or before, and were taken over.
    pub jobs_begun: u64,
    /// Jobs that waited in the store, and were taken over.
    pub jobs_waiting: u64,
}
