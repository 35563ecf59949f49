//! The expressions of a workflow, asked once each; what they say is recorded.

use super::job::Machine;
use super::state::Kind;
use crate::code::NodeCode;
use crate::data::Erased;
use crate::definition::{NodeKind, Step};
use crate::panics::caught;
use crate::record::{Fact, TaskId};
use crate::scope::Scope;
use crate::timestamp::Timestamp;
use crate::value::Value;

impl Machine {
    /// Asks what a form or a timer needs to know; `None` if it needs nothing any more.
    ///
    /// # Errors
    /// When the expression panicked: its message.
    pub(crate) fn evaluate(&self, id: TaskId, now: Timestamp) -> Result<Option<Fact>, String> {
        let Some(task) = self.task(id).filter(|task| !task.state.is_over()) else { return Ok(None) };
        let Some(program) = self.program() else { return Ok(None) };
        let code = &program.code;
        caught(|| match &code.nodes[task.source as usize] {
            NodeCode::If(test) => {
                self.look(id, |scope| test(scope)).map(|holds| Fact::Chose { task: id, holds })
            }
            NodeCode::For { items, .. } => {
                let NodeKind::For { item, .. } = program.plan.node(task.source).kind else { return None };
                let codec = code.slots[item as usize];
                let items = self.look(id, |scope| items(scope))?;
                let items = items.into_iter().map(|item| Value::Typed(item, codec)).collect();
                Some(Fact::Fanned { task: id, items })
            }
            NodeCode::Repeat { .. } => self.ask_round(id),
            NodeCode::Sleep(time) => {
                self.look(id, |scope| time(scope)).map(|time| Fact::Slept { task: id, until: now + time })
            }
            NodeCode::Step { .. } | NodeCode::Signal => None,
        })
    }

    fn ask_round(&self, id: TaskId) -> Option<Fact> {
        let program = self.program()?;
        let node = self.task(id)?.source;
        let (NodeCode::Repeat { first, test }, NodeKind::Repeat { carried, max, .. }) =
            (&program.code.nodes[node as usize], &program.plan.node(node).kind)
        else {
            return None;
        };
        let slots = program.plan.frame(node);
        let asked = |value: &Erased, rounds: usize| {
            let mut values = vec![None; slots.len()];
            values[(carried - slots.start) as usize] = Some(value.clone());
            let holds = self.look(id, |outer| test(&Scope::within(outer, slots.start, &values)));
            holds.unwrap_or(false) && rounds < *max as usize
        };
        let (first, again) = match self.carried(id) {
            Some((value, rounds)) => (None, asked(value, rounds)),
            None => {
                let value = self.look(id, |scope| first(scope))?;
                let again = asked(&value, 0);
                (Some(Value::Typed(value, program.code.slots[*carried as usize])), again)
            }
        };
        Some(Fact::Rounded { task: id, first, again })
    }

    /// Whether all is there that the input of a step is made of, or of the undo of one. What belongs to one element or round
    /// of a loop is gone when that is over.
    pub(crate) fn can_make_input_of(&self, id: TaskId) -> bool {
        let (Some(task), Some(program)) = (self.task(id), self.program()) else { return false };
        let (step, is_undo) = match task.kind {
            Kind::Undo => (self.task(task.source).map_or(0, |step| step.source), true),
            _ => (task.source, false),
        };
        let NodeKind::Step(Step { arguments, undo, .. }) = &program.plan.node(step).kind else {
            return false;
        };
        let arguments = match undo {
            Some(undo) if is_undo => &undo.arguments,
            _ => arguments,
        };
        let mut reads = arguments.iter().flat_map(|argument| &argument.reads);
        self.look(id, |scope| reads.all(|slot| scope.find(*slot).is_some())).unwrap_or(false)
    }

    /// The input of a step, or of the undo of one.
    ///
    /// # Errors
    /// When the expression panicked: its message.
    pub(crate) fn input_of(&self, id: TaskId) -> Result<Option<Erased>, String> {
        let (Some(task), Some(program)) = (self.task(id), self.program()) else { return Ok(None) };
        let node = match task.kind {
            Kind::Undo => self.task(task.source).map_or(0, |step| step.source),
            _ => task.source,
        };
        let NodeCode::Step { input, undo, .. } = &program.code.nodes[node as usize] else { return Ok(None) };
        let make = if task.kind == Kind::Undo { undo.as_ref() } else { Some(input) };
        caught(|| self.look(id, |scope| make.map(|make| make(scope))).flatten())
    }

    /// What the job gives.
    ///
    /// # Errors
    /// When the expression panicked: its message.
    pub(crate) fn result(&self) -> Result<Value, String> {
        match self.program() {
            Some(program) => {
                let make = || self.look_from(0, |scope| (program.code.output)(scope));
                let made = caught(make)?.ok_or_else(|| "the job has no values".to_owned())?;
                Ok(Value::Typed(made, program.code.result.codec))
            }
            None => {
                let wanted = match &self.tasks_given {
                    Some(given) => given.result,
                    None => Some(0),
                };
                match wanted {
                    None => Ok(Value::of(())),
                    Some(task) => self.output_of(task).cloned().ok_or_else(|| {
                        format!(
                            "it cannot be had: task `{}`, which gives it, did not succeed",
                            self.path(task)
                        )
                    }),
                }
            }
        }
    }
}
