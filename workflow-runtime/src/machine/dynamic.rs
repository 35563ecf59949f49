//! Tasks made by code: those a job began with, and those that running tasks made.

use std::sync::Arc;

use super::block::number;
use super::command::Command;
use super::illegal::Illegal;
use super::job::Machine;
use super::state::{Kind, Made, NONE, Task, Waits};
use crate::failure::Failure;
use crate::record::{Spawn, TaskId};
use crate::state::{JobState, TaskState};

impl Machine {
    /// The tasks that the job began with.
    pub(super) fn take_in_all(&mut self) -> Result<(), Illegal> {
        let given = self.tasks_given.clone();
        let Some(given) = given else {
            // A single agent: its task is there already.
            self.add(NONE, 0);
            return self.queue_up(0);
        };
        self.tasks.reserve_exact(given.tasks.len());
        self.made.reserve_exact(given.tasks.len());
        for place in 0..number(given.tasks.len()) {
            self.add(NONE, place);
        }
        for (id, spawn) in (0..).zip(&given.tasks) {
            if let Some(key) = &spawn.key {
                self.rare().keys.insert((NONE, Arc::clone(key)), id);
            }
            self.connect(id, spawn)?;
        }
        for id in 0..number(given.tasks.len()) {
            self.start_made(id)?;
        }
        if given.tasks.is_empty() {
            self.commands.push_back(Command::Conclude);
        }
        Ok(())
    }

    /// A task that a running task made.
    pub(super) fn take_in(&mut self, parent: Option<TaskId>, spawn: Arc<Spawn>) -> Result<(), Illegal> {
        let maker = parent.unwrap_or(NONE);
        if self.state.is_over() || matches!(self.state, JobState::Stopping | JobState::Compensating) {
            return Err(Illegal::Job { from: self.state, to: self.state, why: ": it takes no more tasks" });
        }
        if self.begun.is_none() {
            return Err(Illegal::Job { from: self.state, to: self.state, why: ": it has not begun" });
        }
        if let Some(parent) = parent {
            let state = self.known(parent)?.state;
            if state != TaskState::Running {
                let why = ": only running tasks make others";
                return Err(Illegal::Task { task: parent, from: state, to: state, why });
            }
        } else if self.program.is_some() {
            return Err(Illegal::NotThat {
                task: NONE,
                what: "a task of a job that was put together in code",
            });
        }
        let id = number(self.tasks.len());
        if let Some(wrong) = spawn.reads().find(|(task, _)| !self.may_follow(*task)) {
            return Err(Illegal::NotThat { task: wrong.0, what: "a task that was made by code" });
        }
        if let Some(key) = &spawn.key
            && self.rare().keys.insert((maker, Arc::clone(key)), id).is_some()
        {
            return Err(Illegal::NotThat { task: id, what: "the only one of its key" });
        }
        let given = self.tasks_given.as_ref().map_or(0, |given| given.tasks.len());
        let place = number(given + self.spawned.len());
        self.spawned.push(Arc::clone(&spawn));
        self.add(maker, place);
        self.connect(id, &spawn)?;
        self.start_made(id)
    }

    /// Whether a task can be one that others wait for.
    pub(crate) fn may_follow(&self, task: TaskId) -> bool {
        self.task(task).is_some_and(|task| task.kind == Kind::Made)
    }

    fn add(&mut self, maker: TaskId, place: u32) {
        match maker {
            NONE => self.left += 1,
            maker => self.tasks[maker as usize].open += 1,
        }
        self.made.push(Made { edges: NONE, output: None });
        self.tasks.push(Task {
            state: TaskState::Pending,
            kind: Kind::Made,
            choice: 0,
            optional: false,
            joined: false,
            attempt: 0,
            before: 0,
            source: place,
            place: maker,
            waiting: 0,
            open: 0,
        });
    }

