//! A workflow's expressions as code, beside its definition: reached by the numbers of nodes and slots.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::agent::End;
use crate::data::{Codec, Erased};
use crate::definition::{NodeId, Slot};
use crate::hook::Hooks;
use crate::scope::Scope;

/// Makes a value of what a scope holds.
pub type Make = Arc<dyn Fn(&Scope<'_>) -> Erased + Send + Sync>;
/// Makes a value of what a scope holds, if it can be made.
pub type MayMake = Arc<dyn Fn(&Scope<'_>) -> Option<Erased> + Send + Sync>;
/// Decides by what a scope holds.
pub type Test = Arc<dyn Fn(&Scope<'_>) -> bool + Send + Sync>;
/// Makes the elements of a collection.
pub type Items = Arc<dyn Fn(&Scope<'_>) -> Vec<Erased> + Send + Sync>;
/// Puts results together again, in order.
pub type Gather = fn(Vec<Erased>) -> Option<Erased>;
/// Says how long to wait.
pub type Time = Arc<dyn Fn(&Scope<'_>) -> Duration + Send + Sync>;
/// Takes a workflow's input apart, one value for each input slot.
pub type Split = fn(&Erased) -> Vec<Erased>;

/// The code of a workflow.
#[derive(Clone)]
pub struct Code {
    /// Takes the input apart.
    pub split: Split,
    /// The input's type.
    pub input: End,
    /// The result's type.
    pub result: End,
    /// One entry a node.
    pub nodes: Vec<NodeCode>,
    /// The type of each slot.
    pub slots: Vec<Codec>,
    /// Slots made when a node has ended, in order.
    pub derived: Vec<Derived>,
    /// Makes the workflow's result.
    pub output: Make,
}

impl fmt::Debug for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Code({} nodes, {} slots)", self.nodes.len(), self.slots.len())
    }
}

/// The code of a node.
#[derive(Clone)]
pub enum NodeCode {
    /// Of a step.
    Step {
        /// Makes the input of what it calls.
        input: Make,
        /// Makes the input of what takes it back.
        undo: Option<Make>,
        /// What sees its outcomes, besides what the agent has.
        hooks: Hooks,
    },
    /// Of an `if`.
    If(Test),
    /// Of a `for`.
    For {
        /// Makes the elements.
        items: Items,
        /// Puts the results together.
        gather: Gather,
    },
    /// Of a `repeat`.
    Repeat {
        /// Makes what the first round begins with.
        first: Make,
        /// Whether there is another round.
        test: Test,
    },
    /// Of a `sleep`.
    Sleep(Time),
    /// Of a `signal`.
    Signal,
}

/// A slot made when a node has ended, whether it succeeded or not.
#[derive(Clone)]
pub struct Derived {
    /// The node.
    pub node: NodeId,
    /// The slot.
    pub slot: Slot,
    /// Makes the value; gives none when there is none to be had, as when neither arm of an `if` ran.
    pub make: MayMake,
}
