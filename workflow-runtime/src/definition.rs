//! A workflow as plain data: what the macro declared, or what code built, before it is checked.

use serde::{Deserialize, Serialize};

use crate::callee_kind::CalleeKind;
use crate::location::Location;
use crate::options::Options;

/// A slot: the place of one value in a job. Every binding has one.
pub type Slot = u32;

/// A node: a step or a control-flow form, numbered in order of appearance, parents before children.
pub type NodeId = u32;

/// A workflow, as declared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// The name it is registered by.
    pub name: String,
    /// What it does, in its author's words.
    pub description: String,
    /// Where it is declared.
    pub at: Location,
    /// What is set for its jobs.
    pub options: Options,
    /// The phases' names, in order.
    pub phases: Vec<String>,
    /// The steps and control-flow forms.
    pub nodes: Vec<Node>,
    /// Where each slot's value comes from.
    pub slots: Vec<SlotInfo>,
    /// What the workflow gives.
    pub output: Expression,
    /// The Rust type of that, as written.
    pub output_type: String,
}

impl Definition {
    /// What `after` can name: each node by its name, and each `if` by the names that it binds.
    pub(crate) fn names(&self) -> impl Iterator<Item = (NodeId, &str)> {
        let bound = self.slots.iter().filter_map(|slot| match slot.source {
            Source::Derived(node) => Some((node, slot.name.as_str())),
            _ => None,
        });
        bound.chain((0..).zip(self.nodes.iter().map(|node| node.name.as_str())))
    }
}

/// Where a slot's value comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SlotInfo {
    /// The binding's name.
    pub name: String,
    /// What puts the value there.
    pub source: Source,
    /// The Rust type of an input, as written.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub type_name: Option<String>,
}

/// What puts a value into a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The workflow's input.
    Input,
    /// The node's own result.
    Node(NodeId),
    /// Made from slots when the node has ended, whether it succeeded or not: an `Option`, or the value of
    /// whichever arm ran.
    Derived(NodeId),
    /// The element that this instance of the `for` is about.
    Item(NodeId),
    /// The value that this round of the `repeat` began with.
    Carried(NodeId),
}

impl Source {
    /// The node whose end, or whose instance, puts the value there.
    pub fn node(self) -> Option<NodeId> {
        match self {
            Self::Input => None,
            Self::Node(node) | Self::Derived(node) | Self::Item(node) | Self::Carried(node) => Some(node),
        }
    }
}

/// A Rust expression over bindings.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Expression {
    /// Its text, as written, spaced evenly.
    pub text: String,
    /// The slots it reads.
    pub reads: Vec<Slot>,
}

impl Expression {
    /// The slot, if the expression is one binding and nothing else.
    pub fn whole(&self, slots: &[SlotInfo]) -> Option<Slot> {
        let &[slot] = self.reads.as_slice() else { return None };
        let info = slots.get(slot as usize)?;
        (info.name == self.text).then_some(slot)
    }
}

/// A step or a control-flow form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Its name, unique in its block.
    pub name: String,
    /// Its name behind those of the forms around it, unique in the workflow: `review/then/checked`.
    pub path: String,
    /// The phase it belongs to.
    pub phase: u32,
    /// The form it stands in.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parent: Option<Place>,
    /// The line it is declared on.
    pub line: u32,
    /// Where its result goes.
    pub slot: Slot,
    /// The steps it runs after though it reads nothing of them, by name.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub after: Vec<String>,
    /// Whether the job goes on when it fails for good.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub optional: bool,
    /// What is set for it.
    #[serde(skip_serializing_if = "is_default", default)]
    pub options: Options,
    /// What it is.
    pub kind: NodeKind,
}

impl Node {
    /// The block that it stands in.
    pub fn block(&self) -> Block {
        self.parent.map_or(Block::Phase(self.phase), Block::Inside)
    }
}

fn is_default(options: &Options) -> bool {
    *options == Options::default()
}

/// A place inside a control-flow form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The form.
    pub node: NodeId,
    /// Which of its blocks.
    pub arm: Arm,
}

/// A block of a control-flow form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    /// Runs when the condition holds.
    Then,
    /// Runs when it does not.
    Else,
    /// Runs for each element, or in each round.
    Body,
}

impl Arm {
    /// Its name in paths.
    pub fn name(self) -> &'static str {
        match self {
            Self::Then => "then",
            Self::Else => "else",
            Self::Body => "body",
        }
    }
}

/// A block: a phase, or a block of a control-flow form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Block {
    /// A phase, by its place.
    Phase(u32),
    /// A block of a form.
    Inside(Place),
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// One use of an agent or a workflow.
    Step(Step),
    /// One of two blocks, by a condition.
    If {
        /// The condition.
        condition: Expression,
    },
    /// A block for each element of a collection, in parallel; gives their results in order.
    For {
        /// The collection.
        items: Expression,
        /// Where the element goes.
        item: Slot,
        /// Where the block's result is found.
        last: Slot,
    },
    /// A block again and again while a condition holds; gives what the last round gave.
    Repeat {
        /// What the first round begins with.
        first: Expression,
        /// What must hold for another round.
        condition: Expression,
        /// The most rounds there may be.
        max: u32,
        /// Where the round's value goes.
        carried: Slot,
        /// Where the block's result is found.
        last: Slot,
    },
    /// A durable timer.
    Sleep {
        /// How long.
        time: Expression,
    },
    /// Waits for an event from outside.
    Signal {
        /// The event's name.
        event: String,
        /// The JSON Schema of its value.
        schema: serde_json::Value,
    },
}

impl NodeKind {
    /// The expressions that the node evaluates before it starts.
    pub fn expressions(&self) -> Vec<&Expression> {
        match self {
            Self::Step(step) => {
                step.arguments.iter().chain(step.undo.iter().flat_map(|undo| &undo.arguments)).collect()
            }
            Self::If { condition } => vec![condition],
            Self::For { items, .. } => vec![items],
            Self::Repeat { first, condition, .. } => vec![first, condition],
            Self::Sleep { time } => vec![time],
            Self::Signal { .. } => Vec::new(),
        }
    }
}

/// One use of an agent or a workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What is called.
    pub callee: Callee,
    /// What it is called with.
    pub arguments: Vec<Expression>,
    /// What is called with the same input, one after the other, when it fails for good.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub or: Vec<Callee>,
    /// What takes it back when a later step fails for good.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub undo: Option<Undo>,
}

/// What takes a step back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Undo {
    /// What is called.
    pub callee: Callee,
    /// What it is called with.
    pub arguments: Vec<Expression>,
}

/// An agent or a workflow, as a step names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Callee {
    /// The name it is registered by.
    pub name: String,
    /// The path that was written.
    pub path: String,
    /// Which of the two.
    pub kind: CalleeKind,
}
