//! A job as a person looks at it: what its journal tells, step by step.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value as Json;

use crate::failure::{Failure, FailureKind};
use crate::job_id::JobId;
use crate::machine::{Machine, Resumed};
use crate::program::Place;
use crate::record::{Fact, Input, Line, Part, Record, Submission, TaskId, Work};
use crate::registry::Registry;
use crate::secret::Secrets;
use crate::state::TaskState;
use crate::store::{Head, Store, StoreError};
use crate::timestamp::Timestamp;
use crate::upgrade::{Journals, Restored};
use crate::value::Value;

/// A job, as its journal tells it. [`Registry::view`] reads it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "http", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct JobView {
    /// What lists show of it.
    #[serde(flatten)]
    pub head: Head,
    /// What it was given; none if it was put together in code.
    pub input: Option<Json>,
    /// When it began.
    pub begun: Option<Timestamp>,
    /// What it gave.
    pub output: Option<Json>,
    /// Why it did not succeed, or will not.
    #[serde(rename = "why")]
    pub failure: Option<Failure>,
    /// Its steps and what is inside of them, as far as there is something to tell of them.
    pub steps: Vec<StepView>,
    /// Why this program does not know the job's steps, if that is so: then only those are told to which something happened,
    /// and where they stand is a guess.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub misfit: Option<String>,
    /// What was said to it from outside, the first first.
    pub said: Vec<Said>,
}

/// A step of a job, or what an agent made inside of one.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "http", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct StepView {
    /// The number of its task in the job.
    pub task: TaskId,
    /// Its path.
    pub path: Arc<str>,
    /// The phase it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Arc<str>>,
    /// The agent or the workflow that it calls, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<Arc<str>>,
    /// Where it stands.
    pub state: TaskState,
    /// When something first happened to it.
    pub since: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// What it is given, once it has begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Json>,
    /// Its attempts, the first one first.
    pub attempts: Vec<AttemptView>,
    /// Until when it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The job that does it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub child: Option<JobId>,
    /// What it saved last, to go on from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saved: Option<Json>,
    /// What it gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Json>,
    /// Why it failed for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// One attempt of a step.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "http", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct AttemptView {
    /// When it began.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Why it failed; none if it did not, or if it ended with its process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// It ended with its process.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub lost: bool,
}

/// What was said to a job from outside.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "http", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Said {
    /// When it was heard.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub what: Saying,
}

/// What can be said to a job from outside.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "http", derive(schemars::JsonSchema))]
#[serde(tag = "what", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Saying {
    /// It is to start nothing for a while.
    Paused,
    /// It is to go on.
    Resumed,
    /// Something has happened that it may wait for.
    Signalled {
        /// The event.
        event: Arc<str>,
        /// What came with it.
        value: Option<Json>,
    },
    /// It is to end, for this reason.
    Stopped {
        /// Why.
        why: String,
    },
}

impl Saying {
    /// Has what came with it changed, and the reason that was given.
    pub(crate) fn each_value(&mut self, value: impl FnOnce(&mut Json), text: impl FnOnce(&mut String)) {
        match self {
            Self::Signalled { value: Some(with), .. } => value(with),
            Self::Stopped { why } => text(why),
            _ => {}
        }
    }
}

impl Registry {
    /// What a store has of a job, if it is there, for people to look at. Nothing is run, written or taken over: another
    /// program may be at work on it.
    ///
    /// What the schemas of agents and workflows mark as `writeOnly`, or as of the format `password`, is hidden, and so are
    /// texts that are equal to it, wherever they stand.
    ///
    /// It blocks: call it where that hurts nobody.
    ///
    /// # Errors
    /// When the store, or what it has of the job, cannot be read.
    pub fn view(&self, store: &dyn Store, job: JobId) -> Result<Option<JobView>, StoreError> {
        let mut view = self.bare_view(store, job)?;
        if let Some(view) = &mut view {
            Secrets::hide_in(self, view);
        }
        Ok(view)
    }

