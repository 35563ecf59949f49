//! Jobs and tasks as they stand, and filters of lists.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::engine::{Engine, Job};
use crate::failure::Failure;
use crate::job_id::JobId;
use crate::options::Priority;
use crate::record::{Parent, TaskId};
use crate::state::{JobState, TaskState};
use crate::store::{Filter, Head};
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
pub struct JobFilter(Filter);

impl JobFilter {
    /// All jobs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Those in this state; called again, in one of these.
    pub fn state(mut self, state: JobState) -> Self {
        self.0.states.push(state);
        self
    }

    /// Those that run this agent or workflow.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.0.name = Some(name.into());
        self
    }

    /// Those that have this tag.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.0.tag = Some(tag.into());
        self
    }

    /// Those that begin in this queue.
    pub fn queue(mut self, queue: impl Into<String>) -> Self {
        self.0.queue = Some(queue.into());
        self
    }

    /// The children of a job.
    pub fn parent(mut self, job: JobId) -> Self {
        self.0.parent = Some(job);
        self
    }

    /// Those that are [parked](crate::Runtime::parked).
    pub fn parked(mut self) -> Self {
        self.0.parked = true;
        self
    }

    /// Those that were accepted after this one: for lists in pages.
    pub fn after(mut self, job: JobId) -> Self {
        self.0.after = Some(job);
        self
    }

    /// Those that were accepted before this one: for lists in pages, the [newest](Self::newest) first.
    pub fn before(mut self, job: JobId) -> Self {
        self.0.before = Some(job);
        self
    }

    /// Those that have these words in their name, a tag, or in why they failed or are parked, whatever the case of ASCII
    /// letters.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.0.text = Some(text.into());
        self
    }

    /// Those that were accepted then or later.
    pub fn since(mut self, moment: Timestamp) -> Self {
        self.0.since = Some(moment);
        self
    }

    /// Those that were accepted before this moment.
    pub fn until(mut self, moment: Timestamp) -> Self {
        self.0.until = Some(moment);
        self
    }

    /// Those that [are dead letters](Head::is_dead).
    pub fn dead(mut self) -> Self {
        self.0.dead = true;
        self
    }

    /// The newest first.
    pub fn newest(mut self) -> Self {
        self.0.newest = true;
        self
    }

    /// So many at most.
    pub fn limit(mut self, jobs: usize) -> Self {
        self.0.limit = Some(jobs);
        self
    }

    /// As a store reads it.
    pub(crate) fn into_inner(self) -> Filter {
        self.0
    }

    pub(crate) fn list(&self, engine: &Engine) -> Vec<JobStatus> {
        let found = self.found(engine);
        found.iter().map(|job| JobStatus::of(engine, job)).collect()
    }

    /// The heads of the jobs in memory.
    pub(crate) fn heads(&self, engine: &Engine) -> Vec<Head> {
        self.found(engine).iter().map(|job| engine.head(job)).collect()
    }

    fn found(&self, engine: &Engine) -> Vec<Arc<Job>> {
        let mut jobs = engine.index.all();
        jobs.retain(|job| self.0.lets(&engine.head(job)));
        if self.0.newest {
            jobs.reverse();
        }
        jobs.truncate(self.0.limit.unwrap_or(usize::MAX));
        jobs
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
