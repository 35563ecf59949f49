//! What happens when something will not succeed: what runs is told to stop, what was done is taken back.

use std::sync::Arc;

use super::block::number;
use super::command::Command;
use super::illegal::Illegal;
use super::job::Machine;
use super::state::{BlockRun, Kind, NONE, Task};
use crate::failure::{Failure, FailureKind};
use crate::record::TaskId;
use crate::state::{JobState, TaskState};

impl Machine {
    /// Whether a form around the task, or the job, fails already.
    pub(super) fn is_stopping_around(&self, id: TaskId) -> bool {
        let mut at = id;
        loop {
            let form = self.blocks[self.tasks[at as usize].place as usize].form;
            if form == NONE {
                return self.failure.is_some();
            }
            let open = self.tasks[form as usize].open;
            if self.forms.get(open as usize).is_some_and(|form| form.failing.is_some()) {
                return true;
            }
            at = form;
        }
    }

    /// A task failed for good and its job does not go on without it: the nearest form around it that the job can go
    /// on without fails, or the job does.
    pub(super) fn fail_around(&mut self, id: TaskId, failure: &Arc<Failure>) -> Result<(), Illegal> {
        let mut at = id;
        loop {
            let form = self.blocks[self.tasks[at as usize].place as usize].form;
            if form == NONE {
                return self.stop_job(failure);
            }
            let open = self.tasks[form as usize].open;
            if let Some(run) = self.forms.get_mut(open as usize) {
                run.failing.get_or_insert_with(|| Arc::clone(failure));
            }
            if self.tasks[form as usize].optional {
                return self.stop_inside(form);
            }
            at = form;
        }
    }

    /// The job will not succeed.
    pub(super) fn stop_job(&mut self, failure: &Arc<Failure>) -> Result<(), Illegal> {
        let idle = matches!(self.state, JobState::Pending | JobState::Scheduled)
            || (self.state == JobState::Paused && self.paused != Some(JobState::Running));
        self.job_goes(JobState::Stopping)?;
        self.paused = None;
        self.failure = Some(Arc::clone(failure));
        if idle {
            return self.is_drained();
        }
        if self.program.is_some() {
            let phase = (0..self.blocks.len()).rev().find(|run| self.blocks[*run].form == NONE);
            if let Some(run) = phase {
                self.stop_block(number(run))?;
            }
        } else {
            self.stop_all_made()?;
            if self.left == 0 {
                return self.is_drained();
            }
        }
        Ok(())
    }

    /// A form that still runs is to fail: it does when what is inside is over. Says whether there is anything inside.
    pub(super) fn fail_form(&mut self, form: TaskId, failure: &Arc<Failure>) -> Result<bool, Illegal> {
        let Task { state, open, .. } = self.tasks[form as usize];
        let Some(run) = self.forms.get_mut(open as usize).filter(|run| run.active > 0) else {
            return Ok(false);
        };
        if state != TaskState::Running {
            return Err(Illegal::Task { task: form, from: state, to: TaskState::Failed, why: "" });
        }
        run.failing.get_or_insert_with(|| Arc::clone(failure));
        self.stop_inside(form)?;
        Ok(true)
    }

    /// Whether a task is told to stop, or would be if it ran.
    pub(crate) fn is_stopping(&self, id: TaskId) -> bool {
        let Some(task) = self.task(id) else { return true };
        match task.kind {
            Kind::Undo => false,
            Kind::Made => {
                let returned = self.returned.get(&task.place);
                self.failure.is_some()
                    || returned.is_some_and(|returned| returned.failure.is_some())
                    || (task.place != NONE && self.is_stopping(task.place))
            }
            _ => self.is_stopping_around(id),
        }
    }

    /// Stops what is inside a form.
    fn stop_inside(&mut self, form: TaskId) -> Result<(), Illegal> {
        let Some(run) = self.forms.get_mut(self.tasks[form as usize].open as usize) else {
            // It waits for its expression; whoever answers finds it over.
            return Ok(());
        };
        let failure = self.failure.clone();
        let cancelled =
            || Arc::new(Failure::new(FailureKind::Cancelled, "what it belongs to will not succeed"));
        run.failing.get_or_insert_with(|| failure.unwrap_or_else(cancelled));
        let blocks: Vec<u32> = run.blocks.clone();
        for block in blocks {
            if self.blocks[block as usize].left > 0 {
                self.stop_block(block)?;
            }
        }
        Ok(())
    }

