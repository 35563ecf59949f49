//! Tasks, as programs of the old system write and read them.

use std::fmt;
use std::time::Duration;

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A piece of a job, for one agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The job it belongs to.
    pub job_id: String,
    /// Its id, which no other task of the manager has.
    pub task_id: String,
    /// The task it is a part of.
    pub parent_task_id: Option<String>,
    /// What its output must satisfy, in words.
    pub acceptance_criteria: Option<String>,
    /// What is to be done, in words.
    pub description: String,
    /// Where it stands.
    pub status: TaskStatus,
    /// Why it stands there.
    pub status_reason: Option<String>,
    /// The agent that does it.
    pub agent: String,
    /// The tasks that it runs after, by their ids.
    pub dependencies: Vec<String>,
    /// What the agent is given.
    pub input: Value,
    /// What the agent gave.
    pub output: TaskOutput,
    /// When it was made.
    pub created_at: NaiveDateTime,
    /// When something changed last.
    pub updated_at: NaiveDateTime,
    /// How long one attempt may take.
    pub timeout: Option<Duration>,
    /// How many attempts may follow the first.
    pub max_retries: u32,
    /// How many did.
    pub retry_count: u32,
    /// What kind of piece it is.
    pub task_type: TaskType,
    /// What others should know of it, in few words.
    pub summary: Option<String>,
}

/// What an agent gave.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TaskOutput {
    /// Whether the task is done.
    pub success: bool,
    /// What it gave. `null` counts as nothing.
    pub data: Option<Value>,
    /// Why it is not done.
    pub error: Option<String>,
}

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TaskStatus {
    /// It has not begun, or was interrupted.
    Pending,
    /// Somebody is at it.
    InProgress,
    /// It is done.
    Completed,
    /// It failed for good.
    Failed,
    /// Something that it depends on failed.
    Blocked,
    /// It is done, and somebody has found it good.
    Accepted,
    /// Somebody has found it bad.
    Rejected,
}

impl TaskStatus {
    /// Whether the task did what it should.
    pub(super) fn is_done(self) -> bool {
        matches!(self, Self::Completed | Self::Accepted)
    }
}

impl fmt::Display for TaskStatus {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, out)
    }
}

/// What kind of piece of a job a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TaskType {
    /// What the job is for.
    Objective,
    /// A part of an objective.
    Story,
    /// A piece of work.
    Task,
    /// A piece of a task.
    Subtask,
}
