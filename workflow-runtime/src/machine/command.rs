//! What a machine wants done.

use crate::record::TaskId;
use crate::timestamp::Timestamp;

/// What a machine wants done. Each leads to records, sooner or later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Command {
    /// Ask an expression of the workflow: `Chose`, `Fanned`, `Rounded`, `Slept`, or `Failed` when it panics.
    Evaluate(TaskId),
    /// Give the task its turn in its queue: `Started`.
    Run(TaskId),
    /// Start a child job: `Called`.
    Call(TaskId),
    /// Wake at the moment: `Started` for a retry, `Succeeded` for a timer.
    Wake(TaskId, Timestamp),
    /// Something without attempts has a limit of time: an event that is awaited, a timer, a form.
    Await(TaskId),
    /// Tell what runs to stop: `Failed`, unless it was done before.
    Stop(TaskId),
    /// The agent had returned before, and now its subtasks are over: `Succeeded` or `Failed`.
    Settle(TaskId),
    /// Nothing is left to do: `JobSucceeded` or `JobFailed`.
    Conclude,
}
