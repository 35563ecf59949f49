//! Why a task or a job did not succeed.

use std::error::Error;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Advice, AgentError};
use crate::job_id::JobId;
use crate::state::JobState;

/// Why a task or a job did not succeed: what went wrong, with its causes, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Failure {
    /// What kind of failure it is.
    pub kind: FailureKind,
    /// What went wrong.
    pub message: String,
    /// What caused it, the nearest cause first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// The job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    /// The step, by its path.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub step: String,
    /// The number of the attempt; 0 when there was none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempt: u32,
    /// What else went wrong while it was taken back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undo: Vec<Failure>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FailureKind {
    /// The agent said so.
    Error,
    /// The agent, or an expression before it, panicked.
    Panic,
    /// An attempt took too long.
    TimedOut,
    /// An attempt was silent for too long.
    Stalled,
    /// The input does not satisfy its schema.
    BadInput,
    /// The output does not satisfy its schema.
    BadOutput,
    /// Its process was killed while it ran, again and again.
    Deadly,
    /// It could not be run at all.
    Unrunnable,
    /// Its deadline passed.
    Expired,
    /// Somebody cancelled it.
    Cancelled,
}

impl FailureKind {
    /// The state of a job that ends so.
    pub(crate) fn state_of_job(self) -> JobState {
        match self {
            Self::Cancelled => JobState::Cancelled,
            Self::Expired => JobState::Expired,
            _ => JobState::Failed,
        }
    }
}

impl Failure {
    /// Has each text in it changed that somebody wrote.
    pub(crate) fn each_text(&mut self, change: &impl Fn(&mut String)) {
        change(&mut self.message);
        self.causes.iter_mut().for_each(change);
        self.undo.iter_mut().for_each(|undo| undo.each_text(change));
    }

    /// A failure of this kind.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            causes: Vec::new(),
            job: None,
            step: String::new(),
            attempt: 0,
            undo: Vec::new(),
        }
    }

    /// What an agent said, and what it advises.
    pub(crate) fn of_agent(error: &AgentError) -> (Self, Advice) {
        let mut failure = Self::new(FailureKind::Error, error.source().to_string());
        let mut next = error.source().source();
        while let Some(cause) = next {
            failure.causes.push(cause.to_string());
            next = cause.source();
        }
        (failure, error.advice())
    }

    /// The same failure, with where it happened, unless that is known already.
    #[must_use]
    pub(crate) fn at(mut self, job: JobId, step: &str, attempt: u32) -> Self {
        if self.job.is_none() {
            self.job = Some(job);
            step.clone_into(&mut self.step);
            self.attempt = attempt;
        }
        self
    }

    /// Whether somebody cancelled it.
    pub fn is_cancelled(&self) -> bool {
        self.kind == FailureKind::Cancelled
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(job) = self.job {
            write!(out, "job {job}")?;
            if !self.step.is_empty() {
                write!(out, ", step `{}`", self.step)?;
            }
            if self.attempt > 0 {
                write!(out, ", attempt {}", self.attempt)?;
            }
            out.write_str(": ")?;
        }
        out.write_str(&self.message)?;
        self.causes.iter().try_for_each(|cause| write!(out, ": {cause}"))?;
        self.undo.iter().try_for_each(|undo| write!(out, "; and it could not be taken back: {undo}"))
    }
}

impl Error for Failure {}
