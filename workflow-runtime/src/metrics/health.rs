//! Whether a runtime is well.

use std::time::Duration;

use serde::Serialize;

/// Whether a runtime is well: what probes ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Health {
    /// The store, if there is one.
    pub store: Option<StoreHealth>,
    /// Whether all jobs were read that were in the store and not over.
    pub recovered: bool,
    /// Whether a shutdown has begun: nothing more is taken in.
    pub shutting_down: bool,
}

/// How it stands between a runtime and its store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StoreHealth {
    /// What it is called.
    pub name: String,
    /// Why nothing can be written, if that is so now.
    pub trouble: Option<String>,
    /// How long ago this process was heard of last by those who share the store; none if nobody does.
    pub heard: Option<Duration>,
    /// After how long without being heard of its jobs are for others; none if nobody shares the store.
    pub lease: Option<Duration>,
}

impl StoreHealth {
    /// Whether the store can be written, as far as was seen.
    pub fn is_reachable(&self) -> bool {
        self.trouble.is_none()
    }

    /// Whether this process holds its jobs: others have heard of it within its lease.
    pub fn holds_jobs(&self) -> bool {
        self.heard.zip(self.lease).is_none_or(|(heard, lease)| heard < lease)
    }
}

impl Health {
    /// Whether new jobs are taken in and go on: what a readiness probe asks.
    pub fn is_ready(&self) -> bool {
        let is_well = |store: &StoreHealth| store.is_reachable() && store.holds_jobs();
        self.recovered && !self.shutting_down && self.store.as_ref().is_none_or(is_well)
    }
}
