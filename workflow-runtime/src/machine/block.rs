//! Blocks of a workflow: their nodes start when what they wait for has ended.

use std::sync::Arc;

use super::command::Command;
use super::illegal::Illegal;
use super::job::{Machine, ProgramRef};
use super::state::{BlockRun, Kind, NONE, Task};
use crate::data::Erased;
use crate::definition::{Block, NodeKind};
use crate::failure::Failure;
use crate::record::TaskId;
use crate::state::TaskState;

impl Machine {
    pub(super) fn the_program(&self) -> ProgramRef {
        Arc::clone(self.program.as_ref().expect("nodes belong to a program"))
    }

    pub(super) fn start_phase(&mut self, phase: u32) -> Result<(), Illegal> {
        let program = self.the_program();
        self.phase = phase;
        if phase as usize >= program.phases.len() {
            self.commands.push_back(Command::Conclude);
            return Ok(());
        }
        self.start_block(Block::Phase(phase), NONE, 0, 0).map(|_| ())
    }

    /// Makes the tasks of a block, and starts those that wait for nothing.
    pub(super) fn start_block(
        &mut self,
        block: Block,
        form: TaskId,
        index: u32,
        frame: u32,
    ) -> Result<u32, Illegal> {
        let (program, run) = self.lay_block(block, form, index, frame, TaskState::Pending);
        let BlockRun { first, count, .. } = self.blocks[run as usize];
        let nodes = program.block(block);
        for (task, node) in (first..first + count).zip(nodes) {
            // What an earlier one of them did may have stopped the block.
            if program.node(*node).waits_for == 0 && self.tasks[task as usize].state == TaskState::Pending {
                self.start(task)?;
            }
        }
        if count == 0 {
            self.block_is_over(run)?;
        }
        Ok(run)
    }

    /// Makes the tasks of an arm that is not taken, so that they can be seen.
    pub(super) fn skip_block(&mut self, block: Block, form: TaskId, frame: u32) {
        let (_, run) = self.lay_block(block, form, 0, frame, TaskState::Skipped);
        self.blocks[run as usize].left = 0;
    }

    fn lay_block(
        &mut self,
        block: Block,
        form: TaskId,
        index: u32,
        frame: u32,
        state: TaskState,
    ) -> (ProgramRef, u32) {
        let program = self.the_program();
        let nodes = program.block(block);
        let run = number(self.blocks.len());
        let first = number(self.tasks.len());
        let count = number(nodes.len());
        self.blocks.push(BlockRun { block, form, index, frame, first, count, left: count });
        self.tasks.extend(nodes.iter().map(|id| {
            let ready = program.node(*id);
            let kind = match program.plan.node(*id).kind {
                NodeKind::Step(_) => Kind::Step,
                NodeKind::If { .. } | NodeKind::For { .. } | NodeKind::Repeat { .. } => Kind::Form,
                NodeKind::Sleep { .. } => Kind::Sleep,
                NodeKind::Signal { .. } => Kind::Signal,
            };
            Task {
                state,
                kind,
                choice: 0,
                optional: ready.optional,
                joined: false,
                attempt: 0,
                before: 0,
                source: *id,
                place: run,
                waiting: ready.waits_for,
                open: if kind == Kind::Form { NONE } else { 0 },
            }
        }));
        (program, run)
    }

    /// Starts a node that waits for nothing any more.
    fn start(&mut self, id: TaskId) -> Result<(), Illegal> {
        match self.tasks[id as usize].kind {
            Kind::Form => {
                self.go(id, TaskState::Running)?;
                self.limit(id);
                self.commands.push_back(Command::Evaluate(id));
            }
            Kind::Sleep => {
                self.go(id, TaskState::Waiting)?;
                self.limit(id);
                self.commands.push_back(Command::Evaluate(id));
            }
            Kind::Signal => {
                self.go(id, TaskState::Waiting)?;
                return self.listen(id);
            }
            Kind::Step | Kind::Made | Kind::Undo => return self.queue_up(id),
        }
        Ok(())
    }