    fn stop_block(&mut self, run: u32) -> Result<(), Illegal> {
        let BlockRun { first, count, .. } = self.blocks[run as usize];
        // One more than there are, so that nothing in it ends the block before the last was looked at.
        self.blocks[run as usize].left += 1;
        for id in first..first + count {
            let Task { state, kind, open, .. } = self.tasks[id as usize];
            let ended = match (state, kind) {
                (TaskState::Pending, _) => Some(TaskState::Skipped),
                (TaskState::Queued | TaskState::Scheduled | TaskState::Retrying, _) => {
                    Some(TaskState::Cancelled)
                }
                (TaskState::Waiting, Kind::Sleep | Kind::Signal) => Some(TaskState::Cancelled),
                (TaskState::Waiting, _) => {
                    self.stop_made_by(id)?;
                    None
                }
                (TaskState::Running, Kind::Form) if open == NONE => Some(TaskState::Cancelled),
                (TaskState::Running, Kind::Form) if self.forms[open as usize].active == 0 => {
                    // Between two rounds: nothing inside will end it.
                    Some(TaskState::Cancelled)
                }
                (TaskState::Running, Kind::Form) => {
                    self.stop_inside(id)?;
                    None
                }
                (TaskState::Running, _) => {
                    self.commands.push_back(Command::Stop(id));
                    self.stop_made_by(id)?;
                    None
                }
                _ => None,
            };
            if let Some(to) = ended {
                self.go(id, to)?;
                self.due.remove(&id);
                self.blocks[run as usize].left -= 1;
            }
        }
        self.blocks[run as usize].left -= 1;
        match self.blocks[run as usize].left {
            0 => self.block_is_over(run),
            _ => Ok(()),
        }
    }

    /// Stops every task that was made by code.
    fn stop_all_made(&mut self) -> Result<(), Illegal> {
        for id in 0..number(self.tasks.len()) {
            if self.tasks[id as usize].kind == Kind::Made {
                self.stop_made(id)?;
            }
        }
        Ok(())
    }

    /// Stops the tasks that a task made, and those that they made.
    pub(super) fn stop_made_by(&mut self, maker: TaskId) -> Result<(), Illegal> {
        if self.tasks[maker as usize].open == 0 {
            return Ok(());
        }
        // A task is made after the one that made it.
        let mut makers = std::collections::HashSet::from([maker]);
        for id in maker + 1..number(self.tasks.len()) {
            let Task { kind, place, .. } = self.tasks[id as usize];
            if kind == Kind::Made && makers.contains(&place) {
                makers.insert(id);
                self.stop_made(id)?;
            }
        }
        Ok(())
    }

    fn stop_made(&mut self, id: TaskId) -> Result<(), Illegal> {
        match self.tasks[id as usize].state {
            TaskState::Pending => {
                self.go(id, TaskState::Skipped)?;
                self.made_is_over(id);
            }
            TaskState::Queued | TaskState::Scheduled | TaskState::Retrying => {
                self.go(id, TaskState::Cancelled)?;
                self.due.remove(&id);
                self.made_is_over(id);
            }
            TaskState::Running => self.commands.push_back(Command::Stop(id)),
            _ => {}
        }
        Ok(())
    }

    /// Nothing of a job that will not succeed runs any more: the next undo, or the end.
    pub(super) fn is_drained(&mut self) -> Result<(), Illegal> {
        let Some(id) = self.undo.pop() else {
            self.commands.push_back(Command::Conclude);
            return Ok(());
        };
        if self.state == JobState::Stopping {
            self.job_goes(JobState::Compensating)?;
        }
        self.go(id, TaskState::Compensating)?;
        let undo = number(self.tasks.len());
        self.tasks.push(Task {
            state: TaskState::Queued,
            kind: Kind::Undo,
            choice: 0,
            optional: false,
            joined: false,
            attempt: 0,
            before: 0,
            source: id,
            place: NONE,
            waiting: 0,
            open: 0,
        });
        let command = self.start_of(undo);
        self.commands.push_back(command);
        Ok(())
    }

    /// An undo is over.
    pub(super) fn undone(&mut self, id: TaskId, failure: Option<&Arc<Failure>>) -> Result<(), Illegal> {
        self.due.remove(&id);
        let source = self.tasks[id as usize].source;
        match failure {
            None => self.go(source, TaskState::Compensated)?,
            Some(failure) => {
                self.not_undone.push(Arc::clone(failure));
                self.go(source, TaskState::Failed)?
            }
        };
        self.is_drained()
    }
}
