//! What became of a job's tasks.

/// What became of a job's tasks: of those that were not done before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskExecutionReport {
    /// One for each task, in the order in which they were added.
    pub outcomes: Vec<TaskOutcome>,
    /// Whether all of them are done.
    pub overall_success: bool,
}

/// What became of one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskOutcome {
    /// The task.
    pub task_id: String,
    /// Whether it is done.
    pub success: bool,
    /// Why it is not.
    pub error: Option<String>,
}
