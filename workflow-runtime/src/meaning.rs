//! What a definition means, as fingerprints.

use std::collections::HashMap;

use crate::agent::SchemaSource;
use crate::callee_kind::CalleeKind;
use crate::check::Callees;
use crate::definition::{Callee, Definition, Expression, Node, NodeKind, Slot, Step};
use crate::fingerprint::{Fingerprint, Hasher};
use crate::options::Options;
use crate::schema::canonical;

/// The fingerprints of a workflow and of its nodes.
#[derive(Debug)]
pub(crate) struct Fingerprints {
    pub(crate) whole: Fingerprint,
    pub(crate) nodes: Vec<Fingerprint>,
}

/// The fingerprints of a definition.
pub(crate) fn fingerprints(definition: &Definition, callees: &dyn Callees) -> Fingerprints {
    let mut meaning = Meaning { definition, callees, known: HashMap::new() };
    let nodes: Vec<Fingerprint> = definition.nodes.iter().map(|node| meaning.node(node)).collect();
    Fingerprints { whole: meaning.whole(&nodes), nodes }
}

struct Meaning<'a> {
    definition: &'a Definition,
    callees: &'a dyn Callees,
    /// What is called, by name: many steps call the same, and its schemas are long.
    known: HashMap<String, Fingerprint>,
}

impl Meaning<'_> {
    fn whole(&mut self, nodes: &[Fingerprint]) -> Fingerprint {
        let definition = self.definition;
        let mut whole = Hasher::new();
        let own = Callee { name: definition.name.clone(), path: String::new(), kind: CalleeKind::Workflow };
        whole.add(&self.callee(&own));
        let mut phases: Vec<Vec<String>> = vec![Vec::new(); definition.phases.len()];
        for (node, print) in definition.nodes.iter().zip(nodes) {
            phases[node.phase as usize].push(print.to_string());
        }
        for mut prints in phases {
            // Steps of a phase start together: their order in the source means nothing.
            prints.sort_unstable();
            whole.list(prints);
        }
        self.expressions(&mut whole, [&definition.output]);
        whole.finish()
    }

    /// What a step means: where it stands, what it calls, with what, after what.
    fn node(&mut self, node: &Node) -> Fingerprint {
        let mut print = Hasher::new();
        print.add(&node.path).add(if node.optional { "optional" } else { "" });
        let mut after: Vec<&str> = node.after.iter().map(String::as_str).collect();
        after.sort_unstable();
        print.list(after);
        // Those around it decide whether, and how often, it runs.
        let mut around = node.parent;
        while let Some(place) = around {
            let form = &self.definition.nodes[place.node as usize];
            print.add(place.arm.name());
            self.kind(&mut print, form);
            around = form.parent;
        }
        self.kind(&mut print, node);
        print.finish()
    }

    fn kind(&mut self, print: &mut Hasher, node: &Node) {
        match &node.kind {
            NodeKind::Step(step) => self.step(print, step, &node.options),
            NodeKind::If { condition } => {
                print.add("if");
                self.expressions(print, [condition]);
            }
            NodeKind::For { items, last, .. } => {
                print.add("for").list(slot_names(self.definition, &[*last]));
                self.expressions(print, [items]);
            }
            NodeKind::Repeat { first, condition, max, last, .. } => {
                print.add("repeat").add(&max.to_string()).list(slot_names(self.definition, &[*last]));
                self.expressions(print, [first, condition]);
            }
            NodeKind::Sleep { time } => {
                print.add("sleep");
                self.expressions(print, [time]);
            }
            NodeKind::Signal { event, schema } => _ = print.add("signal").add(event).add(&canonical(schema)),
        }
    }

    fn step(&mut self, print: &mut Hasher, step: &Step, options: &Options) {
        print.add("step").add(&version(options)).add(&self.callee(&step.callee));
        self.expressions(print, &step.arguments);
        let or: Vec<String> = step.or.iter().map(|callee| self.callee(callee)).collect();
        print.list(or);
        if let Some(undo) = &step.undo {
            print.add("undo").add(&self.callee(&undo.callee));
            self.expressions(print, &undo.arguments);
        }
    }

    fn expressions<'e, E>(&self, print: &mut Hasher, expressions: E)
    where
        E: IntoIterator<Item = &'e Expression, IntoIter: ExactSizeIterator>,
    {
        let expressions = expressions.into_iter();
        print.add(&expressions.len().to_string());
        for expression in expressions {
            print.add(&expression.text);
            print.list(slot_names(self.definition, &expression.reads));
        }
    }

    /// What is called, worked out once.
    fn callee(&mut self, callee: &Callee) -> String {
        let callees = self.callees;
        let print = self.known.entry(callee.name.clone()).or_insert_with(|| meaning_of(callee, callees));
        print.to_string()
    }
}

/// What an agent or a workflow means to those that call it: its name, its version, what it takes and what it gives.
pub(crate) fn meaning_of(callee: &Callee, callees: &dyn Callees) -> Fingerprint {
    let schema =
        |source: Option<&SchemaSource>| source.map(|source| canonical(&source.json())).unwrap_or_default();
    let kind = match callee.kind {
        CalleeKind::Agent => "agent",
        CalleeKind::Workflow => "workflow",
    };
    let mut print = Hasher::new();
    print.add(kind).add(&callee.name);
    print.add(&callees.options(callee).map(version).unwrap_or_default());
    print.add(&schema(callees.input(callee))).add(&schema(callees.output(callee)));
    print.finish()
}

fn version(options: &Options) -> String {
    options.version.map(|version| version.to_string()).unwrap_or_default()
}

/// Slots are numbered in order of appearance, which means nothing; what they are called, and who fills them, does.
fn slot_names(definition: &Definition, slots: &[Slot]) -> Vec<String> {
    let name = |slot: &Slot| {
        let info = &definition.slots[*slot as usize];
        let writer = info.source.node().map(|node| definition.nodes[node as usize].path.as_str());
        format!("{} {}", writer.unwrap_or("input"), info.name)
    };
    let mut names: Vec<String> = slots.iter().map(name).collect();
    names.sort_unstable();
    names
}
