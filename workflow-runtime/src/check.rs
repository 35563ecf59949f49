//! What must be right about a definition before it is a plan.

use std::collections::HashMap;

use serde_json::Value as Json;
use workflow_graph::{Edge, EdgeKind};

use crate::agent::SchemaSource;
use crate::definition::{Arm, Block, Callee, Definition, Node, NodeId, NodeKind, Place, Slot, Source};
use crate::fit::misfits;
use crate::location::Location;
use crate::options::Options;
use crate::problem::Problem;

/// What a plan needs to know of what its steps call.
pub(crate) trait Callees {
    /// Its options, if it is registered.
    fn options(&self, callee: &Callee) -> Option<&Options>;
    /// The schema of what it takes.
    fn input(&self, callee: &Callee) -> Option<&SchemaSource>;
    /// The schema of what it gives.
    fn output(&self, callee: &Callee) -> Option<&SchemaSource>;
    /// The parameters' names.
    fn parameters(&self, callee: &Callee) -> Vec<String>;
    /// The nearest registered name.
    fn nearest(&self, name: &str) -> Option<String>;
}

/// The edges between nodes of one block; none when a problem leaves nothing to build on.
pub(crate) fn check(
    definition: &Definition,
    callees: &dyn Callees,
) -> Result<(Vec<Edge>, Vec<Problem>), Vec<Problem>> {
    let mut checker = Checker { definition, callees, problems: Vec::new() };
    checker.references();
    if !checker.problems.is_empty() {
        return Err(checker.problems);
    }
    checker.names();
    checker.callees();
    let edges = checker.edges();
    checker.misfits();
    Ok((edges, checker.problems))
}

struct Checker<'a> {
    definition: &'a Definition,
    callees: &'a dyn Callees,
    problems: Vec<Problem>,
}

