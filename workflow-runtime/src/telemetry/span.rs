//! How spans of jobs are started, and what context they have in OpenTelemetry.

use std::sync::Arc;

use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::context::TraceContext;
use super::ids::{span_of, trace_of, with_ids};
use super::place::Place;
use crate::job_id::JobId;

impl Extractor for TraceContext {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            "traceparent" => Some(&self.traceparent),
            "tracestate" => self.tracestate.as_deref(),
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent", "tracestate"]
    }
}

fn read(context: &TraceContext) -> opentelemetry::Context {
    let none = opentelemetry::Context::new();
    TraceContextPropagator::new().extract_with_context(&none, context)
}

fn write(context: &SpanContext) -> Option<TraceContext> {
    if !context.is_valid() {
        return None;
    }
    let (trace, span, flags) = (context.trace_id(), context.span_id(), context.trace_flags());
    let state = context.trace_state().header();
    Some(TraceContext {
        traceparent: format!("00-{trace}-{span}-{:02x}", flags & TraceFlags::SAMPLED).into(),
        tracestate: (!state.is_empty()).then(|| Arc::from(state)),
    })
}

/// Starts a span: below what came before its job, with a link to the job that this one does again.
pub(crate) fn open(span: &Span, place: Place<'_>, before: Option<&TraceContext>, again: Option<JobId>) {
    let before = before.map(read);
    if let Some(old) = again {
        let known = before.as_ref().map(|context| context.span().span_context().trace_id());
        let trace = known.filter(|trace| *trace != TraceId::INVALID).unwrap_or(trace_of(old).into());
        let span_id = SpanId::from(span_of(&Place { job: old, path: None, attempt: None }));
        let link = SpanContext::new(trace, span_id, TraceFlags::default(), true, TraceState::default());
        span.add_link(link);
    }
    if let Some(before) = before {
        // Without OpenTelemetry's layer there is nothing to set.
        let _ = span.set_parent(before);
    }
    // To ask for its context starts it.
    with_ids(&place, || drop(span.context()));
}

/// The context that a span gives to what follows from it, if OpenTelemetry knows it.
pub(crate) fn context_of(span: &Span) -> Option<TraceContext> {
    write(span.context().span().span_context())
}

/// The context in which the caller is.
pub(crate) fn current() -> Option<TraceContext> {
    let of_span = Span::current().context();
    write(of_span.span().span_context())
        .or_else(|| opentelemetry::Context::map_current(|context| write(context.span().span_context())))
}