    /// A task waits for its turn.
    pub(super) fn queue_up(&mut self, id: TaskId) -> Result<(), Illegal> {
        self.go(id, TaskState::Queued)?;
        let own = self.call(id).map(|call| call.options.deadline);
        let made = || self.spawn(id)?.options.as_ref().map(|options| options.deadline);
        if own.or_else(made).flatten().is_some() {
            self.since.insert(id, self.now);
        }
        let command = self.start_of(id);
        self.commands.push_back(command);
        Ok(())
    }

    /// If a node has a limit of time, it counts from now.
    fn limit(&mut self, id: TaskId) {
        let program = self.the_program();
        if program.plan.node(self.tasks[id as usize].source).options.timeout.is_some() {
            self.since.insert(id, self.now);
            self.commands.push_back(Command::Await(id));
        }
    }

    fn listen(&mut self, id: TaskId) -> Result<(), Illegal> {
        let program = self.the_program();
        let NodeKind::Signal { event, .. } = &program.plan.node(self.tasks[id as usize].source).kind else {
            return Err(Illegal::NotThat { task: id, what: "waiting for an event" });
        };
        let early =
            self.rare().arrived.get_mut(event.as_str()).and_then(std::collections::VecDeque::pop_front);
        match early {
            Some(value) => self.arrive(id, &value),
            None => {
                self.rare().awaiting.entry(Arc::from(event.as_str())).or_default().push_back(id);
                self.limit(id);
                Ok(())
            }
        }
    }

    /// A node's task has succeeded, with this value.
    pub(super) fn node_succeeded(&mut self, id: TaskId, value: Option<Erased>) -> Result<(), Illegal> {
        let program = self.the_program();
        if !self.due.is_empty() {
            self.due.remove(&id);
        }
        if !self.returned.is_empty() {
            self.returned.remove(&id);
        }
        let Task { source, place, .. } = self.tasks[id as usize];
        let frame = self.blocks[place as usize].frame;
        if value.is_some() {
            self.set(frame, program.plan.node(source).slot, value);
        }
        if program.node(source).undo.is_some() {
            self.undo.push(id);
            self.frames[frame as usize].kept = true;
        }
        self.node_is_over(id)
    }

    /// A node's task has failed for good.
    pub(super) fn node_failed(&mut self, id: TaskId, failure: &Arc<Failure>) -> Result<(), Illegal> {
        if !self.tasks[id as usize].optional && !self.is_stopping_around(id) {
            self.fail_around(id, failure)?;
        }
        self.node_is_over(id)
    }

    /// A node's task is over: derived values, those who wait for it, and its block.
    pub(super) fn node_is_over(&mut self, id: TaskId) -> Result<(), Illegal> {
        let program = self.the_program();
        let Task { source, place, .. } = self.tasks[id as usize];
        let BlockRun { frame, first, .. } = self.blocks[place as usize];
        let ready = program.node(source);
        for derived in &program.code.derived[ready.derived.clone()] {
            let value = self.look_from(frame, |scope| (derived.make)(scope)).flatten();
            self.set(frame, derived.slot, value);
        }
        for next in program.plan.graph().successors(source) {
            let next = first + program.node(*next).local;
            let task = &mut self.tasks[next as usize];
            task.waiting = task.waiting.saturating_sub(1);
            if task.waiting == 0 && task.state == TaskState::Pending {
                self.start(next)?;
            }
        }
        let run = &mut self.blocks[place as usize];
        run.left = run.left.saturating_sub(1);
        if run.left == 0 { self.block_is_over(place) } else { Ok(()) }
    }

    pub(super) fn block_is_over(&mut self, run: u32) -> Result<(), Illegal> {
        let BlockRun { form, .. } = self.blocks[run as usize];
        match form {
            NONE if self.failure.is_some() => self.is_drained(),
            NONE => self.start_phase(self.phase + 1),
            form => self.form_block_is_over(form, run),
        }
    }
}

pub(super) fn number(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(NONE)
}
