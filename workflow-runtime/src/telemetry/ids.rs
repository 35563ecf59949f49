//! Ids of traces and spans that follow from what a job is: whoever goes on with it, in whatever process, gives its spans the
//! same.

use std::cell::Cell;

use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};

use super::place::Place;
use crate::job_id::JobId;

thread_local! {
    /// Those of the span that is started now, if it is one of a job's.
    static NEXT: Cell<Option<(u128, u64)>> = const { Cell::new(None) };
}

/// Gives the spans of jobs ids that follow from the job, and others ids at random.
///
/// [`Otlp`](super::Otlp) uses it. A program that sets up OpenTelemetry by itself gives it to its `SdkTracerProvider`, by
/// `with_id_generator`: then what several processes say of a job is one trace also where nothing came before the job.
#[derive(Debug, Clone, Default)]
pub struct JobIdGenerator(RandomIdGenerator);

impl IdGenerator for JobIdGenerator {
    fn new_trace_id(&self) -> TraceId {
        match NEXT.get() {
            Some((trace, _)) => TraceId::from(trace),
            None => self.0.new_trace_id(),
        }
    }

    fn new_span_id(&self) -> SpanId {
        match NEXT.get() {
            Some((_, span)) => SpanId::from(span),
            None => self.0.new_span_id(),
        }
    }
}

/// Starts a span that gets the ids of this place.
pub(super) fn with_ids<T>(place: &Place<'_>, start: impl FnOnce() -> T) -> T {
    /// Others are at random again, also after a panic.
    struct Reset;
    impl Drop for Reset {
        fn drop(&mut self) {
            NEXT.set(None);
        }
    }
    let _reset = Reset;
    NEXT.set(Some((trace_of(place.job), span_of(place))));
    start()
}

/// The trace of a job that nothing came before.
pub(super) fn trace_of(job: JobId) -> u128 {
    let half = |part: u64| u128::from(digest(job, &[&part.to_le_bytes()]));
    half(1) << 64 | half(2)
}

/// The span of a job, of a step of it, or of an attempt.
pub(super) fn span_of(place: &Place<'_>) -> u64 {
    let (path, attempt) = (place.path.unwrap_or_default(), place.attempt.unwrap_or_default());
    digest(place.job, &[path.as_bytes(), &[0xff], &attempt.to_le_bytes()])
}

/// A number that is not 0, and whose bits all hang on all of what it is made of: samplers look at some of them.
fn digest(job: JobId, parts: &[&[u8]]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let id = job.as_u128().to_le_bytes();
    for byte in id.iter().chain(parts.iter().copied().flatten()) {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (hash ^ (hash >> 31)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_has_ids_of_its_own_and_the_same_each_time() {
        let job = JobId::from_u128(0x019a_c5c4_6f3a_7000_8000_0000_0000_0001);
        let other = JobId::from_u128(job.as_u128() + 1);
        let place = |job, path, attempt| span_of(&Place { job, path, attempt });
        let all = [
            place(job, None, None),
            place(other, None, None),
            place(job, Some("a"), None),
            place(job, Some("a"), Some(1)),
            place(job, Some("a"), Some(2)),
            place(job, Some("b"), Some(1)),
        ];
        let different: std::collections::HashSet<u64> = all.into_iter().collect();
        assert_eq!(different.len(), all.len());
        // Ids must not change from one version to the next: what goes on with a job may be another.
        assert_eq!(place(job, Some("a"), Some(1)), 0x747f_f8c6_c055_c9e2);
        assert_ne!(trace_of(job), trace_of(other));
    }
}
