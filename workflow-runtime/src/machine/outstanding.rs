//! What a machine wants done, worked out from its state alone: how a job goes on after its process ended.

use super::command::Command;
use super::job::Machine;
use super::state::{Kind, NONE};
use crate::record::TaskId;
use crate::state::TaskState;

impl Machine {
    /// Tasks whose attempts ended with the process that ran them.
    pub(crate) fn lost(&self) -> Vec<TaskId> {
        let attempts = self.each().filter(|(id, state, kind)| {
            *state == TaskState::Running && *kind != Kind::Form && !self.children.contains_key(id)
        });
        attempts.map(|(id, ..)| id).collect()
    }

    /// Tasks whose child jobs are not known to be over.
    pub(crate) fn calling(&self) -> Vec<(TaskId, crate::job_id::JobId)> {
        let calling = self.each().filter(|(_, state, _)| *state == TaskState::Running);
        calling.filter_map(|(id, ..)| Some((id, self.child(id)?))).collect()
    }

    /// Timers and forms that have a limit of time.
    pub(crate) fn limited(&self) -> Vec<TaskId> {
        let limited = self.since.keys().copied();
        limited.filter(|id| self.task(*id).is_some_and(|task| !task.state.is_over())).collect()
    }

    /// All that is to be done, however long ago it was commanded.
    pub(crate) fn outstanding(&self) -> Vec<Command> {
        let began = self.begun.is_some() || self.failure.is_some();
        if !began || self.state.is_over() {
            return Vec::new();
        }
        let mut commands: Vec<Command> =
            self.each().filter_map(|(id, state, kind)| self.wanted(id, state, kind)).collect();
        if self.is_finished() {
            commands.push(Command::Conclude);
        }
        commands
    }

    fn each(&self) -> impl Iterator<Item = (TaskId, TaskState, Kind)> {
        (0..).zip(&self.tasks).map(|(id, task)| (id, task.state, task.kind))
    }

    fn wanted(&self, id: TaskId, state: TaskState, kind: Kind) -> Option<Command> {
        let due = || self.due.get(&id).map(|due| Command::Wake(id, *due));
        match (state, kind) {
            (TaskState::Queued, _) => Some(self.start_of(id)),
            (TaskState::Retrying, _) => due(),
            (TaskState::Waiting, Kind::Sleep) => due().or(Some(Command::Evaluate(id))),
            (TaskState::Waiting, Kind::Signal) => self.since.contains_key(&id).then_some(Command::Await(id)),
            (TaskState::Waiting, _) if self.open(id) == 0 => Some(Command::Settle(id)),
            (TaskState::Running, Kind::Form) => {
                let open = self.tasks[id as usize].open;
                let idle = open == NONE || self.forms[open as usize].active == 0;
                idle.then_some(Command::Evaluate(id))
            }
            _ => None,
        }
    }

    fn is_finished(&self) -> bool {
        let over =
            self.tasks.iter().all(|task| task.state.is_over() && task.state != TaskState::Compensating);
        let last_phase = self
            .program
            .as_ref()
            .is_none_or(|program| self.failure.is_some() || self.phase as usize >= program.phases.len());
        over && last_phase && (self.failure.is_none() || self.undo.is_empty())
    }
}
