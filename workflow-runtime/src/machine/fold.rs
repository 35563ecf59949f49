//! One record after the other.

use std::sync::Arc;

use super::command::Command;
use super::illegal::Illegal;
use super::job::Machine;
use super::state::{Kind, Returned, Task};
use crate::failure::{Failure, FailureKind};
use crate::record::{Fact, Record, TaskId};
use crate::state::{JobState, TaskState};
use crate::value::Value;

impl Machine {
    /// Takes a record in. What is to be done then, [`command`](Self::command) says.
    ///
    /// # Errors
    /// When the record cannot follow those before it; then nothing has changed.
    pub(crate) fn apply(&mut self, record: &Record) -> Result<(), Illegal> {
        self.now = record.at;
        match &record.fact {
            Fact::Submitted { .. } => return Err(Illegal::Submission),
            Fact::Begun => self.begin()?,
            Fact::Started { task, attempt } => self.started(*task, *attempt)?,
            Fact::Retrying { task, due, .. } => {
                self.go(*task, TaskState::Retrying)?;
                self.due.insert(*task, *due);
                self.commands.push_back(Command::Wake(*task, *due));
            }
            Fact::Fell { task, .. } => self.fell(*task)?,
            Fact::Lost { task, .. } => {
                let kind = self.known(*task)?.kind;
                if matches!(kind, Kind::Form | Kind::Sleep | Kind::Signal) {
                    return Err(Illegal::NotThat { task: *task, what: "made of attempts" });
                }
                let lost = self.go(*task, TaskState::Queued)?;
                // It was nobody's fault.
                lost.before += 1;
                self.children.remove(task);
                self.commands.push_back(self.start_of(*task));
            }
            Fact::Returned { task, output, failure } => {
                self.returned(*task, output.as_ref(), failure.as_ref())?;
            }
            Fact::Succeeded { task, output } => self.succeeded(*task, output)?,
            Fact::Failed { task, failure } => self.failed(*task, failure)?,
            Fact::Chose { task, holds } => self.chose(*task, *holds)?,
            Fact::Fanned { task, items } => self.fanned(*task, items)?,
            Fact::Rounded { task, first, again } => self.rounded(*task, first.as_ref(), *again)?,
            Fact::Slept { task, until } => {
                self.expect(*task, Kind::Sleep, "a timer")?;
                self.due.insert(*task, *until);
                self.commands.push_back(Command::Wake(*task, *until));
            }
            Fact::Called { task, job } => {
                let attempt = self.known(*task)?.attempt + 1;
                self.started(*task, attempt)?;
                self.children.insert(*task, *job);
            }
            Fact::Signalled { event, value } => self.signalled(event, value)?,
            Fact::Spawned { parent, spawn } => self.take_in(*parent, Arc::clone(spawn))?,
            Fact::Noticed { task } => {
                self.known(*task)?;
                self.join(*task);
            }
            Fact::Saved { task, value } => {
                self.known(*task)?;
                self.saved.insert(*task, value.clone());
            }
            Fact::Logged { task, .. } => {
                self.known(*task)?;
            }
            Fact::Given { task, input } => {
                self.known(*task)?;
                self.rare().given.insert(*task, input.clone());
            }
            Fact::Stopped { failure } => self.stop_job(failure)?,
            Fact::Replanned { .. } => {}
            Fact::Paused => {
                let before = self.state;
                self.job_goes(JobState::Paused)?;
                self.paused = Some(before);
            }
            Fact::Resumed => {
                let before = self.paused.unwrap_or(self.state);
                self.job_goes(before)?;
                self.paused = None;
            }
            Fact::JobSucceeded { output } => {
                self.job_goes(JobState::Succeeded)?;
                self.output = Some(output.clone());
            }
            Fact::JobFailed { failure } => self.job_failed(failure)?,
        }
        self.tell_followers()
    }

    pub(super) fn known(&self, task: TaskId) -> Result<&Task, Illegal> {
        self.tasks.get(task as usize).ok_or(Illegal::NoTask(task))
    }

    pub(super) fn expect(&self, task: TaskId, kind: Kind, what: &'static str) -> Result<(), Illegal> {
        match self.known(task)?.kind == kind {
            true => Ok(()),
            false => Err(Illegal::NotThat { task, what }),
        }
    }

    fn begin(&mut self) -> Result<(), Illegal> {
        self.job_goes(JobState::Running)?;
        self.begun = Some(self.now);
        match &self.program {
            Some(_) => self.start_phase(0),
            None => self.take_in_all(),
        }
    }

    fn started(&mut self, id: TaskId, attempt: u32) -> Result<(), Illegal> {
        let Task { state, attempt: before, .. } = *self.known(id)?;
        if attempt != before + 1 {
            let why = ": it is not the next attempt";
            return Err(Illegal::Task { task: id, from: state, to: TaskState::Running, why });
        }
        if state == TaskState::Retrying {
            self.go(id, TaskState::Queued)?;
        }
        if !self.due.is_empty() {
            self.due.remove(&id);
        }
        self.go(id, TaskState::Running)?.attempt = attempt;
        Ok(())
    }

