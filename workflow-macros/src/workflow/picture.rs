//! A workflow's picture, drawn from what the macro knows. The runtime draws the same from the plan.

use workflow_graph::{Block, Item, Link, LinkKind, Picture, Shape};

use super::model::{Expression, Kind, Node, Time, Workflow};
use super::order::links;
use crate::text::{text, type_text};

/// The picture of a workflow.
pub(super) fn picture(workflow: &Workflow) -> Picture {
    let inputs = &workflow.header.inputs;
    let mut items: Vec<Item> = inputs
        .iter()
        .map(|input| item(None, &input.name.to_string(), type_text(&input.ty), Shape::Input, Vec::new()))
        .collect();
    let nodes: Vec<&Node> = workflow.phases.iter().flat_map(|phase| &phase.nodes).collect();
    let first = items.len();
    for (band, phase) in workflow.phases.iter().enumerate() {
        items.extend(phase.nodes.iter().map(|node| node_item(Some(band), node)));
    }
    let mut all = Vec::new();
    for (from, input) in inputs.iter().enumerate() {
        let readers =
            nodes.iter().enumerate().filter(|(_, node)| node.reads().contains(&input.name.to_string()));
        all.extend(readers.map(|(node, _)| Link { from, to: first + node, kind: LinkKind::Data }));
    }
    all.extend(links(&nodes).into_iter().map(|link| Link {
        from: first + link.from,
        to: first + link.to,
        kind: kind(link.reads),
    }));
    if let Some(result) = &workflow.result {
        let to = items.len();
        all.extend(sources(workflow, &nodes, result).map(|from| Link { from, to, kind: LinkKind::Data }));
        items.push(item(None, &result.text, type_text(&workflow.header.output), Shape::Output, Vec::new()));
    }
    let bands = workflow.phases.iter().map(|phase| phase.name.to_string()).collect();
    Picture { title: workflow.header.registered.clone(), bands, body: Block { items, links: all } }
}

/// The items that the result reads, in order.
fn sources<'a>(
    workflow: &'a Workflow,
    nodes: &'a [&Node],
    result: &'a Expression,
) -> impl Iterator<Item = usize> + 'a {
    let inputs = workflow.header.inputs.iter().map(|input| vec![&input.name]);
    let bound = nodes.iter().map(|node| node.binds());
    let is_read = |names: &Vec<&syn::Ident>| names.iter().any(|name| result.reads.contains(name));
    inputs.chain(bound).enumerate().filter(move |(_, names)| is_read(names)).map(|(index, _)| index)
}

fn item(band: Option<usize>, name: &str, detail: String, shape: Shape, marks: Vec<String>) -> Item {
    Item { band, name: name.to_owned(), detail, shape, marks }
}

fn kind(reads: bool) -> LinkKind {
    if reads { LinkKind::Data } else { LinkKind::Order }
}

fn node_item(band: Option<usize>, node: &Node) -> Item {
    let (detail, shape) = match &node.kind {
        Kind::Call { path, .. } => {
            let called = text(path);
            let shape = match is_workflow(path) {
                true => Shape::Child { workflow: last(path), inside: None },
                false => Shape::Step,
            };
            (called, shape)
        }
        Kind::If { condition, then, otherwise, .. } => {
            let (then, otherwise) = (block(then), block(otherwise));
            (String::new(), Shape::If { condition: condition.text.clone(), then, otherwise })
        }
        Kind::For { item, items, body } => {
            (String::new(), Shape::For { each: format!("{item} in {}", items.text), body: block(body) })
        }
        Kind::Repeat { carried, condition, max, body, .. } => {
            let (carried, condition) = (carried.to_string(), condition.text.clone());
            (String::new(), Shape::Repeat { carried, condition, max: *max, body: block(body) })
        }
        Kind::Sleep { time: Time::Known(time), .. } => (workflow_graph::format_duration(*time), Shape::Sleep),
        Kind::Sleep { time: Time::Computed(time), .. } => (time.text.clone(), Shape::Sleep),
        Kind::Signal { event, .. } => (event.clone(), Shape::Signal),
    };
    item(band, &node.name, detail, shape, marks(node))
}

/// Workflows are types, agents are functions; their names tell, as long as people follow Rust's own conventions.
pub(super) fn is_workflow(path: &syn::Path) -> bool {
    last(path).starts_with(char::is_uppercase)
}

/// The name that a workflow most likely has: only the program knows what it is registered by.
fn last(path: &syn::Path) -> String {
    path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default()
}

fn block(nodes: &[Node]) -> Block {
    let nodes: Vec<&Node> = nodes.iter().collect();
    let links = links(&nodes)
        .into_iter()
        .map(|link| Link { from: link.from, to: link.to, kind: kind(link.reads) })
        .collect();
    Block { items: nodes.iter().map(|node| node_item(None, node)).collect(), links }
}

/// What a step is beside what it calls, in short words.
pub(super) fn marks(node: &Node) -> Vec<String> {
    let settings = &node.settings;
    let mut marks = Vec::new();
    marks.extend(settings.optional.then(|| "optional".to_owned()));
    marks.extend(settings.or.iter().map(|path| format!("or {}", text(path))));
    marks.extend(settings.undo.iter().map(|undo| format!("undo {}", text(&undo.path))));
    marks.extend(settings.options.words().into_iter().map(|(key, value)| format!("{key} {value}")));
    marks
}
