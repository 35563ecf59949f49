//! What a span is about.

use crate::job_id::JobId;

/// What a span is about: a job, a step of it by its path, an attempt.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "only OpenTelemetry has ids"))]
pub(crate) struct Place<'a> {
    pub(crate) job: JobId,
    pub(crate) path: Option<&'a str>,
    pub(crate) attempt: Option<u32>,
}