    /// The same with its secrets.
    pub(crate) fn bare_view(&self, store: &dyn Store, job: JobId) -> Result<Option<JobView>, StoreError> {
        let Some(kept) = store.read(job)? else { return Ok(None) };
        let lines = kept.records()?;
        let mut view = JobView::new(kept.head);
        match Journals::new(self, store)?.read(&lines) {
            Ok(Restored { submission, resumed: Resumed { machine, records, .. }, .. }) => {
                view.input = input_of(&submission);
                let told = view.take_all(records.iter().map(|record| (record, None)));
                view.know(self, &machine, told);
            }
            Err(unfit) => {
                let told = view.take_all(lines.iter().map(|line| (&line.record, line.step.as_ref())));
                view.steps = told.into_values().collect();
                view.misfit = Some(unfit.to_string());
            }
        }
        Ok(Some(view))
    }
}

impl JobView {
    fn new(head: Head) -> Self {
        Self {
            head,
            input: None,
            begun: None,
            output: None,
            failure: None,
            steps: Vec::new(),
            misfit: None,
            said: Vec::new(),
        }
    }

    /// Where each task stands is what the machine says.
    fn know(&mut self, registry: &Registry, machine: &Machine, mut told: BTreeMap<TaskId, StepView>) {
        for (id, task) in (0..).zip(machine.tasks()) {
            let mut step = told.remove(&id).unwrap_or_else(|| StepView::new(id));
            step.path = Arc::from(machine.path(id));
            step.phase = machine.phase_of(id).map(Arc::from);
            step.calls = called(registry, machine, id);
            step.state = task.state;
            step.since = step.since.or_else(|| machine.since(id));
            if !step.attempts.is_empty() {
                step.input = given(registry, machine, id);
            }
            self.steps.push(step);
        }
    }

    /// Takes in all that happened, each with the path of its step, if that is known; gives what is told of tasks.
    fn take_all<'a>(
        &mut self,
        records: impl Iterator<Item = (&'a Record, Option<&'a Arc<str>>)>,
    ) -> BTreeMap<TaskId, StepView> {
        let mut told = BTreeMap::new();
        for (record, path) in records {
            match record.fact.task() {
                Some(task) => {
                    let path = || path.cloned().unwrap_or_default();
                    let new = || StepView { path: path(), ..StepView::new(task) };
                    told.entry(task).or_insert_with(new).take(record.at, &record.fact);
                }
                None => self.take(record),
            }
        }
        told
    }

    fn take(&mut self, record: &Record) {
        let at = record.at;
        let said = match &record.fact {
            Fact::Submitted { submission } => return self.input = input_of(submission),
            Fact::Begun => return self.begun = Some(at),
            Fact::JobSucceeded { output } => return self.output = output.json().ok(),
            Fact::JobFailed { failure } => return self.failure = Some((**failure).clone()),
            Fact::Paused => Saying::Paused,
            Fact::Resumed => Saying::Resumed,
            Fact::Signalled { event, value } => {
                Saying::Signalled { event: Arc::clone(event), value: value.json().ok() }
            }
            Fact::Stopped { failure } => {
                self.failure = Some((**failure).clone());
                Saying::Stopped { why: failure.message.clone() }
            }
            _ => return,
        };
        self.said.push(Said { at, what: said });
    }
}

fn input_of(submission: &Submission) -> Option<Json> {
    match &submission.work {
        Work::Call { input, .. } => input.json().ok(),
        Work::Tasks(_) => None,
    }
}

/// The agent or the workflow that a task calls.
fn called(registry: &Registry, machine: &Machine, task: TaskId) -> Option<Arc<str>> {
    if let Some(spawn) = machine.spawn(task) {
        return Some(Arc::from(&*spawn.callee.name));
    }
    let name = match machine.call_in(machine.program()?, task)?.place {
        Place::Agent(agent) => registry.agents()[agent as usize].name(),
        Place::Workflow(workflow) => registry.workflows()[workflow as usize].name(),
    };
    Some(Arc::from(name))
}

