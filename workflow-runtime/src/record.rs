//! What a journal holds: one fact after the other. A job's state is the fold of them.

mod flat;

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::callee_kind::CalleeKind;
use crate::failure::Failure;
use crate::fingerprint::Fingerprint;
use crate::job_id::JobId;
use crate::options::{Options, Priority};
use crate::schedule::Tick;
use crate::timestamp::Timestamp;
use crate::value::Value;

/// A task's number in its job: tasks are numbered as they come to be, which the records alone decide.
pub type TaskId = u32;

/// The version of the records that this library writes.
pub const RECORD_VERSION: u32 = 2;

/// One fact in a job's journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "flat::Flat<'_>")]
pub struct Record {
    /// When it came to be.
    pub at: Timestamp,
    /// What came to be.
    #[serde(flatten)]
    pub fact: Fact,
}

/// A record as a store keeps it: with the step that it is about, by its path, for people and for programs that have
/// other steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "flat::Flat<'_>")]
pub struct Line {
    /// The step, by its path; of a task that another made, the one that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<Arc<str>>,
    /// Of a task that another made: those that it waits for, by their paths, in the order in which it names them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<Arc<str>>,
    /// The record.
    #[serde(flatten)]
    pub record: Record,
}

impl Line {
    /// A record of which nobody says what step it is about.
    pub(crate) fn bare(record: Record) -> Self {
        Self { step: None, after: Vec::new(), record }
    }
}

/// What can come to be of a job.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fact {
    /// The job was accepted. The first record of every journal.
    Submitted {
        /// What was asked for.
        submission: Arc<Submission>,
    },
    /// The job begins.
    Begun,
    /// An attempt starts.
    Started {
        /// The task.
        task: TaskId,
        /// The attempt's number; the first is 1.
        attempt: u32,
    },
    /// An attempt failed, and another follows.
    Retrying {
        /// The task.
        task: TaskId,
        /// Not before this moment.
        due: Timestamp,
        /// Why it failed.
        failure: Arc<Failure>,
    },
    /// All attempts of what a step calls failed; what its `or` names is tried next.
    Fell {
        /// The task.
        task: TaskId,
        /// Why.
        failure: Arc<Failure>,
    },
    /// An attempt ended with its process.
    Lost {
        /// The task.
        task: TaskId,
        /// Whether the process was killed, and not shut down.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        killed: bool,
    },
    /// The agent has returned; its subtasks have not.
    Returned {
        /// The task.
        task: TaskId,
        /// What it gave.
        output: Option<Value>,
        /// Or why it failed.
        failure: Option<Arc<Failure>>,
    },
    /// A task is done.
    Succeeded {
        /// The task.
        task: TaskId,
        /// What it gave.
        output: Value,
    },
    /// A task failed for good, was cancelled, or expired.
    Failed {
        /// The task.
        task: TaskId,
        /// Why.
        failure: Arc<Failure>,
    },
    /// The condition of an `if` was asked.
    Chose {
        /// The task.
        task: TaskId,
        /// Whether it holds.
        holds: bool,
    },
    /// The elements of a `for` are known.
    Fanned {
        /// The task.
        task: TaskId,
        /// The elements.
        items: Arc<[Value]>,
    },
    /// The condition of a `repeat` was asked.
    Rounded {
        /// The task.
        task: TaskId,
        /// What the first round begins with.
        first: Option<Value>,
        /// Whether there is another round.
        again: bool,
    },
    /// A timer runs.
    Slept {
        /// The task.
        task: TaskId,
        /// When it rings.
        until: Timestamp,
    },
    /// A child job was started for a step that calls a workflow.
    Called {
        /// The task.
        task: TaskId,
        /// The child.
        job: JobId,
    },
    /// An event arrived from outside.
    Signalled {
        /// Its name.
        event: Arc<str>,
        /// Its value.
        value: Value,
    },
    /// A running task made another.
    Spawned {
        /// The task that made it, and waits for it; none for a task of the job itself.
        parent: Option<TaskId>,
        /// The new task.
        spawn: Arc<Spawn>,
    },
    /// The task that made this one has learned that it failed.
    Noticed {
        /// The task.
        task: TaskId,
    },
    /// An agent saved where it stands.
    Saved {
        /// The task.
        task: TaskId,
        /// What it saved.
        value: Value,
    },
    /// An agent wrote a line to its job's log.
    Logged {
        /// The task.
        task: TaskId,
        /// The number of its attempt.
        attempt: u32,
        /// The line.
        message: Arc<str>,
    },
    /// Somebody gave a task another input than its workflow says.
    Given {
        /// The task.
        task: TaskId,
        /// Its input.
        input: Value,
    },
    /// The job will not succeed: somebody cancelled it, or its deadline passed.
    Stopped {
        /// Why.
        failure: Arc<Failure>,
    },
    /// From here on the job goes on under another plan of what it runs: that of a later, or an earlier, program.
    Replanned {
        /// What that plan means.
        plan: Fingerprint,
    },
    /// The job starts nothing until it is resumed.
    Paused,
    /// The job goes on.
    Resumed,
    /// The job is done.
    JobSucceeded {
        /// What it gave.
        output: Value,
    },
    /// The job failed, was cancelled, or expired.
    JobFailed {
        /// Why.
        failure: Arc<Failure>,
    },
}

