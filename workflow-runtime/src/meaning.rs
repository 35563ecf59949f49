//! What a definition means, as fingerprints.

use serde_json::Value as Json;

use crate::agent::CalleeKind;
use crate::check::Callees;
use crate::definition::{Callee, Definition, Node, NodeKind, Slot};
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
    let nodes: Vec<Fingerprint> =
        definition.nodes.iter().map(|node| node_fingerprint(definition, node, callees)).collect();
    let mut whole = Hasher::new();
    let own = Callee { name: definition.name.clone(), path: String::new(), kind: CalleeKind::Workflow };
    callee(&mut whole, &own, callees);
    for phase in 0..definition.phases.len() {
        // Steps of a phase start together: their order in the source means nothing.
        let mut prints: Vec<String> = definition
            .nodes
            .iter()
            .zip(&nodes)
            .filter(|(node, _)| node.phase as usize == phase)
            .map(|(_, print)| print.to_string())
            .collect();
        prints.sort_unstable();
        whole.list(prints);
    }
    whole.add(&definition.output.text);
    whole.list(slot_names(definition, &definition.output.reads));
    Fingerprints { whole: whole.finish(), nodes }
}

/// What a step means: where it stands, what it calls, with what, after what.
fn node_fingerprint(definition: &Definition, node: &Node, callees: &dyn Callees) -> Fingerprint {
    let mut print = Hasher::new();
    print.add(&node.path).add(if node.optional { "optional" } else { "" });
    let mut after: Vec<&str> = node.after.iter().map(String::as_str).collect();
    after.sort_unstable();
    print.list(after);
    // Those around it decide whether, and how often, it runs.
    let mut around = node.parent;
    while let Some(place) = around {
        let form = &definition.nodes[place.node as usize];
        print.add(place.arm.name());
        kind(&mut print, definition, form, callees);
        around = form.parent;
    }
    kind(&mut print, definition, node, callees);
    print.finish()
}

fn kind(print: &mut Hasher, definition: &Definition, node: &Node, callees: &dyn Callees) {
    match &node.kind {
        NodeKind::Step(step) => {
            print.add("step");
            print.add(&version(&node.options));
            callee(print, &step.callee, callees);
            print.list(step.or.iter().map(|callee| callee.name.as_str()));
            if let Some(undo) = &step.undo {
                print.add("undo");
                callee(print, &undo.callee, callees);
            }
        }
        NodeKind::If { .. } => _ = print.add("if"),
        NodeKind::For { .. } => _ = print.add("for"),
        NodeKind::Repeat { max, .. } => _ = print.add("repeat").add(&max.to_string()),
        NodeKind::Sleep { .. } => _ = print.add("sleep"),
        NodeKind::Signal { event, schema } => _ = print.add("signal").add(event).add(&canonical(schema)),
    }
    for expression in node.kind.expressions() {
        print.add(&expression.text);
        print.list(slot_names(definition, &expression.reads));
    }
}

fn callee(print: &mut Hasher, callee: &Callee, callees: &dyn Callees) {
    let schema =
        |schema: Option<(Json, bool)>| schema.map(|(schema, _)| canonical(&schema)).unwrap_or_default();
    let kind = match callee.kind {
        CalleeKind::Agent => "agent",
        CalleeKind::Workflow => "workflow",
    };
    print.add(kind).add(&callee.name);
    print.add(&callees.options(callee).map(version).unwrap_or_default());
    print.add(&schema(callees.input(callee))).add(&schema(callees.output(callee)));
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
