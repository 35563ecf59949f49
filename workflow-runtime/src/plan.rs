//! A workflow after validation: immutable, shared, with its order worked out.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde_json::Value as Json;
use workflow_graph::{Edge, EdgeKind, Graph, Levels};

use crate::agent::CalleeKind;
use crate::definition::{Arm, Callee, Definition, Node, NodeId, NodeKind, Place, Slot, Source};
use crate::fingerprint::{Fingerprint, Hasher};
use crate::fit::misfits;
use crate::location::Location;
use crate::options::Options;
use crate::problem::Problem;
use crate::schema::canonical;

/// A workflow whose every part is known to be right, as plain data. Its code is reached by the numbers in it.
#[derive(Debug)]
pub struct Plan {
    definition: Definition,
    graph: Graph,
    levels: Levels,
    /// The nodes of each block, in order of appearance; a phase's are those without a parent.
    blocks: HashMap<Block, Vec<NodeId>>,
    fingerprints: OnceLock<Fingerprints>,
}

/// A block: a phase, or a block of a control-flow form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Block {
    /// A phase, by its place.
    Phase(u32),
    /// A block of a form.
    Inside(Place),
}

#[derive(Debug)]
struct Fingerprints {
    whole: Fingerprint,
    nodes: Vec<Fingerprint>,
}

/// What a plan needs to know of what its steps call.
pub(crate) trait Callees {
    /// Its options, if it is registered.
    fn options(&self, callee: &Callee) -> Option<&Options>;
    /// The schema of what it takes, and whether it says more than a Rust type does.
    fn input(&self, callee: &Callee) -> Option<(Json, bool)>;
    /// The schema of what it gives, and whether it says more than a Rust type does.
    fn output(&self, callee: &Callee) -> Option<(Json, bool)>;
    /// The parameters' names.
    fn parameters(&self, callee: &Callee) -> Vec<String>;
    /// The nearest registered name.
    fn nearest(&self, name: &str) -> Option<String>;
}

impl Plan {
    pub(crate) fn new(definition: Definition, callees: &dyn Callees) -> Result<Self, Vec<Problem>> {
        let mut checker = Checker { definition: &definition, callees, problems: Vec::new() };
        checker.references();
        if !checker.problems.is_empty() {
            return Err(checker.problems);
        }
        checker.names();
        checker.callees();
        let edges = checker.edges();
        checker.misfits();
        let mut problems = checker.problems;
        // Every edge was made from node numbers that exist.
        let graph = Graph::new(definition.nodes.len(), edges);
        let levels = graph.as_ref().ok().map(Graph::levels);
        if let Some(Err(cycle)) = &levels {
            let name = |node: u32| definition.nodes.get(node as usize).map_or("", |node| node.path.as_str());
            let at = cycle.nodes.first().map_or(0, |node| definition.nodes[*node as usize].line);
            problems.push(Problem::Cycle {
                workflow: definition.name.clone(),
                path: cycle.path(name),
                at: Location { file: definition.at.file.clone(), line: at },
            });
        }
        match (graph, levels) {
            (Ok(graph), Some(Ok(levels))) if problems.is_empty() => {
                let blocks = blocks(&definition);
                Ok(Self { definition, graph, levels, blocks, fingerprints: OnceLock::new() })
            }
            _ => Err(problems),
        }
    }

    /// The workflow as it was declared.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// A node.
    pub fn node(&self, node: NodeId) -> &Node {
        &self.definition.nodes[node as usize]
    }

    /// The nodes of a block, in order of appearance.
    pub fn block(&self, block: Block) -> &[NodeId] {
        self.blocks.get(&block).map_or(&[], Vec::as_slice)
    }

    /// What runs before what. Nodes of one block are tied by what they read and by `after`; phases follow one another
    /// without an edge.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The nodes by the earliest moment at which each can start within its block.
    pub fn levels(&self) -> &Levels {
        &self.levels
    }

    /// The slots that belong to each instance of a loop's block.
    pub fn frame(&self, node: NodeId) -> std::ops::Range<Slot> {
        let node = self.node(node);
        match &node.kind {
            NodeKind::For { item: first, .. } | NodeKind::Repeat { carried: first, .. } => *first..node.slot,
            _ => node.slot..node.slot,
        }
    }

    pub(crate) fn fingerprint(&self, callees: &dyn Callees) -> Fingerprint {
        self.fingerprints(callees).whole
    }

    pub(crate) fn step_fingerprints(&self, callees: &dyn Callees) -> &[Fingerprint] {
        &self.fingerprints(callees).nodes
    }

    fn fingerprints(&self, callees: &dyn Callees) -> &Fingerprints {
        self.fingerprints.get_or_init(|| fingerprints(&self.definition, callees))
    }
}

fn block_of(node: &Node) -> Block {
    node.parent.map_or(Block::Phase(node.phase), Block::Inside)
}

fn blocks(definition: &Definition) -> HashMap<Block, Vec<NodeId>> {
    let mut blocks: HashMap<Block, Vec<NodeId>> = HashMap::new();
    for (id, node) in (0..).zip(&definition.nodes) {
        blocks.entry(block_of(node)).or_default().push(id);
    }
    blocks
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
        let by_place: HashMap<(Block, &str), NodeId> = (0..)
            .zip(&self.definition.nodes)
            .map(|(id, node)| ((block_of(node), node.name.as_str()), id))
            .collect();
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
            let block = block_of(&self.definition.nodes[*one as usize]);
            let other = around_other
                .iter()
                .find(|other| block_of(&self.definition.nodes[**other as usize]) == block)?;
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
            let block = block_of(&self.definition.nodes[around as usize]);
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
            let parameters = self.callees.parameters(&step.callee);
            for (index, argument) in step.arguments.iter().enumerate() {
                let Some(slot) = argument.whole(&definition.slots) else { continue };
                let Source::Node(writer) = definition.slots[slot as usize].source else { continue };
                let writer = &definition.nodes[writer as usize];
                let NodeKind::Step(giver) = &writer.kind else { continue };
                let (Some((given, told)), Some((wanted, wants))) =
                    (self.callees.output(&giver.callee), self.callees.input(&step.callee))
                else {
                    continue;
                };
                if !told && !wants {
                    continue;
                }
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

fn fingerprints(definition: &Definition, callees: &dyn Callees) -> Fingerprints {
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
