//! Functions that see outcomes and change nothing.

use std::fmt;

use serde_json::Value as Json;

use crate::error::AgentError;

/// What a hook sees of an attempt that ended.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Outcome<'a> {
    /// The agent's name.
    pub agent: &'a str,
    /// The job's id.
    pub job_id: &'a str,
    /// The task's id.
    pub task_id: &'a str,
    /// The number of the attempt; the first is 1.
    pub attempt: u32,
    /// What it gave, or why it failed.
    pub result: Result<&'a Json, &'a AgentError>,
}

impl<'a> Outcome<'a> {
    /// The outcome of an attempt.
    pub fn new(
        agent: &'a str,
        job_id: &'a str,
        task_id: &'a str,
        attempt: u32,
        result: Result<&'a Json, &'a AgentError>,
    ) -> Self {
        Self { agent, job_id, task_id, attempt, result }
    }
}

/// A hook as it is kept.
pub type Hook = fn(&Outcome<'_>) -> Result<(), AgentError>;

/// The functions that see an agent's outcomes. One that fails is reported, and changes nothing.
#[derive(Clone, Copy, Default)]
#[non_exhaustive]
pub struct Hooks {
    /// Sees each success.
    pub on_success: Option<Hook>,
    /// Sees each failure that is followed by another attempt.
    pub on_retry: Option<Hook>,
    /// Sees the failure that ends the task.
    pub on_failure: Option<Hook>,
}

impl Hooks {
    /// No hook.
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.on_success.is_none() && self.on_retry.is_none() && self.on_failure.is_none()
    }

    /// Sets what sees each success.
    #[must_use]
    pub fn on_success(mut self, hook: Hook) -> Self {
        self.on_success = Some(hook);
        self
    }

    /// Sets what sees each failure that is followed by another attempt.
    #[must_use]
    pub fn on_retry(mut self, hook: Hook) -> Self {
        self.on_retry = Some(hook);
        self
    }

    /// Sets what sees the failure that ends the task.
    #[must_use]
    pub fn on_failure(mut self, hook: Hook) -> Self {
        self.on_failure = Some(hook);
        self
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named =
            [("on_success", self.on_success), ("on_retry", self.on_retry), ("on_failure", self.on_failure)];
        let set = named.iter().filter(|(_, hook)| hook.is_some()).map(|(name, _)| name);
        out.debug_set().entries(set).finish()
    }
}

/// What a hook may return: nothing, or a `Result` of nothing.
#[diagnostic::on_unimplemented(
    message = "a hook cannot return `{Self}`",
    label = "this hook returns `{Self}`",
    note = "a hook is a plain function `fn(&Outcome<'_>)`, which may return `Result<(), E>`"
)]
pub trait HookResult {
    /// As a `Result`.
    fn into_result(self) -> Result<(), AgentError>;
}

impl HookResult for () {
    fn into_result(self) -> Result<(), AgentError> {
        Ok(())
    }
}

impl<E: Into<AgentError>> HookResult for Result<(), E> {
    fn into_result(self) -> Result<(), AgentError> {
        self.map_err(Into::into)
    }
}