/// What was asked for: the first record of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Submission {
    /// The version of the records that follow.
    pub version: u32,
    /// The job's id.
    pub id: JobId,
    /// What it runs.
    pub work: Work,
    /// How.
    #[serde(default, skip_serializing_if = "is_plain")]
    pub options: JobOptions,
}

fn is_plain(options: &JobOptions) -> bool {
    *options == JobOptions::default()
}

/// What a job runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// A workflow or an agent.
    Call {
        /// Which.
        callee: Target,
        /// Its input.
        input: Value,
    },
    /// Tasks that were put together in code.
    Tasks(Arc<Tasks>),
}

/// Tasks that were put together in code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tasks {
    /// The job's name.
    pub name: String,
    /// The tasks; a task's number is its place.
    pub tasks: Vec<Spawn>,
    /// The task whose output is the job's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<TaskId>,
    /// Whether the others go on when one fails for good.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep_going: bool,
}

/// An agent or a workflow, by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Target {
    /// The name it is registered by.
    pub name: Cow<'static, str>,
    /// Which of the two.
    pub kind: CalleeKind,
}

/// A task that was made by code, not by a workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spawn {
    /// The name that finds it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Arc<str>>,
    /// What it calls.
    pub callee: Target,
    /// Its input.
    pub input: Input,
    /// The tasks it runs after though it reads nothing of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<After>,
    /// What is set for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<Box<Options>>,
    /// Whether its parent goes on when it fails for good.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

impl Spawn {
    /// The one task of a job that runs an agent.
    pub(crate) fn of_job(callee: Target, input: Value, job: &JobOptions) -> Self {
        let (input, options) = (Input::Whole(input), job.terms.clone());
        Self { key: None, callee, input, after: Vec::new(), options, optional: false }
    }

    /// The tasks that it waits for, and whether it runs without their success.
    pub fn reads(&self) -> impl Iterator<Item = (TaskId, bool)> {
        let parts = match &self.input {
            Input::Parts(parts) => &parts[..],
            Input::Whole(_) => &[],
        };
        let read = parts.iter().filter_map(|part| match part {
            Part::OutputOf(task) => Some((*task, false)),
            Part::Given(_) => None,
        });
        read.chain(self.after.iter().map(|after| (after.task, after.soft)))
    }
}

/// A task that another runs after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct After {
    /// The task.
    pub task: TaskId,
    /// Whether the other may run if it does not succeed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub soft: bool,
}

/// The input of a task that was made by code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// All of it.
    Whole(Value),
    /// A value for each parameter.
    Parts(Box<[Part]>),
}

/// The value of one parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// As given.
    Given(Value),
    /// What another task gives.
    OutputOf(TaskId),
}

/// How a job is run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct JobOptions {
    /// The queue of the tasks that do not say one themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<Arc<str>>,
    /// The priority of the tasks that do not say one themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// The moment before which it does not begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// The moment after which it is given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// While a job has this key, there is no other of the same name that has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unique: Option<Arc<str>>,
    /// No other job has this key, nor will, even when this one is forgotten.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub once: Option<Arc<str>>,
    /// The tick of a schedule that it runs, or that what has called it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tick: Option<Arc<Tick>>,
    /// What its tasks share a limit with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Arc<str>>,
    /// Words to find it by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Arc<str>>,
    /// The task that waits for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
    /// What is set for its one task, if that is a step of the job that waits for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terms: Option<Box<Options>>,
    /// The job that it does again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub again: Option<JobId>,
    /// The span of a trace that it comes from: W3C's `traceparent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<Arc<str>>,
    /// What goes with it: W3C's `tracestate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracestate: Option<Arc<str>>,
    /// What the workflow or the agent meant when the job was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Fingerprint>,
}

/// The task that waits for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(schemars::JsonSchema))]
pub struct Parent {
    /// Its job.
    pub job: JobId,
    /// The task, as it was numbered when the job was made.
    pub task: TaskId,
    /// How many jobs are above.
    pub depth: u32,
}

/// The facts that are about one task, as a pattern that binds its number.
macro_rules! about {
    ($task:ident) => {
        Fact::Started { $task, .. }
            | Fact::Retrying { $task, .. }
            | Fact::Fell { $task, .. }
            | Fact::Lost { $task, .. }
            | Fact::Returned { $task, .. }
            | Fact::Succeeded { $task, .. }
            | Fact::Failed { $task, .. }
            | Fact::Chose { $task, .. }
            | Fact::Fanned { $task, .. }
            | Fact::Rounded { $task, .. }
            | Fact::Slept { $task, .. }
            | Fact::Called { $task, .. }
            | Fact::Noticed { $task }
            | Fact::Given { $task, .. }
            | Fact::Saved { $task, .. }
            | Fact::Logged { $task, .. }
    };
}

impl Fact {
    /// The task it is about.
    pub fn task(&self) -> Option<TaskId> {
        match self {
            about!(task) => Some(*task),
            _ => None,
        }
    }

    /// The task whose path stands in its line: the one that it is about, or that made the one it is about.
    pub(crate) fn in_line(&self) -> Option<TaskId> {
        match self {
            Self::Spawned { parent, .. } => *parent,
            _ => self.task(),
        }
    }

    /// Gives that task another number.
    pub(crate) fn renumber(&mut self, number: TaskId) {
        match self {
            about!(task) | Self::Spawned { parent: Some(task), .. } => *task = number,
            _ => {}
        }
    }
}
