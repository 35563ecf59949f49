//! A plan as a picture: the same that `cargo doc` shows.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use workflow_graph::{Block, Item, Link, LinkKind, Picture, Shape, format_duration};

use crate::callee_kind::CalleeKind;
use crate::definition::{Arm, Definition, Node, NodeId, NodeKind, Place, Slot, Source};
use crate::options::{Options, Priority};
use crate::plan::Plan;
use crate::registry::Registry;

impl Plan {
    /// The picture as SVG, in the colour of the text around it.
    pub fn to_svg(&self) -> String {
        picture(self.definition()).to_svg()
    }

    /// The picture as SVG, with workflows that it calls drawn in place: those that are called by the steps at these paths. A
    /// path is what [`TaskStatus::path`](crate::TaskStatus) says, without the numbers of elements and rounds; inside of a
    /// workflow that is drawn in place it begins with the path of the step that calls it: `pay/charge`. Paths that lead to no
    /// such step say nothing. A workflow that calls itself is drawn eight deep at most.
    ///
    /// The group of each step has its path as `data-step`, and that of a step that calls a workflow the workflow's name as
    /// `data-child`, here and in [`to_svg`](Self::to_svg).
    pub fn to_svg_opened(&self, registry: &Registry, open: &[impl AsRef<str>]) -> String {
        let open: BTreeSet<&str> = open.iter().map(AsRef::as_ref).collect();
        let mut drawn = picture(self.definition());
        drawn.open(|path, workflow| {
            let called = registry.workflow(workflow).filter(|_| open.contains(path))?;
            Some(picture(called.plan().definition()))
        });
        drawn.to_svg()
    }

    /// The picture as text, for terminals, no line of it wider than so many columns.
    pub fn to_text(&self, width: usize) -> String {
        picture(self.definition()).to_text(width)
    }

    /// The picture as a Mermaid flowchart.
    pub fn to_mermaid(&self) -> String {
        picture(self.definition()).to_mermaid()
    }

    /// The picture as DOT, for Graphviz.
    pub fn to_dot(&self) -> String {
        picture(self.definition()).to_dot()
    }
}

fn picture(definition: &Definition) -> Picture {
    let inputs: Vec<Slot> = (0..)
        .zip(&definition.slots)
        .filter(|(_, slot)| slot.source == Source::Input)
        .map(|(slot, _)| slot)
        .collect();
    let nodes = children(definition, None);
    let mut items: Vec<Item> = inputs.iter().map(|slot| input(definition, *slot)).collect();
    items.extend(nodes.iter().map(|node| item(definition, *node, true)));
    let places = places(definition, &nodes);
    let place_of = |node: NodeId| places[node as usize].map(|place| inputs.len() + place);
    let input_of = |slot: Slot| inputs.iter().position(|input| *input == slot);
    let mut read_inputs: Vec<(usize, usize)> = (0..)
        .zip(&definition.nodes)
        .flat_map(|(id, node)| reads(node).map(move |slot| (slot, id)))
        .filter_map(|(slot, id)| Some((input_of(slot)?, place_of(id)?)))
        .collect();
    read_inputs.sort_unstable();
    read_inputs.dedup();
    let mut links: Vec<Link> =
        read_inputs.into_iter().map(|(from, to)| Link { from, to, kind: LinkKind::Data }).collect();
    let shifted = block_links(definition, &nodes).into_iter();
    links.extend(shifted.map(|link| Link {
        from: link.from + inputs.len(),
        to: link.to + inputs.len(),
        ..link
    }));
    if definition.output.text != "()" {
        let to = items.len();
        let given = |slot: &Slot| input_of(*slot).or_else(|| place_of(giver(definition, *slot)?));
        let sources: BTreeSet<usize> = definition.output.reads.iter().filter_map(given).collect();
        links.extend(sources.into_iter().map(|from| Link { from, to, kind: LinkKind::Data }));
        items.push(Item {
            band: None,
            name: definition.output.text.clone(),
            detail: definition.output_type.clone(),
            shape: Shape::Output,
            marks: Vec::new(),
        });
    }
    Picture { title: definition.name.clone(), bands: definition.phases.clone(), body: Block { items, links } }
}

fn input(definition: &Definition, slot: Slot) -> Item {
    let info = &definition.slots[slot as usize];
    let detail = info.type_name.clone().unwrap_or_default();
    Item { band: None, name: info.name.clone(), detail, shape: Shape::Input, marks: Vec::new() }
}

fn children(definition: &Definition, parent: Option<Place>) -> Vec<NodeId> {
    (0..).zip(&definition.nodes).filter(|(_, node)| node.parent == parent).map(|(id, _)| id).collect()
}

fn block(definition: &Definition, place: Place) -> Block {
    let nodes = children(definition, Some(place));
    let links = block_links(definition, &nodes);
    Block { items: nodes.into_iter().map(|node| item(definition, node, false)).collect(), links }
}

