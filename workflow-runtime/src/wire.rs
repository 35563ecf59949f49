//! What `workflow!` expands to: calls that record a workflow's definition and its code side by side.
//!
//! Each binding is a [`Port`] of the binding's type, so that the Rust compiler checks every edge.

use std::sync::Arc;

use crate::agent::{Call, Callable};
use crate::code::{Code, Derived, NodeCode, Split};
use crate::data::{Codec, Data, Erased, Field, IsData, schema_of};
use crate::definition::{
    Arm, Callee, Definition, Expression, Node, NodeId, NodeKind, Place, Slot, SlotInfo, Source, Step, Undo,
};
use crate::hook::Hooks;
use crate::location::Location;
use crate::options::Options;
use crate::scope::{Port, Scope};
use crate::wait::{Signal, Timer};

/// A workflow, known by its type. Implemented by [`workflow!`](macro@crate::workflow), never by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a workflow",
    label = "not a workflow",
    note = "declare it with `workflow!`"
)]
pub trait Workflow: Callable<Input = (Self,)> + Clone + Send + Sync {
    /// Everything there is to know of it.
    fn spec() -> WorkflowSpec;
}

/// A workflow: its definition and its code.
#[derive(Debug, Clone)]
pub struct WorkflowSpec {
    pub(crate) definition: Definition,
    pub(crate) code: Code,
}

impl WorkflowSpec {
    /// The definition.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }
}

/// The text of an expression, and the slots it reads.
pub(crate) type Written<'a> = (&'a str, &'a [Slot]);

fn expression((text, reads): Written<'_>) -> Expression {
    Expression { text: text.to_owned(), reads: reads.to_vec() }
}

/// Records a workflow while it is declared.
pub struct Wire {
    definition: Definition,
    nodes: Vec<NodeCode>,
    slots: Vec<Codec>,
    derived: Vec<Derived>,
    open: Vec<Place>,
}

impl Wire {
    /// An empty workflow.
    pub fn new(name: &str, description: &str, at: Location, options: Options) -> Self {
        let definition = Definition {
            name: name.to_owned(),
            description: description.to_owned(),
            at,
            options,
            phases: Vec::new(),
            nodes: Vec::new(),
            slots: Vec::new(),
            output: Expression::default(),
            output_type: String::new(),
        };
        Self { definition, nodes: Vec::new(), slots: Vec::new(), derived: Vec::new(), open: Vec::new() }
    }

    /// A binding for a field of the input.
    pub fn input<T>(&mut self, name: &str, type_name: &str, field: &Field<T>) -> Port<T> {
        let port = self.slot_of(name, Source::Input, field.codec);
        self.definition.slots[port.slot() as usize].type_name = Some(type_name.to_owned());
        port
    }

    /// Begins a phase.
    pub fn phase(&mut self, name: &str) {
        self.definition.phases.push(name.to_owned());
    }

