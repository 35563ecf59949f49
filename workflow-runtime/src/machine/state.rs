//! What a machine keeps of tasks and blocks: small, for there may be a hundred thousand in one job.

use std::sync::Arc;

use crate::data::Erased;
use crate::definition::{Block, Slot};
use crate::failure::Failure;
use crate::record::TaskId;
use crate::state::TaskState;
use crate::value::Value;

/// No task, no block, no frame, no edge.
pub(super) const NONE: u32 = u32::MAX;

/// A task.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) state: TaskState,
    pub(crate) kind: Kind,
    /// Which of the callees of a step is tried: 0 for what it names, then those of its `or`.
    pub(crate) choice: u8,
    pub(crate) optional: bool,
    /// Somebody has asked for the outcome, so that the parent need not.
    pub(super) joined: bool,
    /// How many attempts there were.
    pub(crate) attempt: u32,
    /// How many of them with the callees before this choice.
    pub(crate) before: u32,
    /// A node of the plan; the place among the made tasks; the task that an undo takes back.
    pub(crate) source: u32,
    /// The block of a node; the task that made this one, if any.
    pub(super) place: u32,
    /// How many tasks must end before it starts.
    pub(super) waiting: u32,
    /// How many of the tasks that it made are not over; for a form, the place among the forms.
    pub(super) open: u32,
}

/// What a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A step of the plan.
    Step,
    /// A control-flow form of the plan.
    Form,
    /// A timer of the plan.
    Sleep,
    /// An event that the plan waits for.
    Signal,
    /// Made by code.
    Made,
    /// Takes back what a step did.
    Undo,
}

/// One instance of a block: of a phase, or inside a form.
#[derive(Debug)]
pub(super) struct BlockRun {
    pub(super) block: Block,
    /// The form's task.
    pub(super) form: TaskId,
    /// Which element or round.
    pub(super) index: u32,
    pub(super) frame: u32,
    /// Its first task; the others follow.
    pub(super) first: TaskId,
    pub(super) count: u32,
    /// How many of them are not over.
    pub(super) left: u32,
}

/// The values of one instance of a loop's block, or of the job.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) first: Slot,
    pub(super) outer: u32,
    pub(super) values: Vec<Option<Erased>>,
    /// What was done inside may have to be taken back, which reads the values.
    pub(super) kept: bool,
}

/// A form at work.
#[derive(Debug, Default)]
pub(super) struct FormRun {
    /// Its blocks, those that are over too.
    pub(super) blocks: Vec<u32>,
    /// How many of them are not over.
    pub(super) active: u32,
    /// Why it will fail, once they are.
    pub(super) failing: Option<Arc<Failure>>,
    /// Elements are being started just now.
    pub(super) starting: bool,
    /// Of a `for`: the elements, and which is next; of a `repeat`: how many rounds there were.
    pub(super) items: Vec<Option<Erased>>,
    pub(super) next: usize,
    /// Of a `for`: what its blocks gave; of a `repeat`: the value of the round, once one has begun.
    pub(super) results: Vec<Option<Erased>>,
}

/// A task made by code: the tasks that wait for it, and what it gave.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) edges: u32,
    pub(super) output: Option<Value>,
}

/// One entry of the list of those who wait for a task.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waits {
    pub(super) task: TaskId,
    pub(super) soft: bool,
    pub(super) next: u32,
}

/// What an agent gave while its subtasks were not over.
#[derive(Debug, Clone)]
pub(super) struct Returned {
    pub(super) output: Option<Value>,
    pub(super) failure: Option<Arc<Failure>>,
}
