#![doc = include_str!("../../doc/telemetry.md")]

#[cfg(feature = "otlp")]
mod collector;
mod context;
#[cfg(feature = "otlp")]
mod ids;
#[cfg(feature = "otlp")]
mod otlp;
mod place;
#[cfg(not(feature = "otlp"))]
mod silent;
#[cfg(feature = "otlp")]
mod span;

pub use crate::metrics::{
    AgentMetrics, Attempts, Health, Histogram, JobKind, JobMetrics, LeaseMetrics, LimitMetrics, Metrics,
    Outcomes, QueueMetrics, StoreHealth, StoreMetrics,
};
pub(crate) use context::{TraceContext, is_traceparent};
#[cfg(feature = "otlp")]
pub use ids::JobIdGenerator;
#[cfg(feature = "otlp")]
pub use otlp::{Otlp, OtlpError};
pub(crate) use place::Place;
#[cfg(not(feature = "otlp"))]
pub(crate) use silent::{context_of, current, open};
#[cfg(feature = "otlp")]
pub(crate) use span::{context_of, current, open};
