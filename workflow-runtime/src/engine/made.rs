//! Tasks that running tasks make, and events from outside.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::drive::Turn;
use super::event::{Answer, Joined};
use super::job::Live;
use crate::definition::NodeKind;
use crate::failure::{Failure, FailureKind};
use crate::machine::Machine;
use crate::program::Place;
use crate::record::{Fact, Spawn, TaskId};
use crate::state::TaskState;
use crate::value::Value;

impl Turn<'_> {
    pub(super) fn spawned(
        &mut self,
        live: &mut Live,
        parent: Option<TaskId>,
        spawn: Arc<Spawn>,
    ) -> Result<TaskId, Failure> {
        let machine = live.machine.as_ref().ok_or_else(|| Failure::new(FailureKind::Unrunnable, "no job"))?;
        if let Some(known) = spawn.key.as_ref().and_then(|key| machine.made_by(parent, key)) {
            let callee = machine.spawn(known).map(|known| &known.callee);
            if callee == Some(&spawn.callee) {
                return Ok(known);
            }
            let (key, other) = (spawn.key.as_deref().unwrap_or(""), callee.map_or("", |callee| &callee.name));
            let message = format!("the key `{key}` is that of a subtask that calls `{other}`; take another");
            return Err(Failure::new(FailureKind::Unrunnable, message));
        }
        if Place::find(&self.engine.registry, &spawn.callee.name, spawn.callee.kind).is_none() {
            let message = format!("there is no `{}` to call", spawn.callee.name);
            return Err(Failure::new(FailureKind::Unrunnable, message));
        }
        let id = u32::try_from(machine.tasks().len()).unwrap_or(TaskId::MAX);
        self.try_note(live, Fact::Spawned { parent, spawn })?;
        Ok(id)
    }

    pub(super) fn join(&mut self, live: &mut Live, task: TaskId, told: oneshot::Sender<Joined>) {
        let Some(machine) = live.machine.as_mut() else { return };
        machine.join(task);
        if machine.task(task).is_none_or(|task| task.state.is_over()) {
            self.tell_joiner(live, task, told);
        } else {
            live.joins.entry(task).or_default().push(told);
        }
    }

    /// Somebody learns what became of a task; that a failure was noticed is written down.
    pub(super) fn tell_joiner(&mut self, live: &mut Live, task: TaskId, told: oneshot::Sender<Joined>) {
        let outcome = self.outcome_of(live, task);
        if outcome.is_err() {
            self.note(live, Fact::Noticed { task });
        }
        self.effects.answers.push(Answer::Joined(told, outcome));
    }

    /// Why a task failed whose subtask did, without its having looked.
    pub(super) fn oversight(&self, live: &Live, task: TaskId) -> Failure {
        let Some(machine) = live.machine.as_ref() else {
            return Failure::new(FailureKind::Error, "a subtask failed");
        };
        let mut failure = machine.oversight(task);
        if let Some(Err(cause)) = machine.overlooked(task).map(|subtask| self.outcome_of(live, subtask)) {
            failure.causes.push(cause.message.clone());
            failure.causes.extend(cause.causes.iter().cloned());
        }
        let attempt = machine.task(task).map_or(0, |task| task.attempt);
        failure.at(self.job.id, &machine.path(task), attempt)
    }

    pub(super) fn outcome_of(&self, live: &Live, task: TaskId) -> Joined {
        let machine = live.machine.as_ref();
        if let Some(output) = machine.and_then(|machine| machine.output_of(task)) {
            return Ok(output.clone());
        }
        let failed = live.journal.iter().rev().find_map(|record| match &record.fact {
            Fact::Failed { task: failed, failure } if *failed == task => Some(Arc::clone(failure)),
            _ => None,
        });
        let step = machine.map(|machine| machine.path(task)).unwrap_or_default();
        let state = machine.and_then(|machine| machine.task(task)).map(|task| task.state);
        Err(failed.unwrap_or_else(|| {
            let message = match state {
                Some(TaskState::Skipped) => "it was skipped, for what it depends on did not succeed",
                _ => "it was cancelled",
            };
            Arc::new(Failure::new(FailureKind::Cancelled, message).at(self.job.id, &step, 0))
        }))
    }

    pub(super) fn check_signal(&self, live: &Live, event: &str, value: &Value) -> Result<(), Failure> {
        let refuse =
            |message: String| Err(Failure::new(FailureKind::BadInput, message).at(self.job.id, "", 0));
        let Some(program) = live.machine.as_ref().and_then(Machine::program) else {
            return refuse(format!("the job awaits no event `{event}`: only workflows do"));
        };
        let Some(node) = program.event(event) else {
            let name = &program.plan.definition().name;
            let cure = match workflow_graph::nearest(event, program.events()) {
                Some(near) => format!("; did you mean `{near}`?"),
                None => String::new(),
            };
            return refuse(format!("`{name}` awaits no event `{event}`{cure}"));
        };
        let NodeKind::Signal { schema, .. } = &node.kind else { return Ok(()) };
        let json = match value.json() {
            Ok(json) => json,
            Err(error) => return refuse(format!("the value of `{event}` cannot be written: {error}")),
        };
        let checked = crate::schema::Schema::new(schema.clone()).map_err(|error| error.to_string());
        if let Err(wrong) = checked.and_then(|schema| schema.check(&json).map_err(|error| error.to_string()))
        {
            return refuse(format!("the value of `{event}` is not right: {wrong}"));
        }
        match program.code.slots[node.slot as usize].decode(json) {
            Ok(_) => Ok(()),
            Err(error) => refuse(format!("the value of `{event}` is not right: {error}")),
        }
    }
}