    fn fell(&mut self, id: TaskId) -> Result<(), Illegal> {
        if !self.can_fall(id) {
            return Err(Illegal::NotThat { task: id, what: "a step with another callee" });
        }
        let task = self.go(id, TaskState::Queued)?;
        task.choice += 1;
        task.before = task.attempt;
        self.children.remove(&id);
        let command = self.start_of(id);
        self.commands.push_back(command);
        Ok(())
    }

    fn returned(
        &mut self,
        id: TaskId,
        output: Option<&Value>,
        failure: Option<&Arc<Failure>>,
    ) -> Result<(), Illegal> {
        self.go(id, TaskState::Waiting)?;
        let returned = Returned { output: output.cloned(), failure: failure.cloned() };
        let failed = returned.failure.is_some();
        self.returned.insert(id, returned);
        if failed {
            self.stop_made_by(id)?;
        }
        if self.tasks[id as usize].open == 0 {
            self.commands.push_back(Command::Settle(id));
        }
        Ok(())
    }

    fn succeeded(&mut self, id: TaskId, output: &Value) -> Result<(), Illegal> {
        let task = self.known(id)?;
        match task.kind {
            Kind::Form => Err(Illegal::NotThat { task: id, what: "a step" }),
            Kind::Step | Kind::Sleep | Kind::Signal => {
                let value = self.decode(id, output)?;
                self.go(id, TaskState::Succeeded)?;
                self.node_succeeded(id, Some(value))
            }
            Kind::Made => {
                let place = task.source as usize;
                self.go(id, TaskState::Succeeded)?;
                self.made[place].output = Some(output.clone());
                self.made_is_over(id);
                Ok(())
            }
            Kind::Undo => {
                self.go(id, TaskState::Succeeded)?;
                self.undone(id, None)
            }
        }
    }

    pub(super) fn decode(&self, id: TaskId, value: &Value) -> Result<crate::data::Erased, Illegal> {
        let task = self.known(id)?;
        let program = self.program.as_ref().ok_or(Illegal::NoTask(id))?;
        let slot = program.plan.node(task.source).slot;
        let codec = program.code.slots[slot as usize];
        value.typed(codec).map_err(|error| Illegal::Misfit { task: id, why: error.to_string() })
    }

    fn failed(&mut self, id: TaskId, failure: &Arc<Failure>) -> Result<(), Illegal> {
        if self.known(id)?.kind == Kind::Form && self.fail_form(id, failure)? {
            return Ok(());
        }
        let to = match failure.kind {
            FailureKind::Cancelled => TaskState::Cancelled,
            FailureKind::Expired => TaskState::Expired,
            _ => TaskState::Failed,
        };
        let kind = self.go(id, to)?.kind;
        self.due.remove(&id);
        self.returned.remove(&id);
        match kind {
            Kind::Undo => self.undone(id, Some(failure)),
            Kind::Made => {
                self.made_failed(id, failure)?;
                self.made_is_over(id);
                Ok(())
            }
            _ => self.node_failed(id, failure),
        }
    }

    fn signalled(&mut self, event: &Arc<str>, value: &Value) -> Result<(), Illegal> {
        if self.state.is_over() {
            return Err(Illegal::Job { from: self.state, to: self.state, why: ": nothing awaits an event" });
        }
        while let Some(id) =
            self.rare().awaiting.get_mut(event).and_then(std::collections::VecDeque::pop_front)
        {
            if self.tasks[id as usize].state == TaskState::Waiting {
                return self.arrive(id, value);
            }
        }
        self.rare().arrived.entry(Arc::clone(event)).or_default().push_back(value.clone());
        Ok(())
    }

    /// An event reaches the task that waits for it.
    pub(super) fn arrive(&mut self, id: TaskId, value: &Value) -> Result<(), Illegal> {
        let value = self.decode(id, value)?;
        self.go(id, TaskState::Succeeded)?;
        self.node_succeeded(id, Some(value))
    }

    fn job_failed(&mut self, failure: &Arc<Failure>) -> Result<(), Illegal> {
        self.job_goes(failure.kind.state_of_job())?;
        self.failure = Some(Arc::clone(failure));
        Ok(())
    }

    /// The command that starts a task: its turn in a queue, or a child job.
    pub(crate) fn start_of(&self, id: TaskId) -> Command {
        use crate::callee_kind::CalleeKind;
        use crate::program::Place;
        let is_workflow = match self.call(id) {
            Some(call) => matches!(call.place, Place::Workflow(_)),
            None => self.spawn(id).is_some_and(|spawn| spawn.callee.kind == CalleeKind::Workflow),
        };
        if is_workflow { Command::Call(id) } else { Command::Run(id) }
    }
}
