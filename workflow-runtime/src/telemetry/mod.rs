#![doc = include_str!("../../doc/telemetry.md")]

pub use crate::metrics::{
    AgentMetrics, Attempts, Health, Histogram, JobKind, JobMetrics, LeaseMetrics, LimitMetrics, Metrics,
    Outcomes, QueueMetrics, StoreHealth, StoreMetrics,
};
