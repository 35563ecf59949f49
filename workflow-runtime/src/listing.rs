//! Jobs and tasks as they stand, and filters of lists.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::engine::{Engine, Job};
use crate::failure::Failure;
use crate::job_id::JobId;
use crate::options::Priority;
use crate::record::{Parent, TaskId};
use crate::state::{JobState, TaskState};
use crate::timestamp::Timestamp;

/// A job, as it stands.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct JobStatus {
    /// Its id.
    pub id: JobId,
    /// What it runs.
    pub name: Arc<str>,
    /// Where it stands.
    pub state: JobState,
    /// When it was accepted, to the millisecond.
    pub submitted: Timestamp,
    /// The phase it is in, if it runs a workflow and has begun.
    pub phase: Option<String>,
    /// How many of its tasks are in which state. Tasks that are not known yet are not counted.
    pub tasks: BTreeMap<TaskState, usize>,
    /// Why it did not succeed, or will not.
    pub failure: Option<Failure>,
    /// The queue that it began in, or will.
    pub queue: Arc<str>,
    /// The priority that was asked for.
    pub priority: Option<Priority>,
    /// Words to find it by: those of what it runs, and its own.
    pub tags: Vec<Arc<str>>,
    /// The task that waits for it.
    pub parent: Option<Parent>,
}

/// A task, as it stands.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TaskStatus {
    /// Its number in the job.
    pub id: TaskId,
    /// Its path.
    pub path: String,
    /// Where it stands.
    pub state: TaskState,
    /// How many attempts there were.
    pub attempts: u32,
    /// The phase it belongs to.
    pub phase: Option<String>,
}

/// Which jobs a list holds.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct JobFilter {
    states: Vec<JobState>,
    name: Option<String>,
    tag: Option<String>,
    queue: Option<String>,
    parent: Option<JobId>,
    after: Option<JobId>,
    limit: Option<usize>,
}

impl JobFilter {
    /// All jobs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Those in this state; called again, in one of these.
    pub fn state(mut self, state: JobState) -> Self {
        self.states.push(state);
        self
    }

    /// Those that run this agent or workflow.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Those that have this tag.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tag = Some(tag.into());
        self
    }

    /// Those that begin in this queue.
    pub fn queue(mut self, queue: impl Into<String>) -> Self {
        self.queue = Some(queue.into());
        self
    }

    /// The children of a job.
    pub fn parent(mut self, job: JobId) -> Self {
        self.parent = Some(job);
        self
    }

    /// Those that were accepted after this one: for lists in pages.
    pub fn after(mut self, job: JobId) -> Self {
        self.after = Some(job);
        self
    }

    /// So many at most.
    pub fn limit(mut self, jobs: usize) -> Self {
        self.limit = Some(jobs);
        self
    }

    pub(crate) fn list(&self, engine: &Engine) -> Vec<JobStatus> {
        let jobs = engine.index.all();
        let found = jobs.iter().filter(|job| self.lets(engine, job)).take(self.limit.unwrap_or(usize::MAX));
        found.map(|job| JobStatus::of(engine, job)).collect()
    }

    fn lets(&self, engine: &Engine, job: &Job) -> bool {
        let options = job.options();
        self.after.is_none_or(|after| job.id > after)
            && self.parent.is_none_or(|parent| options.parent.is_some_and(|own| own.job == parent))
            && self.tag.as_ref().is_none_or(|tag| engine.tags(job).iter().any(|own| **own == **tag))
            && self.queue.as_ref().is_none_or(|queue| *engine.queue_name(job) == **queue)
            && self.name.as_ref().is_none_or(|name| *engine.name_of(job) == **name)
            && (self.states.is_empty() || self.states.contains(&job.lock_state()))
    }
}

impl JobStatus {
    pub(crate) fn of(engine: &Engine, job: &Job) -> Self {
        let options = job.options();
        let (state, phase, tasks, failure) = job.glance();
        Self {
            id: job.id,
            name: engine.name_of(job),
            state,
            submitted: job.id.made_at(),
            phase,
            tasks,
            failure: failure.map(Arc::unwrap_or_clone),
            queue: engine.queue_name(job),
            priority: options.priority,
            tags: engine.tags(job),
            parent: options.parent,
        }
    }
}

impl TaskStatus {
    pub(crate) fn all(job: &Job) -> Vec<Self> {
        job.each_task(|machine, id, task| Self {
            id,
            path: machine.path(id),
            state: task.state,
            attempts: task.attempt,
            phase: machine.phase_of(id).map(str::to_owned),
        })
    }
}