/// What a task is given.
fn given(registry: &Registry, machine: &Machine, task: TaskId) -> Option<Json> {
    if let Some(input) = machine.given(task) {
        return input.json().ok();
    }
    let output_of = |task: TaskId| machine.output_of(task)?.json().ok();
    if let Some(spawn) = machine.spawn(task) {
        return match &spawn.input {
            Input::Whole(input) => input.json().ok(),
            Input::Parts(parts) => parts
                .iter()
                .map(|part| match part {
                    Part::Given(value) => value.json().ok(),
                    Part::OutputOf(task) => output_of(*task),
                })
                .collect(),
        };
    }
    let codec = match machine.call_in(machine.program()?, task)?.place {
        Place::Agent(agent) => registry.agents()[agent as usize].input_codec(),
        Place::Workflow(workflow) => registry.workflows()[workflow as usize].code().input.codec,
    };
    if !machine.can_make_input_of(task) {
        return None;
    }
    Value::Typed(machine.input_of(task).ok()??, codec).json().ok()
}

impl StepView {
    fn new(task: TaskId) -> Self {
        Self {
            task,
            path: Arc::from(""),
            phase: None,
            calls: None,
            state: TaskState::Pending,
            since: None,
            ended: None,
            input: None,
            attempts: Vec::new(),
            until: None,
            child: None,
            saved: None,
            output: None,
            failure: None,
        }
    }

    /// What the lines of a journal tell of a task.
    pub(crate) fn of(lines: &[Line], task: TaskId) -> Self {
        let path = step_of(lines, task).unwrap_or_default();
        let mut step = Self { path, ..Self::new(task) };
        let own = lines.iter().filter(|line| line.record.fact.task() == Some(task));
        own.for_each(|line| step.take(line.record.at, &line.record.fact));
        step
    }

    fn take(&mut self, at: Timestamp, fact: &Fact) {
        self.since.get_or_insert(at);
        match fact {
            Fact::Started { .. } | Fact::Called { .. } => {
                if let Fact::Called { job, .. } = fact {
                    self.child = Some(*job);
                }
                self.state = TaskState::Running;
                self.until = None;
                self.attempts.push(AttemptView { began: at, ended: None, failure: None, lost: false });
            }
            Fact::Retrying { due, failure, .. } => {
                self.state = TaskState::Retrying;
                self.until = Some(*due);
                self.attempt_ended(at, Some(failure));
            }
            Fact::Fell { failure, .. } => {
                self.state = TaskState::Queued;
                self.attempt_ended(at, Some(failure));
            }
            Fact::Lost { .. } => {
                self.state = TaskState::Queued;
                if let Some(last) = self.attempts.last_mut() {
                    (last.ended, last.lost) = (Some(at), true);
                }
            }
            Fact::Returned { output, failure, .. } => {
                self.state = TaskState::Waiting;
                self.output = output.as_ref().and_then(|output| output.json().ok());
                self.attempt_ended(at, failure.as_ref());
            }
            Fact::Succeeded { output, .. } => {
                self.state = TaskState::Succeeded;
                self.output = output.json().ok();
                self.ended = Some(at);
                self.until = None;
                self.attempt_ended(at, None);
            }
            Fact::Failed { failure, .. } => {
                self.state = match failure.kind {
                    FailureKind::Cancelled => TaskState::Cancelled,
                    FailureKind::Expired => TaskState::Expired,
                    _ => TaskState::Failed,
                };
                self.failure = Some((**failure).clone());
                self.ended = Some(at);
                self.until = None;
                self.attempt_ended(at, Some(failure));
            }
            Fact::Slept { until, .. } => {
                self.state = TaskState::Waiting;
                self.until = Some(*until);
            }
            Fact::Chose { .. } | Fact::Fanned { .. } | Fact::Rounded { .. } => {
                self.state = TaskState::Running
            }
            Fact::Saved { value, .. } => self.saved = value.json().ok(),
            _ => {}
        }
    }

    /// The last attempt ended, if it had not.
    fn attempt_ended(&mut self, at: Timestamp, failure: Option<&Arc<Failure>>) {
        if let Some(last) = self.attempts.last_mut().filter(|last| last.ended.is_none()) {
            last.ended = Some(at);
            last.failure = failure.map(|failure| (**failure).clone());
        }
    }
}

/// The path of a task, as its journal tells it.
pub(crate) fn step_of(lines: &[Line], task: TaskId) -> Option<Arc<str>> {
    lines.iter().find(|line| line.record.fact.task() == Some(task))?.step.clone()
}
