//! What the macros hand to the linker.

use crate::agent::{Agent, AgentSpec};
use crate::location::Location;
use crate::wire::{Workflow, WorkflowSpec};

/// One declaration: constants and a function pointer, so that a program with ten thousand of them starts at once.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    pub(crate) name: &'static str,
    pub(crate) file: &'static str,
    pub(crate) line: u32,
    pub(crate) declared: Declared,
}

/// What was declared.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Declared {
    /// By `#[task_agent]`.
    Agent(fn() -> AgentSpec),
    /// By `workflow!`.
    Workflow(fn() -> WorkflowSpec),
}

impl Entry {
    /// The entry of an agent.
    pub const fn agent<A: Agent>(file: &'static str, line: u32) -> Self {
        Self { name: A::NAME, file, line, declared: Declared::Agent(A::spec) }
    }

    /// The entry of a workflow.
    pub const fn workflow<W: Workflow>(file: &'static str, line: u32) -> Self {
        Self { name: W::NAME, file, line, declared: Declared::Workflow(W::spec) }
    }

    pub(crate) const fn at(&self) -> Location {
        Location::new(self.file, self.line)
    }
}

inventory::collect!(Entry);

/// All that the linker found, in no order.
pub(crate) fn linked() -> impl Iterator<Item = &'static Entry> {
    inventory::iter::<Entry>.into_iter()
}
