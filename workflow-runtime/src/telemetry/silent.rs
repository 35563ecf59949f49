//! Spans without OpenTelemetry: nothing is known of them but what `tracing` knows.

use tracing::Span;

use super::context::TraceContext;
use super::place::Place;
use crate::job_id::JobId;

/// There is nothing to start.
pub(crate) fn open(_: &Span, _: Place<'_>, _: Option<&TraceContext>, _: Option<JobId>) {}

/// No span has a context.
pub(crate) fn context_of(_: &Span) -> Option<TraceContext> {
    None
}

/// Nobody is in one.
pub(crate) fn current() -> Option<TraceContext> {
    None
}
