//! Control-flow forms: `if`, `for`, `repeat`.

use std::sync::Arc;

use super::block::number;
use super::command::Command;
use super::illegal::Illegal;
use super::job::Machine;
use super::state::{BlockRun, FormRun, Frame, Kind, NONE};
use crate::code::NodeCode;
use crate::data::Erased;
use crate::definition::{Arm, Block, NodeKind, Place};
use crate::failure::{Failure, FailureKind};
use crate::record::TaskId;
use crate::state::TaskState;
use crate::value::Value;

impl Machine {
    fn open_form(&mut self, id: TaskId) -> Result<&mut FormRun, Illegal> {
        self.expect(id, Kind::Form, "a form")?;
        let state = self.tasks[id as usize].state;
        if state != TaskState::Running {
            return Err(Illegal::Task { task: id, from: state, to: TaskState::Running, why: "" });
        }
        if self.tasks[id as usize].open == NONE {
            self.tasks[id as usize].open = number(self.forms.len());
            self.forms.push(FormRun::default());
        }
        let place = self.tasks[id as usize].open;
        Ok(&mut self.forms[place as usize])
    }

    fn form(&mut self, id: TaskId) -> &mut FormRun {
        let place = self.tasks[id as usize].open;
        &mut self.forms[place as usize]
    }

    fn body(&self, id: TaskId, arm: Arm) -> Block {
        Block::Inside(Place { node: self.tasks[id as usize].source, arm })
    }

    fn frame_of(&self, id: TaskId) -> u32 {
        self.blocks[self.tasks[id as usize].place as usize].frame
    }

    pub(super) fn chose(&mut self, id: TaskId, holds: bool) -> Result<(), Illegal> {
        self.expect(id, Kind::Form, "an `if`")?;
        let program = self.the_program();
        if !matches!(program.plan.node(self.tasks[id as usize].source).kind, NodeKind::If { .. }) {
            return Err(Illegal::NotThat { task: id, what: "an `if`" });
        }
        let form = self.open_form(id)?;
        if !form.blocks.is_empty() {
            return Err(Illegal::NotThat { task: id, what: "an `if` that was not asked yet" });
        }
        let frame = self.frame_of(id);
        let (taken, other) = if holds { (Arm::Then, Arm::Else) } else { (Arm::Else, Arm::Then) };
        let (taken, other) = (self.body(id, taken), self.body(id, other));
        if !program.block(other).is_empty() {
            self.skip_block(other, id, frame);
        }
        if program.block(taken).is_empty() {
            return self.form_succeeded(id, None);
        }
        self.start_inside(id, taken, 0, frame)
    }

    pub(super) fn fanned(&mut self, id: TaskId, items: &Arc<[Value]>) -> Result<(), Illegal> {
        self.expect(id, Kind::Form, "a `for`")?;
        let program = self.the_program();
        let node = program.plan.node(self.tasks[id as usize].source);
        let NodeKind::For { item, .. } = node.kind else {
            return Err(Illegal::NotThat { task: id, what: "a `for`" });
        };
        let codec = program.code.slots[item as usize];
        let typed: Result<Vec<_>, _> = items.iter().map(|item| item.typed(codec).map(Some)).collect();
        let typed = typed.map_err(|error| Illegal::Misfit { task: id, why: error.to_string() })?;
        let form = self.open_form(id)?;
        if !form.results.is_empty() {
            return Err(Illegal::NotThat { task: id, what: "a `for` without elements" });
        }
        form.results = vec![None; typed.len()];
        form.items = typed;
        match form.items.is_empty() {
            true => self.gather(id),
            false => self.start_elements(id),
        }
    }

    /// Starts as many elements as may be at work at once.
    fn start_elements(&mut self, id: TaskId) -> Result<(), Illegal> {
        self.start_elements_and(id, 0)
    }

    /// Starts the elements up to one, even if more are at work then than may be: another program has let them.
    pub(super) fn start_elements_up_to(&mut self, id: TaskId, index: usize) {
        let is_open = |machine: &Self| {
            let task = machine.tasks.get(id as usize).filter(|task| task.kind == Kind::Form);
            task.is_some_and(|task| task.state == TaskState::Running && task.open != NONE)
        };
        // What cannot be started has no task then, which is told.
        let _ = is_open(self).then(|| self.start_elements_and(id, index + 1));
    }

    /// Starts as many elements as may be at work at once, and so many of all in any case.
    fn start_elements_and(&mut self, id: TaskId, least: usize) -> Result<(), Illegal> {
        let program = self.the_program();
        let node = self.tasks[id as usize].source;
        let NodeKind::For { item, .. } = program.plan.node(node).kind else { return Ok(()) };
        let width = program.node(node).width;
        let (outer, body, slots) = (self.frame_of(id), self.body(id, Arm::Body), program.plan.frame(node));
        // An element whose block is over at once comes back here; the loop that started it goes on.
        if std::mem::replace(&mut self.form(id).starting, true) {
            return Ok(());
        }
        loop {
            let form = self.form(id);
            let is_full = form.active as usize >= width && form.next >= least;
            if form.next >= form.items.len() || is_full || form.failing.is_some() {
                form.starting = false;
                return Ok(());
            }
            let index = form.next;
            form.next += 1;
            let element = form.items[index].take();
            let mut values = vec![None; slots.len()];
            values[(item - slots.start) as usize] = element;
            let frame = number(self.frames.len());
            self.frames.push(Frame { first: slots.start, outer, values, kept: false });
            self.start_inside(id, body, number(index), frame)?;
        }
    }

