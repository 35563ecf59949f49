//! A workflow, understood: every name resolved, every option checked.

use std::collections::BTreeSet;

use proc_macro2::Span;
use syn::{Attribute, Expr, Ident, Path, Type, Visibility};

use super::attributes::{StepSettings, WorkflowSettings};
use super::syntax::Input;

/// A workflow whose every part is known to be right, as far as a macro can know.
pub(super) struct Workflow {
    pub(super) header: Header,
    pub(super) settings: WorkflowSettings,
    pub(super) phases: Vec<Phase>,
    pub(super) result: Option<Expression>,
}

/// What is known of a workflow even when its body is wrong.
pub(super) struct Header {
    /// Attributes that are not options: documentation, `cfg`, derives.
    pub(super) attributes: Vec<Attribute>,
    pub(super) visibility: Visibility,
    pub(super) name: Ident,
    pub(super) registered: String,
    pub(super) description: String,
    pub(super) inputs: Vec<Input>,
    pub(super) output: Type,
}

/// A phase.
pub(super) struct Phase {
    pub(super) name: Ident,
    pub(super) nodes: Vec<Node>,
}

/// A step or a control-flow form.
pub(super) struct Node {
    /// Its name, unique in its block.
    pub(super) name: String,
    /// The name that is bound, if one is.
    pub(super) binding: Option<Ident>,
    /// Whether another step names it in its `#[after]`.
    pub(super) awaited: bool,
    /// Where it is written.
    pub(super) span: Span,
    pub(super) settings: StepSettings,
    pub(super) kind: Kind,
}

/// What a node is.
#[expect(clippy::large_enum_variant, reason = "a workflow has few of them, and each is made once")]
pub(super) enum Kind {
    Call { path: Path, arguments: Vec<Expression>, parens: Span },
    If { condition: Expression, then: Vec<Node>, otherwise: Vec<Node>, joins: Vec<Join> },
    For { item: Ident, items: Expression, body: Vec<Node> },
    Repeat { carried: Ident, first: Expression, condition: Expression, max: u32, body: Vec<Node> },
    Sleep { path: Path, time: Time },
    Signal { path: Path, event: String },
}

/// How long a `sleep` is.
#[expect(clippy::large_enum_variant, reason = "a workflow has few of them, and each is made once")]
pub(super) enum Time {
    Known(std::time::Duration),
    Computed(Expression),
}

/// A name that an `if` binds, as its blocks bind it.
pub(super) struct Join {
    pub(super) name: Ident,
    pub(super) then: Option<Bound>,
    pub(super) otherwise: Option<Bound>,
    /// Whether another step names it in its `#[after]`.
    pub(super) awaited: bool,
}

/// A name as one block of an `if` binds it.
#[derive(Clone)]
pub(super) struct Bound {
    pub(super) name: Ident,
    /// Whether it is bound whenever the block runs; otherwise it is an `Option`.
    pub(super) surely: bool,
}

impl Join {
    /// Whether it is bound whichever block runs.
    pub(super) fn surely(&self) -> bool {
        [&self.then, &self.otherwise].iter().all(|arm| arm.as_ref().is_some_and(|bound| bound.surely))
    }
}

/// An expression over bindings.
pub(super) struct Expression {
    pub(super) code: Expr,
    pub(super) text: String,
    /// The bindings it reads, each once.
    pub(super) reads: Vec<Ident>,
    /// Whether it is one binding and nothing else.
    pub(super) whole: bool,
}

impl Node {
    /// The names it binds for those who come after.
    pub(super) fn binds(&self) -> Vec<&Ident> {
        match &self.kind {
            Kind::If { joins, .. } => joins.iter().map(|join| &join.name).collect(),
            _ => self.binding.iter().collect(),
        }
    }

    /// The same names, with whether each is bound whatever happens.
    pub(super) fn bounds(&self) -> Vec<Bound> {
        match &self.kind {
            Kind::If { joins, .. } => {
                joins.iter().map(|join| Bound { name: join.name.clone(), surely: join.surely() }).collect()
            }
            _ => self.binding.iter().map(|name| Bound { name: name.clone(), surely: true }).collect(),
        }
    }

    /// The nodes inside it.
    pub(super) fn inner(&self) -> impl Iterator<Item = &Node> {
        let (first, second): (&[Node], &[Node]) = match &self.kind {
            Kind::If { then, otherwise, .. } => (then, otherwise),
            Kind::For { body, .. } | Kind::Repeat { body, .. } => (body, &[]),
            _ => (&[], &[]),
        };
        first.iter().chain(second)
    }

    /// The expressions of the node itself.
    fn expressions(&self) -> Vec<&Expression> {
        let undo = self.settings.undo.iter().flat_map(|undo| undo.arguments.iter().flatten());
        match &self.kind {
            Kind::Call { arguments, .. } => arguments.iter().chain(undo).collect(),
            Kind::If { condition, .. } => vec![condition],
            Kind::For { items, .. } => vec![items],
            Kind::Repeat { first, condition, .. } => vec![first, condition],
            Kind::Sleep { time: Time::Computed(time), .. } => vec![time],
            Kind::Sleep { .. } | Kind::Signal { .. } => Vec::new(),
        }
    }

    /// What it, or anything in it, reads of the bindings around it.
    pub(super) fn reads(&self) -> BTreeSet<String> {
        let mut names: BTreeSet<String> = self.inner().flat_map(Self::reads).collect();
        let own = self.expressions();
        let first = match &self.kind {
            Kind::Repeat { first, .. } => first.reads.as_slice(),
            _ => &[],
        };
        names.extend(own.iter().flat_map(|expression| &expression.reads).map(ToString::to_string));
        for bound in self.inner().flat_map(Self::binds).chain(self.binding.as_ref()) {
            names.remove(&bound.to_string());
        }
        match &self.kind {
            Kind::For { item, .. } => _ = names.remove(&item.to_string()),
            Kind::Repeat { carried, .. } => _ = names.remove(&carried.to_string()),
            _ => {}
        }
        // What a loop begins with is read outside of it, though it may have the name that the loop carries.
        names.extend(first.iter().map(ToString::to_string));
        names
    }

    /// The names that it, or anything in it, runs after.
    pub(super) fn after(&self) -> BTreeSet<String> {
        let mut names: BTreeSet<String> = self.inner().flat_map(Self::after).collect();
        for inner in self.inner() {
            names.remove(&inner.name);
        }
        names.extend(self.settings.after.iter().map(ToString::to_string));
        names
    }
}
