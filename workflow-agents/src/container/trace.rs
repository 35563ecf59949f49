//! What a container has on it by which it is known whose it is.

use std::collections::HashMap;

use workflow_runtime::TaskContext;

/// The label that says of which task of which job it is.
const TASK: &str = "workflow.task";

/// Whose a container is.
#[derive(Debug, Clone)]
pub(super) struct Trace {
    task: String,
    job: String,
    attempt: u32,
}

impl Trace {
    pub(super) fn of(context: &TaskContext) -> Self {
        let (task, job) = (context.idempotency_key(), context.job_id().to_owned());
        Self { task, job, attempt: context.attempt() }
    }

    /// The labels of a container of this attempt.
    pub(super) fn labels(&self) -> HashMap<String, String> {
        [
            (TASK, self.task.clone()),
            ("workflow.job", self.job.clone()),
            ("workflow.attempt", self.attempt.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// What finds the containers of all attempts of its task.
    pub(super) fn filters(&self) -> HashMap<String, Vec<String>> {
        [("label".to_owned(), vec![format!("{TASK}={}", self.task)])].into()
    }
}