    pub(super) fn rounded(&mut self, id: TaskId, first: Option<&Value>, again: bool) -> Result<(), Illegal> {
        self.expect(id, Kind::Form, "a `repeat`")?;
        let program = self.the_program();
        let node = self.tasks[id as usize].source;
        let NodeKind::Repeat { carried, .. } = program.plan.node(node).kind else {
            return Err(Illegal::NotThat { task: id, what: "a `repeat`" });
        };
        let codec = program.code.slots[carried as usize];
        let first = first.map(|value| value.typed(codec)).transpose();
        let first = first.map_err(|error| Illegal::Misfit { task: id, why: error.to_string() })?;
        let form = self.open_form(id)?;
        if form.active > 0 || form.results.is_empty() == first.is_none() {
            return Err(Illegal::NotThat { task: id, what: "a `repeat` between two rounds" });
        }
        if let Some(first) = first {
            form.results.push(Some(first));
        }
        let value = form.results[0].clone();
        if !again {
            return self.form_succeeded(id, value);
        }
        let round = number(form.next);
        form.next += 1;
        let slots = program.plan.frame(node);
        let mut values = vec![None; slots.len()];
        values[(carried - slots.start) as usize] = value;
        let (frame, outer) = (number(self.frames.len()), self.frame_of(id));
        self.frames.push(Frame { first: slots.start, outer, values, kept: false });
        let body = self.body(id, Arm::Body);
        self.start_inside(id, body, round, frame)
    }

    /// What a `repeat` carries into the next round, and how many rounds there were.
    pub(super) fn carried(&self, id: TaskId) -> Option<(&Erased, usize)> {
        let form = self.forms.get(self.tasks.get(id as usize)?.open as usize)?;
        Some((form.results.first()?.as_ref()?, form.next))
    }

    fn start_inside(&mut self, id: TaskId, block: Block, index: u32, frame: u32) -> Result<(), Illegal> {
        let run = number(self.blocks.len());
        let form = self.form(id);
        form.blocks.push(run);
        form.active += 1;
        self.start_block(block, id, index, frame).map(|_| ())
    }

    /// A block inside a form is over.
    pub(super) fn form_block_is_over(&mut self, id: TaskId, run: u32) -> Result<(), Illegal> {
        let program = self.the_program();
        let BlockRun { frame, index, .. } = self.blocks[run as usize];
        let form = self.form(id);
        form.active -= 1;
        if let Some(failure) = form.failing.clone() {
            return if form.active == 0 { self.form_failed(id, &failure) } else { Ok(()) };
        }
        match program.plan.node(self.tasks[id as usize].source).kind {
            NodeKind::For { last, .. } => {
                let value = self.take_last(frame, last);
                let form = self.form(id);
                form.results[index as usize] = value;
                match form.next >= form.items.len() && form.active == 0 {
                    true => self.gather(id),
                    false => self.start_elements(id),
                }
            }
            NodeKind::Repeat { last, max, .. } => {
                let value = self.take_last(frame, last);
                let form = self.form(id);
                form.results[0].clone_from(&value);
                match form.next >= max as usize {
                    true => self.form_succeeded(id, value),
                    false => {
                        self.commands.push_back(Command::Evaluate(id));
                        Ok(())
                    }
                }
            }
            _ => self.form_succeeded(id, None),
        }
    }

    /// What a block gives; its values are needed no more, unless something in it may have to be taken back.
    fn take_last(&mut self, frame: u32, last: crate::definition::Slot) -> Option<Erased> {
        let value = self.look_from(frame, |scope| scope.find(last).cloned()).flatten();
        let frame = &mut self.frames[frame as usize];
        if !frame.kept {
            frame.values = Vec::new();
        } else if frame.outer != NONE {
            let outer = frame.outer;
            self.frames[outer as usize].kept = true;
        }
        value
    }

    fn gather(&mut self, id: TaskId) -> Result<(), Illegal> {
        let program = self.the_program();
        let form = self.form(id);
        form.items = Vec::new();
        let results: Option<Vec<Erased>> = std::mem::take(&mut form.results).into_iter().collect();
        let value = match &program.code.nodes[self.tasks[id as usize].source as usize] {
            NodeCode::For { gather, .. } => results.and_then(gather),
            _ => None,
        };
        match value {
            Some(value) => self.form_succeeded(id, Some(value)),
            None => {
                let failure =
                    Failure::new(FailureKind::BadOutput, "an element gave no value, or one of another type");
                self.form_failed(id, &Arc::new(failure))
            }
        }
    }

    fn form_succeeded(&mut self, id: TaskId, value: Option<Erased>) -> Result<(), Illegal> {
        self.go(id, TaskState::Succeeded)?;
        self.node_succeeded(id, Some(value.unwrap_or_else(|| Erased::new(()))))
    }

    pub(super) fn form_failed(&mut self, id: TaskId, failure: &Arc<Failure>) -> Result<(), Illegal> {
        let state = match failure.kind {
            FailureKind::Cancelled => TaskState::Cancelled,
            FailureKind::Expired => TaskState::Expired,
            _ => TaskState::Failed,
        };
        self.go(id, state)?;
        self.node_failed(id, failure)
    }
}
