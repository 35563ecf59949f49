//! Spans of jobs, their tasks and attempts, where somebody listens: `tracing` tells.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::Empty;
use tracing::{Level, Span};

use super::core::Engine;
use super::drive::Turn;
use super::event::Done;
use super::job::{Job, Live};
use crate::failure::{Failure, FailureKind};
use crate::job_id::JobId;
use crate::machine::Machine;
use crate::record::{Fact, JobOptions, TaskId};
use crate::state::JobState;
use crate::telemetry::{Place, TraceContext, context_of, open};

/// The spans of a job that is not over.
pub(super) struct Trace {
    job: Span,
    tasks: HashMap<TaskId, Span>,
}

impl Drop for Trace {
    /// What is left goes on elsewhere, or later.
    fn drop(&mut self) {
        self.tasks.values().chain([&self.job]).for_each(|span| _ = span.record("outcome", "unfinished"));
    }
}

/// What an attempt's span is made of, when the attempt begins.
#[derive(Debug)]
pub(super) struct Seed {
    task: Span,
    job: JobId,
    agent: Arc<str>,
    path: String,
    queue: Arc<str>,
    attempt: u32,
    node: Arc<str>,
}

/// The span of an attempt, until it ends.
#[derive(Debug)]
pub(super) struct AttemptSpan(Mutex<Option<Span>>);

impl Seed {
    pub(super) fn begin(self) -> AttemptSpan {
        let span = tracing::info_span!(
            target: "workflow", parent: &self.task, "workflow.attempt",
            id = %self.job, name = &*self.agent, path = self.path, queue = &*self.queue,
            attempt = self.attempt, node = &*self.node,
            outcome = Empty, error = Empty, otel.status_code = Empty,
        );
        let place = Place { job: self.job, path: Some(&self.path), attempt: Some(self.attempt) };
        open(&span, place, None, None);
        AttemptSpan(Mutex::new(Some(span)))
    }
}

impl AttemptSpan {
    fn span(&self) -> Option<Span> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Does something inside of the span.
    pub(super) fn inside<T>(&self, act: impl FnOnce() -> T) -> T {
        match self.span() {
            Some(span) => span.in_scope(act),
            None => act(),
        }
    }

    /// The attempt is over.
    pub(super) fn end(&self, done: &Done) {
        let Some(span) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        match done {
            Ok(_) => _ = span.record("outcome", "succeeded"),
            Err(failed) => {
                note_failure(&span, &failed.0);
                let kind = kind_of(failed.0.kind);
                span.in_scope(|| {
                    tracing::warn!(
                        name: "workflow.attempt.failed", target: "workflow",
                        error = kind, "an attempt failed"
                    );
                });
            }
        }
    }

    pub(super) fn context(&self) -> Option<TraceContext> {
        context_of(&self.span()?)
    }
}

/// Does something inside of the span of an attempt, if there is one.
pub(super) fn inside<T>(span: Option<&AttemptSpan>, act: impl FnOnce() -> T) -> T {
    match span {
        Some(span) => span.inside(act),
        None => act(),
    }
}

/// Notes how something failed. What it says may hold what nobody else is to see: only the kind is told.
fn note_failure(span: &Span, failure: &Failure) {
    let outcome = match failure.kind.state_of_job() {
        JobState::Cancelled => "cancelled",
        JobState::Expired => "expired",
        _ if failure.kind == FailureKind::TimedOut => "timed_out",
        _ => "failed",
    };
    span.record("outcome", outcome);
    span.record("error", kind_of(failure.kind));
    span.record("otel.status_code", "ERROR");
}

/// The name of a kind, as it is written in journals.
fn kind_of(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Error => "error",
        FailureKind::Panic => "panic",
        FailureKind::TimedOut => "timed_out",
        FailureKind::Stalled => "stalled",
        FailureKind::BadInput => "bad_input",
        FailureKind::BadOutput => "bad_output",
        FailureKind::Deadly => "deadly",
        FailureKind::Unrunnable => "unrunnable",
        FailureKind::Expired => "expired",
        FailureKind::Cancelled => "cancelled",
    }
}

impl Trace {
    /// The span of a task; it begins if there is none yet.
    fn task(&mut self, engine: &Engine, job: &Job, machine: &Machine, task: TaskId) -> &Span {
        if !self.tasks.contains_key(&task) {
            let path = machine.path(task);
            let parent = machine.maker(task).and_then(|maker| self.tasks.get(&maker)).unwrap_or(&self.job);
            let place = engine.place_of(job, machine, task);
            let name = place.map(|place| engine.target_of(place).name).unwrap_or_default();
            let span = tracing::info_span!(
                target: "workflow", parent: parent, "workflow.task",
                id = %job.id, name = &*name, path, node = &*engine.node,
                outcome = Empty, error = Empty, otel.status_code = Empty,
            );
            open(&span, Place { job: job.id, path: Some(&path), attempt: None }, None, None);
            self.tasks.insert(task, span);
        }
        &self.tasks[&task]
    }

