//! Records that cannot follow the ones before them.

use crate::record::TaskId;
use crate::state::{JobState, TaskState};

/// A record that cannot follow the ones before it. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Illegal {
    /// A task cannot go from the one state to the other.
    #[error("task {task} is `{from}` and cannot become `{to}`{why}")]
    Task {
        /// The task.
        task: TaskId,
        /// Its state.
        from: TaskState,
        /// What it was to become.
        to: TaskState,
        /// What else is in the way; empty, or a clause that begins with a colon.
        why: &'static str,
    },
    /// A job cannot go from the one state to the other.
    #[error("the job is `{from}` and cannot become `{to}`{why}")]
    Job {
        /// Its state.
        from: JobState,
        /// What it was to become.
        to: JobState,
        /// What else is in the way; empty, or a clause that begins with a colon.
        why: &'static str,
    },
    /// There is no such task.
    #[error("there is no task {0}")]
    NoTask(TaskId),
    /// The record is about something else than the task.
    #[error("task {task} is not {what}")]
    NotThat {
        /// The task.
        task: TaskId,
        /// What the record takes it for.
        what: &'static str,
    },
    /// A value is not what the plan says.
    #[error("the value of task {task} does not fit: {why}")]
    Misfit {
        /// The task.
        task: TaskId,
        /// Why.
        why: String,
    },
    /// The first record must say what was asked for, and no other may.
    #[error("a journal begins with what was submitted, and nothing else does")]
    Submission,
}