impl Checker<'_> {
    fn step(&self, node: &Node) -> String {
        format!("`{}` of `{}`", node.path, self.definition.name)
    }

    fn at(&self, node: &Node) -> Location {
        Location { file: self.definition.at.file.clone(), line: node.line }
    }

    /// Everything that is referred to by number is there: a definition can come from anywhere.
    fn references(&mut self) {
        let definition = self.definition;
        let slots = definition.slots.len();
        for (id, node) in definition.nodes.iter().enumerate() {
            let mut broken = Vec::new();
            if node.phase as usize >= definition.phases.len() {
                broken.push(format!("phase {}", node.phase));
            }
            if node.parent.is_some_and(|place| !self.is_form(id, place)) {
                broken.push("a form around it".to_owned());
            }
            let reads =
                node.kind.expressions().into_iter().flat_map(|expression| expression.reads.iter().copied());
            let inner = match node.kind {
                NodeKind::For { item, last, .. } => vec![item, last],
                NodeKind::Repeat { carried, last, .. } => vec![carried, last],
                _ => Vec::new(),
            };
            let slot = std::iter::once(node.slot);
            let missing = reads.chain(inner).chain(slot).find(|slot| *slot as usize >= slots);
            broken.extend(missing.map(|slot| format!("slot {slot}")));
            for reference in broken {
                self.problems.push(Problem::Broken { step: self.step(node), reference, at: self.at(node) });
            }
        }
        let nodes = definition.nodes.len();
        let in_sources = definition
            .slots
            .iter()
            .filter_map(|slot| slot.source.node())
            .find(|node| *node as usize >= nodes);
        let in_output = definition.output.reads.iter().find(|slot| **slot as usize >= slots);
        let broken =
            in_sources.map(|node| format!("node {node}")).or(in_output.map(|slot| format!("slot {slot}")));
        if let Some(reference) = broken {
            let step = format!("`{}`", definition.name);
            self.problems.push(Problem::Broken { step, reference, at: definition.at.clone() });
        }
    }

    fn is_form(&self, inner: usize, place: Place) -> bool {
        let form = self.definition.nodes.get(place.node as usize);
        // Parents come before their children, so no form can stand in itself.
        let comes_before = (place.node as usize) < inner;
        comes_before
            && form.is_some_and(|form| match form.kind {
                NodeKind::If { .. } => place.arm != Arm::Body,
                NodeKind::For { .. } | NodeKind::Repeat { .. } => place.arm == Arm::Body,
                _ => false,
            })
    }

    fn names(&mut self) {
        let mut seen = HashMap::new();
        for node in &self.definition.nodes {
            if seen.insert(node.path.as_str(), node).is_some() {
                self.problems.push(Problem::DuplicateStep { step: self.step(node), at: self.at(node) });
            }
        }
    }

    fn callees(&mut self) {
        for node in &self.definition.nodes {
            let NodeKind::Step(step) = &node.kind else { continue };
            let undo = step.undo.iter().map(|undo| &undo.callee);
            for callee in std::iter::once(&step.callee).chain(&step.or).chain(undo) {
                if self.callees.options(callee).is_none() {
                    self.problems.push(Problem::MissingCallee {
                        step: self.step(node),
                        callee: callee.name.clone(),
                        nearest: self.callees.nearest(&callee.name),
                        at: self.at(node),
                    });
                }
            }
            if let Some(options) = self.callees.options(&step.callee) {
                let inherited = options.contradictions();
                let merged = node.options.over(options).contradictions();
                // What the agent itself contradicts is told at the agent.
                for contradiction in merged.into_iter().filter(|found| !inherited.contains(found)) {
                    let of = self.step(node);
                    self.problems.push(Problem::BadOptions { of, at: self.at(node), contradiction });
                }
            }
        }
    }

    /// The edges between nodes of one block: an inner node that reads, or waits for, something outside of its form
    /// makes the form wait for it.
    fn edges(&mut self) -> Vec<Edge> {
        let mut edges = Vec::new();
        let nodes = &self.definition.nodes;
        let by_place: HashMap<(Block, &str), NodeId> =
            self.definition.names().map(|(id, name)| ((nodes[id as usize].block(), name), id)).collect();
        for (id, node) in (0..).zip(&self.definition.nodes) {
            for expression in node.kind.expressions() {
                edges.extend(expression.reads.iter().filter_map(|slot| self.read_edge(id, *slot)));
            }
            for name in &node.after {
                match self.find_step(&by_place, id, name) {
                    Some(Found::Here(from, to)) => edges.push(Edge { from, to, kind: EdgeKind::Soft }),
                    Some(Found::Earlier) => {}
                    None => self.problems.push(Problem::MissingStep {
                        step: self.step(node),
                        after: name.clone(),
                        at: self.at(node),
                    }),
                }
            }
        }
        edges.sort_unstable_by_key(|edge| (edge.from, edge.to, edge.kind == EdgeKind::Soft));
        edges.dedup_by_key(|edge| (edge.from, edge.to));
        edges
    }

    fn read_edge(&self, reader: NodeId, slot: Slot) -> Option<Edge> {
        let source = self.definition.slots[slot as usize].source;
        let writer = match source {
            Source::Node(writer) | Source::Derived(writer) => writer,
            // An element, or a round's value, is there before anything in the block starts.
            Source::Input | Source::Item(_) | Source::Carried(_) => return None,
        };
        let (from, to) = self.siblings(writer, reader)?;
        let writer = &self.definition.nodes[writer as usize];
        let soft = matches!(source, Source::Derived(_)) && writer.optional;
        Some(Edge { from, to, kind: if soft { EdgeKind::Soft } else { EdgeKind::Hard } })
    }

    /// The two nodes, or the forms around them, that stand in one block; none when they are in different phases, or
    /// one is inside the other.
    fn siblings(&self, one: NodeId, other: NodeId) -> Option<(NodeId, NodeId)> {
        let around_one = self.ancestors(one);
        let around_other = self.ancestors(other);
        let pair = around_one.iter().find_map(|one| {
            let block = self.definition.nodes[*one as usize].block();
            let other =
                around_other.iter().find(|other| self.definition.nodes[**other as usize].block() == block)?;
            Some((*one, *other))
        })?;
        (pair.0 != pair.1).then_some(pair)
    }

    /// The node, and the forms around it, innermost first.
    fn ancestors(&self, node: NodeId) -> Vec<NodeId> {
        let parent = |node: &NodeId| self.definition.nodes[*node as usize].parent.map(|place| place.node);
        std::iter::successors(Some(node), parent).collect()
    }

    fn find_step(&self, steps: &HashMap<(Block, &str), NodeId>, from: NodeId, name: &str) -> Option<Found> {
        for around in self.ancestors(from) {
            let block = self.definition.nodes[around as usize].block();
            if let Some(found) = steps.get(&(block, name)) {
                return Some(Found::Here(*found, around));
            }
        }
        let phase = self.definition.nodes[from as usize].phase;
        (0..phase).any(|earlier| steps.contains_key(&(Block::Phase(earlier), name))).then_some(Found::Earlier)
    }

    /// Where one end's schema says more than its Rust type, the other end must be able to fit it.
    fn misfits(&mut self) {
        let definition = self.definition;
        for node in &definition.nodes {
            let NodeKind::Step(step) = &node.kind else { continue };
            for (index, argument) in step.arguments.iter().enumerate() {
                let Some(slot) = argument.whole(&definition.slots) else { continue };
                let Source::Node(writer) = definition.slots[slot as usize].source else { continue };
                let writer = &definition.nodes[writer as usize];
                let NodeKind::Step(giver) = &writer.kind else { continue };
                let ends = (self.callees.output(&giver.callee), self.callees.input(&step.callee));
                let (Some(given), Some(wanted)) = ends else { continue };
                // Between Rust types the compiler has seen to it.
                if !given.is_written() && !wanted.is_written() {
                    continue;
                }
                let (given, wanted) = (given.json(), wanted.json());
                let parameters = self.callees.parameters(&step.callee);
                let wanted = match (parameters.as_slice(), parameters.get(index)) {
                    ([_, _, ..], Some(name)) => with_definitions(&wanted, &wanted["properties"][name]),
                    _ => wanted,
                };
                for misfit in misfits(&given, &wanted) {
                    self.problems.push(Problem::Misfit {
                        step: self.step(node),
                        from: writer.path.clone(),
                        at: self.at(node),
                        misfit,
                    });
                }
            }
        }
    }
}

enum Found {
    /// In a block around the step: the found one, and the step's form that stands beside it.
    Here(NodeId, NodeId),
    /// In an earlier phase, so that the order holds anyway.
    Earlier,
}

/// A part of a schema, which may refer to the whole's definitions.
fn with_definitions(whole: &Json, part: &Json) -> Json {
    let mut part = part.clone();
    if let (Some(object), Some(definitions)) = (part.as_object_mut(), whole.get("$defs")) {
        object.entry("$defs").or_insert_with(|| definitions.clone());
    }
    part
}