fn item(definition: &Definition, id: NodeId, banded: bool) -> Item {
    let node = &definition.nodes[id as usize];
    let inside = |arm| block(definition, Place { node: id, arm });
    let (detail, shape) = match &node.kind {
        NodeKind::Step(step) => {
            let shape = match step.callee.kind {
                CalleeKind::Agent => Shape::Step,
                CalleeKind::Workflow => Shape::Child { workflow: step.callee.name.clone(), inside: None },
            };
            (step.callee.path.clone(), shape)
        }
        NodeKind::If { condition } => {
            let (condition, then, otherwise) = (condition.text.clone(), inside(Arm::Then), inside(Arm::Else));
            (String::new(), Shape::If { condition, then, otherwise })
        }
        NodeKind::For { items, item, .. } => {
            let each = format!("{} in {}", definition.slots[*item as usize].name, items.text);
            (String::new(), Shape::For { each, body: inside(Arm::Body) })
        }
        NodeKind::Repeat { condition, max, carried, .. } => {
            let carried = definition.slots[*carried as usize].name.clone();
            let condition = condition.text.clone();
            (String::new(), Shape::Repeat { carried, condition, max: *max, body: inside(Arm::Body) })
        }
        NodeKind::Sleep { time } => (time.text.clone(), Shape::Sleep),
        NodeKind::Signal { event, .. } => (event.clone(), Shape::Signal),
    };
    let band = banded.then_some(node.phase as usize);
    Item { band, name: node.name.clone(), detail, shape, marks: marks(node) }
}

/// What a step is beside what it calls, in short words.
fn marks(node: &Node) -> Vec<String> {
    let mut marks = Vec::new();
    marks.extend(node.optional.then(|| "optional".to_owned()));
    if let NodeKind::Step(step) = &node.kind {
        marks.extend(step.or.iter().map(|callee| format!("or {}", callee.path)));
        marks.extend(step.undo.iter().map(|undo| format!("undo {}", undo.callee.path)));
    }
    marks.extend(words(&node.options));
    marks
}

fn words(options: &Options) -> Vec<String> {
    let mut words = Vec::new();
    let mut say =
        |key: &str, value: Option<String>| words.extend(value.map(|value| format!("{key} {value}")));
    say("retry", options.retry.map(|retry| retry.max.to_string()));
    say("timeout", options.timeout.map(format_duration));
    say("deadline", options.deadline.map(format_duration));
    say("queue", options.queue.as_ref().map(ToString::to_string));
    say("priority", options.priority.map(|priority| named(priority).to_owned()));
    say("concurrency", options.concurrency.map(|count| count.to_string()));
    say("rate", options.rate.map(|rate| format!("{}/{}", rate.count, format_duration(rate.per))));
    say("heartbeat", options.heartbeat.map(format_duration));
    say("version", options.version.map(|version| version.to_string()));
    say("tags", (!options.tags.is_empty()).then(|| options.tags.join(", ")));
    say("role", options.role.as_ref().map(ToString::to_string));
    words
}

fn named(priority: Priority) -> &'static str {
    match priority {
        Priority::Low => "low",
        Priority::Normal => "normal",
        Priority::High => "high",
        Priority::Critical => "critical",
    }
}

/// The links between the nodes of a block; of the root, whose phases are drawn as one block.
fn block_links(definition: &Definition, nodes: &[NodeId]) -> Vec<Link> {
    let places = places(definition, nodes);
    let place_of = |node: NodeId| places[node as usize];
    let own = |id: NodeId| nodes.binary_search(&id).ok();
    let names: HashMap<&str, usize> =
        definition.names().filter_map(|(id, name)| Some((name, own(id)?))).collect();
    let mut links: BTreeMap<(usize, usize), LinkKind> = BTreeMap::new();
    for (id, node) in (0..).zip(&definition.nodes) {
        let Some(to) = place_of(id) else { continue };
        let given = reads(node).filter_map(|slot| place_of(giver(definition, slot)?));
        given.filter(|from| *from != to).for_each(|from| _ = links.insert((to, from), LinkKind::Data));
        let earlier = node.after.iter().filter_map(|name| names.get(name.as_str()).copied());
        earlier
            .filter(|from| *from != to)
            .for_each(|from| _ = links.entry((to, from)).or_insert(LinkKind::Order));
    }
    links.into_iter().map(|((to, from), kind)| Link { from, to, kind }).collect()
}

/// For each node of the workflow, the place of the block's node that it is, or is inside of.
fn places(definition: &Definition, nodes: &[NodeId]) -> Vec<Option<usize>> {
    let mut places: Vec<Option<usize>> = vec![None; definition.nodes.len()];
    nodes.iter().zip(0..).for_each(|(node, place)| places[*node as usize] = Some(place));
    // Parents come before their children.
    for (id, node) in definition.nodes.iter().enumerate() {
        if places[id].is_none() {
            places[id] = node.parent.and_then(|parent| places[parent.node as usize]);
        }
    }
    places
}

fn reads(node: &Node) -> impl Iterator<Item = Slot> {
    node.kind.expressions().into_iter().flat_map(|expression| expression.reads.iter().copied())
}

/// The node whose end fills a slot.
fn giver(definition: &Definition, slot: Slot) -> Option<NodeId> {
    match definition.slots[slot as usize].source {
        Source::Node(node) | Source::Derived(node) => Some(node),
        Source::Input | Source::Item(_) | Source::Carried(_) => None,
    }
}