    /// A step: `make` gives the call's input.
    pub fn step<A: Callable>(
        &mut self,
        name: &str,
        line: u32,
        path: &str,
        arguments: &[Written<'_>],
        make: impl Fn(&Scope<'_>) -> Call<A> + Send + Sync + 'static,
    ) -> Port<A::Output> {
        let arguments = arguments.iter().copied().map(expression).collect();
        let step = Step { callee: callee::<A>(path), arguments, or: Vec::new(), undo: None };
        let input = Arc::new(move |scope: &Scope<'_>| Erased::new(make(scope).0));
        let node = self.node(
            name,
            line,
            NodeKind::Step(step),
            NodeCode::Step { input, undo: None, hooks: Hooks::new() },
        );
        let codec = A::output().codec;
        self.result_of(node, name, codec)
    }

    /// Names what is called with the same input when the step just made fails for good. What it takes and gives
    /// must be what the step takes and gives; the compiler has seen to that by [`alike`].
    pub fn or<A: Callable>(&mut self, path: &str) {
        if let Some(Node { kind: NodeKind::Step(step), .. }) = self.definition.nodes.last_mut() {
            step.or.push(callee::<A>(path));
        }
    }

    /// Names what takes the step just made back.
    pub fn undo<A: Callable>(
        &mut self,
        path: &str,
        arguments: &[Written<'_>],
        make: impl Fn(&Scope<'_>) -> Call<A> + Send + Sync + 'static,
    ) {
        if let Some(Node { kind: NodeKind::Step(step), .. }) = self.definition.nodes.last_mut() {
            let arguments = arguments.iter().copied().map(expression).collect();
            step.undo = Some(Undo { callee: callee::<A>(path), arguments });
        }
        if let Some(NodeCode::Step { undo, .. }) = self.nodes.last_mut() {
            *undo = Some(Arc::new(move |scope: &Scope<'_>| Erased::new(make(scope).0)));
        }
    }

    /// Sets the options of the node just made.
    pub fn options(&mut self, options: Options) {
        if let Some(node) = self.definition.nodes.last_mut() {
            node.options = options;
        }
    }

    /// Sets what sees the outcomes of the step just made.
    pub fn hooks(&mut self, set: Hooks) {
        if let Some(NodeCode::Step { hooks, .. }) = self.nodes.last_mut() {
            *hooks = set;
        }
    }

    /// Makes the node just made run after others.
    pub fn after(&mut self, names: &[&str]) {
        if let Some(node) = self.definition.nodes.last_mut() {
            node.after = names.iter().map(|name| (*name).to_owned()).collect();
        }
    }

    /// Lets the job go on when the node behind the binding fails for good.
    pub fn optional<T: IsData<Via>, Via>(&mut self, port: Port<T>) -> Port<Option<T>> {
        let (name, node) = self.owner(port);
        if let Some(node) = self.definition.nodes.get_mut(node as usize) {
            node.optional = true;
        }
        self.derive(&name, node, move |scope| Some(scope.look(port).cloned()))
    }

    /// A durable timer.
    pub fn sleep(
        &mut self,
        name: &str,
        line: u32,
        time: Written<'_>,
        make: impl Fn(&Scope<'_>) -> Timer + Send + Sync + 'static,
    ) -> Port<()> {
        let kind = NodeKind::Sleep { time: expression(time) };
        let node = self.node(name, line, kind, NodeCode::Sleep(Arc::new(move |scope| make(scope).time())));
        self.result(node, name)
    }

    /// Waits for an event.
    pub fn signal<T: IsData<Via>, Via>(&mut self, name: &str, line: u32, signal: &Signal<T>) -> Port<T> {
        let kind = NodeKind::Signal { event: signal.event().to_owned(), schema: schema_of::<T>() };
        let node = self.node(name, line, kind, NodeCode::Signal);
        self.result(node, name)
    }

    /// Begins an `if`; its blocks follow, each between [`arm`](Self::arm) and [`end`](Self::end).
    pub fn branch(
        &mut self,
        name: &str,
        line: u32,
        condition: Written<'_>,
        test: impl Fn(&Scope<'_>) -> bool + Send + Sync + 'static,
    ) -> Form {
        let kind = NodeKind::If { condition: expression(condition) };
        let node = self.node(name, line, kind, NodeCode::If(Arc::new(test)));
        self.result::<()>(node, name);
        Form { node }
    }

    /// Begins a block of an `if`.
    pub fn arm(&mut self, form: Form, arm: Arm) {
        self.open.push(Place { node: form.node, arm });
    }

    /// Ends a block.
    pub fn end(&mut self) {
        self.open.pop();
    }

    /// A name bound in both blocks of an `if`.
    pub fn either<T: IsData<Via>, Via>(
        &mut self,
        form: Form,
        name: &str,
        then: Port<T>,
        otherwise: Port<T>,
    ) -> Port<T> {
        self.derive_erased(name, form.node, move |scope| {
            scope.find(then.slot()).or_else(|| scope.find(otherwise.slot())).cloned()
        })
    }

    /// A name that is not bound whichever block of an `if` runs.
    pub fn perhaps<T: IsData<Via>, Via, const N: usize>(
        &mut self,
        form: Form,
        name: &str,
        ports: [Maybe<T>; N],
    ) -> Port<Option<T>> {
        self.derive(name, form.node, move |scope| Some(ports.iter().find_map(|port| port.look(scope))))
    }

    /// Begins a `for`, whose block follows, up to [`gather`](Self::gather); gives the element's binding.
    pub fn each<T: IsData<Via>, Via>(
        &mut self,
        name: &str,
        line: u32,
        item: &str,
        items: Written<'_>,
        make: impl Fn(&Scope<'_>) -> Elements<T> + Send + Sync + 'static,
    ) -> (Form, Port<T>) {
        let kind = NodeKind::For { items: expression(items), item: 0, last: 0 };
        let make = Arc::new(move |scope: &Scope<'_>| make(scope).0.into_iter().map(Erased::new).collect());
        let node = self.node(name, line, kind, NodeCode::For { items: make, gather: gather::<()> });
        self.open.push(Place { node, arm: Arm::Body });
        let port = self.slot(item, Source::Item(node));
        if let NodeKind::For { item, .. } = &mut self.definition.nodes[node as usize].kind {
            *item = port.slot();
        }
        (Form { node }, port)
    }

    /// Ends a `for` whose block ends in `result`.
    pub fn gather<T: IsData<Via>, Via>(&mut self, form: Form, name: &str, result: Port<T>) -> Port<Vec<T>> {
        self.end();
        if let NodeKind::For { last, .. } = &mut self.definition.nodes[form.node as usize].kind {
            *last = result.slot();
        }
        if let NodeCode::For { gather: put, .. } = &mut self.nodes[form.node as usize] {
            *put = gather::<T>;
        }
        self.result(form.node, name)
    }

    /// Begins a `repeat`, whose block follows, up to [`again`](Self::again); gives the binding of the round's value.
    pub fn repeat<T: IsData<Via>, Via>(
        &mut self,
        name: &str,
        line: u32,
        carried: &str,
        first: Written<'_>,
        max: u32,
        make: impl Fn(&Scope<'_>) -> T + Send + Sync + 'static,
    ) -> (Form, Port<T>) {
        let kind = NodeKind::Repeat {
            first: expression(first),
            condition: Expression::default(),
            max,
            carried: 0,
            last: 0,
        };
        let first = Arc::new(move |scope: &Scope<'_>| Erased::new(make(scope)));
        let node = self.node(name, line, kind, NodeCode::Repeat { first, test: Arc::new(|_| false) });
        self.open.push(Place { node, arm: Arm::Body });
        let port = self.slot(carried, Source::Carried(node));
        if let NodeKind::Repeat { carried, .. } = &mut self.definition.nodes[node as usize].kind {
            *carried = port.slot();
        }
        (Form { node }, port)
    }

    /// Says what must hold for another round.
    pub fn while_(
        &mut self,
        form: Form,
        written: Written<'_>,
        holds: impl Fn(&Scope<'_>) -> bool + Send + Sync + 'static,
    ) {
        if let NodeKind::Repeat { condition, .. } = &mut self.definition.nodes[form.node as usize].kind {
            *condition = expression(written);
        }
        if let NodeCode::Repeat { test, .. } = &mut self.nodes[form.node as usize] {
            *test = Arc::new(holds);
        }
    }

    /// Ends a `repeat` whose block gives `result`, with which the next round begins.
    pub fn again<T: IsData<Via>, Via>(
        &mut self,
        form: Form,
        name: &str,
        _carried: Port<T>,
        result: Port<T>,
    ) -> Port<T> {
        self.end();
        if let NodeKind::Repeat { last, .. } = &mut self.definition.nodes[form.node as usize].kind {
            *last = result.slot();
        }
        self.result(form.node, name)
    }

    /// Ends the workflow: `make` gives its result.
    pub fn finish<W: Workflow>(
        mut self,
        written: Written<'_>,
        type_name: &str,
        split: Split,
        make: impl Fn(&Scope<'_>) -> W::Output + Send + Sync + 'static,
    ) -> WorkflowSpec {
        self.definition.output = expression(written);
        type_name.clone_into(&mut self.definition.output_type);
        let code = Code {
            split,
            input: W::input(),
            result: W::output(),
            nodes: self.nodes,
            slots: self.slots,
            derived: self.derived,
            output: Arc::new(move |scope: &Scope<'_>| Erased::new(make(scope))),
        };
        WorkflowSpec { definition: self.definition, code }
    }

    fn node(&mut self, name: &str, line: u32, kind: NodeKind, code: NodeCode) -> NodeId {
        let id = number(self.definition.nodes.len());
        let parent = self.open.last().copied();
        let path = match parent {
            Some(Place { node, arm: Arm::Body }) => {
                format!("{}/{name}", self.definition.nodes[node as usize].path)
            }
            Some(Place { node, arm }) => {
                format!("{}/{}/{name}", self.definition.nodes[node as usize].path, arm.name())
            }
            None => name.to_owned(),
        };
        self.definition.nodes.push(Node {
            name: name.to_owned(),
            path,
            phase: number(self.definition.phases.len().saturating_sub(1)),
            parent,
            line,
            slot: Slot::MAX,
            after: Vec::new(),
            optional: false,
            options: Options::new(),
            kind,
        });
        self.nodes.push(code);
        id
    }

    fn slot<T: Data>(&mut self, name: &str, source: Source) -> Port<T> {
        self.slot_of(name, source, Codec::of::<T>())
    }

    fn slot_of<T>(&mut self, name: &str, source: Source, codec: Codec) -> Port<T> {
        let slot = number(self.slots.len());
        self.slots.push(codec);
        self.definition.slots.push(SlotInfo { name: name.to_owned(), source, type_name: None });
        Port::new(slot)
    }

    fn result<T: Data>(&mut self, node: NodeId, name: &str) -> Port<T> {
        self.result_of(node, name, Codec::of::<T>())
    }

    fn result_of<T>(&mut self, node: NodeId, name: &str, codec: Codec) -> Port<T> {
        let port = self.slot_of(name, Source::Node(node), codec);
        self.definition.nodes[node as usize].slot = port.slot();
        port
    }

    fn derive<T: Data>(
        &mut self,
        name: &str,
        node: NodeId,
        make: impl Fn(&Scope<'_>) -> Option<T> + Send + Sync + 'static,
    ) -> Port<T> {
        self.derive_erased(name, node, move |scope| make(scope).map(Erased::new))
    }

    fn derive_erased<T: Data>(
        &mut self,
        name: &str,
        node: NodeId,
        make: impl Fn(&Scope<'_>) -> Option<Erased> + Send + Sync + 'static,
    ) -> Port<T> {
        let port = self.slot(name, Source::Derived(node));
        self.derived.push(Derived { node, slot: port.slot(), make: Arc::new(make) });
        port
    }

    fn owner<T>(&self, port: Port<T>) -> (String, NodeId) {
        let info = &self.definition.slots[port.slot() as usize];
        (info.name.clone(), info.source.node().unwrap_or_default())
    }
}

/// A control-flow form whose blocks are being declared.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    node: NodeId,
}

/// A name as one block of an `if` binds it: whenever the block runs, or not always.
#[derive(Debug, Clone, Copy)]
pub enum Maybe<T> {
    /// Whenever the block runs.
    Surely(Port<T>),
    /// Not always: the block holds an `if` of its own.
    Perhaps(Port<Option<T>>),
}

impl<T: Clone + 'static> Maybe<T> {
    fn look(&self, scope: &Scope<'_>) -> Option<T> {
        match *self {
            Self::Surely(port) => scope.look(port).cloned(),
            Self::Perhaps(port) => scope.look(port).cloned().flatten(),
        }
    }
}

/// The elements of a `for`.
pub struct Elements<T>(Vec<T>);

impl<T> Elements<T> {
    /// Those of a collection.
    pub fn of(items: impl IntoIterator<Item = T>) -> Self {
        Self(items.into_iter().collect())
    }
}

/// Accepts two callees that take the same and give the same; the error stands on the second.
pub fn alike<A: Callable, B: Callable<Input = A::Input, Output = A::Output>>() {}

fn callee<A: Callable>(path: &str) -> Callee {
    Callee { name: A::NAME.to_owned(), path: path.to_owned(), kind: A::KIND }
}

fn gather<T: Data>(results: Vec<Erased>) -> Option<Erased> {
    let values: Option<Vec<T>> = results.into_iter().map(Erased::take::<T>).collect();
    values.map(Erased::new)
}

fn number(length: usize) -> u32 {
    u32::try_from(length).expect("fewer than four thousand million steps")
}