    /// Ties a task to those it waits for.
    fn connect(&mut self, id: TaskId, spawn: &Spawn) -> Result<(), Illegal> {
        self.tasks[id as usize].optional = spawn.optional;
        for (before, soft) in spawn.reads() {
            let Some(task) = self.task(before).filter(|task| task.kind == Kind::Made) else {
                return Err(Illegal::NoTask(before));
            };
            let (state, source) = (task.state, task.source as usize);
            if state.is_over() {
                if !soft && !state.was_done() && self.tasks[id as usize].state == TaskState::Pending {
                    self.go(id, TaskState::Skipped)?;
                    self.made_is_over(id);
                }
                continue;
            }
            let next = self.made[source].edges;
            self.made[source].edges = number(self.waits.len());
            self.waits.push(Waits { task: id, soft, next });
            self.tasks[id as usize].waiting += 1;
        }
        Ok(())
    }

    fn start_made(&mut self, id: TaskId) -> Result<(), Illegal> {
        let task = &self.tasks[id as usize];
        if task.waiting == 0 && task.state == TaskState::Pending {
            self.queue_up(id)?;
        }
        Ok(())
    }

    pub(super) fn made_is_over(&mut self, id: TaskId) {
        self.over.push(id);
    }

    /// A task made by code failed for good.
    pub(super) fn made_failed(&mut self, id: TaskId, failure: &Arc<Failure>) -> Result<(), Illegal> {
        let task = &self.tasks[id as usize];
        let keeps_going = self.tasks_given.as_ref().is_some_and(|given| given.keep_going);
        if task.place != NONE || task.optional || self.failure.is_some() {
            return Ok(());
        }
        if keeps_going {
            self.failures.push(Arc::clone(failure));
            return Ok(());
        }
        self.stop_job(failure)
    }

    /// Tells those who wait for tasks that are over. A list, not a recursion: a chain may be long.
    pub(super) fn tell_followers(&mut self) -> Result<(), Illegal> {
        while let Some(id) = self.over.pop() {
            let Task { state, source, place: maker, .. } = self.tasks[id as usize];
            let mut edge = std::mem::replace(&mut self.made[source as usize].edges, NONE);
            while edge != NONE {
                let Waits { task, soft, next } = self.waits[edge as usize];
                edge = next;
                let follower = &mut self.tasks[task as usize];
                follower.waiting = follower.waiting.saturating_sub(1);
                if follower.state != TaskState::Pending {
                    continue;
                }
                if soft || state.was_done() {
                    self.start_made(task)?;
                } else {
                    self.go(task, TaskState::Skipped)?;
                    self.over.push(task);
                }
            }
            if self.tasks[id as usize].joined {
                self.news.push(id);
            }
            self.count_down(id, maker)?;
        }
        Ok(())
    }

    fn count_down(&mut self, id: TaskId, maker: TaskId) -> Result<(), Illegal> {
        if maker == NONE {
            self.left -= 1;
            if self.left == 0 {
                match self.failure {
                    Some(_) => self.is_drained()?,
                    None => self.commands.push_back(Command::Conclude),
                }
            }
            return Ok(());
        }
        let state = self.tasks[id as usize].state;
        let unnoticed =
            !state.was_done() && !self.tasks[id as usize].optional && !self.tasks[id as usize].joined;
        let parent = &mut self.tasks[maker as usize];
        parent.open -= 1;
        let settled = parent.open == 0;
        if unnoticed && state == TaskState::Failed {
            self.rare().unnoticed.entry(maker).or_default().push(id);
        }
        if settled && self.returned.contains_key(&maker) {
            self.commands.push_back(Command::Settle(maker));
        }
        Ok(())
    }

    /// Why a task failed whose subtask did.
    pub(crate) fn oversight(&self, id: TaskId) -> Failure {
        let step = self.overlooked(id).map(|task| self.path(task)).unwrap_or_default();
        let message = format!("its subtask `{step}` failed, and it did not look");
        Failure::new(crate::failure::FailureKind::Error, message)
    }

    /// What the agent of a task gave, once its subtasks are over.
    pub(crate) fn settled(&self, id: TaskId) -> Option<Result<crate::value::Value, Arc<Failure>>> {
        let returned = self.returned.get(&id)?;
        match (&returned.failure, &returned.output) {
            (Some(failure), _) => Some(Err(Arc::clone(failure))),
            (None, Some(output)) => Some(Ok(output.clone())),
            (None, None) => None,
        }
    }
}
