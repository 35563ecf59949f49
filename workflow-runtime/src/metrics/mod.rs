//! What a runtime has counted, as it stands at a moment, and as Prometheus reads it.

mod health;
mod histogram;
mod prometheus;
mod snapshot;

pub use health::{Health, StoreHealth};
pub use histogram::Histogram;
pub use snapshot::{
    AgentMetrics, Attempts, JobKind, JobMetrics, LeaseMetrics, LimitMetrics, Metrics, Outcomes, QueueMetrics,
    StoreMetrics,
};