    fn task_failed(&mut self, task: TaskId, failure: &Failure) {
        let Some(span) = self.tasks.remove(&task) else { return };
        note_failure(&span, failure);
        let error = kind_of(failure.kind);
        span.in_scope(|| {
            tracing::warn!(name: "workflow.task.failed", target: "workflow", error, "a task failed");
        });
    }

    /// The job is over, and so is what it had begun.
    fn end(&mut self, failure: Option<&Failure>) {
        for (_, span) in self.tasks.drain() {
            span.record("outcome", "cancelled");
        }
        // Nothing is recorded of a span that is closed.
        let job = std::mem::replace(&mut self.job, Span::none());
        match failure {
            None => _ = job.record("outcome", "succeeded"),
            Some(failure) => {
                note_failure(&job, failure);
                let error = kind_of(failure.kind);
                job.in_scope(|| {
                    tracing::warn!(name: "workflow.job.failed", target: "workflow", error, "a job failed");
                });
            }
        }
    }
}

impl Turn<'_> {
    /// The job begins here, or goes on here: its span does, if somebody listens.
    pub(super) fn open_trace(&self, live: &mut Live) {
        if live.trace.is_some() || !tracing::enabled!(target: "workflow", Level::INFO) {
            return;
        }
        let (engine, job) = (self.engine, self.job);
        let name = engine.name_of(job);
        let span = tracing::info_span!(
            target: "workflow", parent: None, "workflow.job",
            id = %job.id, name = &*name, queue = &*engine.queue_name(job), node = &*engine.node,
            outcome = Empty, error = Empty, otel.status_code = Empty,
        );
        let options = job.options();
        let place = Place { job: job.id, path: None, attempt: None };
        open(&span, place, context_in(options).as_ref(), options.again);
        live.trace = Some(Box::new(Trace { job: span, tasks: HashMap::new() }));
    }

    /// The span of a task that is about to begin, or goes on.
    pub(super) fn trace_task(&self, live: &mut Live, task: TaskId) {
        if let (Some(trace), Some(machine)) = (live.trace.as_mut(), live.machine.as_ref()) {
            trace.task(self.engine, self.job, machine, task);
        }
    }

    /// What an attempt's span is made of, if somebody listens.
    pub(super) fn seed(
        &self,
        live: &mut Live,
        task: TaskId,
        attempt: u32,
        agent: u32,
        queue: &Arc<str>,
    ) -> Option<Box<Seed>> {
        let (trace, machine) = (live.trace.as_mut()?, live.machine.as_ref()?);
        Some(Box::new(Seed {
            task: trace.task(self.engine, self.job, machine, task).clone(),
            job: self.job.id,
            agent: Arc::clone(&self.engine.names.0[agent as usize]),
            path: machine.path(task),
            queue: Arc::clone(queue),
            attempt,
            node: Arc::clone(&self.engine.node),
        }))
    }

    /// What follows for the spans from the last record.
    pub(super) fn trace_fact(&self, live: &mut Live) {
        let Live { trace, journal, machine, .. } = live;
        let (Some(spans), Some(record), Some(machine)) = (trace.as_mut(), journal.last(), machine.as_ref())
        else {
            return;
        };
        match &record.fact {
            Fact::Called { task, .. } | Fact::Slept { task, .. } => {
                spans.task(self.engine, self.job, machine, *task);
            }
            Fact::Retrying { task, failure, due } => {
                let (error, in_ms) = (kind_of(failure.kind), due.since(record.at).as_millis());
                if let Some(span) = spans.tasks.get(task) {
                    let in_ms = u64::try_from(in_ms).unwrap_or(u64::MAX);
                    span.in_scope(|| {
                        tracing::info!(
                            name: "workflow.task.retrying", target: "workflow",
                            error, in_ms, "another attempt follows"
                        );
                    });
                }
            }
            Fact::Succeeded { task, .. } => {
                if let Some(span) = spans.tasks.remove(task) {
                    span.record("outcome", "succeeded");
                }
            }
            Fact::Failed { task, failure } => spans.task_failed(*task, failure),
            Fact::JobSucceeded { .. } => trace.take().into_iter().for_each(|mut trace| trace.end(None)),
            Fact::JobFailed { failure } => {
                trace.take().into_iter().for_each(|mut trace| trace.end(Some(failure)));
            }
            _ => {}
        }
    }

    /// The context that a child job of a task goes on with: that of the task, or else what came before this job.
    pub(super) fn context_below(&self, live: &Live, task: TaskId) -> Option<TraceContext> {
        let span = live.trace.as_ref().and_then(|trace| trace.tasks.get(&task));
        span.and_then(context_of).or_else(|| context_in(self.job.options()))
    }
}

impl Job {
    /// Nothing more of it happens here: its spans end.
    pub(crate) fn end_trace(&self) {
        let trace = self.lock().live.as_mut().and_then(|live| live.trace.take());
        drop(trace);
    }
}

/// What came before a job.
pub(super) fn context_in(options: &JobOptions) -> Option<TraceContext> {
    let traceparent = options.traceparent.clone()?;
    Some(TraceContext { traceparent, tracestate: options.tracestate.clone() })
}
