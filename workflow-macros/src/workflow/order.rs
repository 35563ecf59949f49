//! What runs before what, in one block: by what is read, and by `#[after]`.

use workflow_graph::{Edge, EdgeKind, Graph};

use super::model::Node;
use crate::errors::Errors;

/// A link between two nodes of one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) from: usize,
    pub(super) to: usize,
    /// Whether the later one reads what the earlier one gives.
    pub(super) reads: bool,
}

/// The links between the nodes of a block, those that read first; each pair once.
pub(super) fn links(nodes: &[&Node]) -> Vec<Link> {
    let mut links = Vec::new();
    for (to, node) in nodes.iter().enumerate() {
        let (reads, after) = (node.reads(), node.after());
        for (from, earlier) in nodes.iter().enumerate() {
            let is_read = from != to && earlier.binds().iter().any(|name| reads.contains(&name.to_string()));
            let is_awaited = after.contains(&earlier.name)
                || earlier.binds().iter().any(|name| after.contains(&name.to_string()));
            if is_read || is_awaited {
                links.push(Link { from, to, reads: is_read });
            }
        }
    }
    links
}

/// Refuses a block whose nodes wait for one another in a circle.
pub(super) fn check_order(nodes: &[Node], errors: &mut Errors) {
    let nodes: Vec<&Node> = nodes.iter().collect();
    // A step that is to run after itself is told where that is written.
    let edges = links(&nodes).into_iter().filter(|link| link.from != link.to).filter_map(|link| {
        let (from, to) = (u32::try_from(link.from).ok()?, u32::try_from(link.to).ok()?);
        Some(Edge { from, to, kind: if link.reads { EdgeKind::Hard } else { EdgeKind::Soft } })
    });
    let Ok(graph) = Graph::new(nodes.len(), edges) else { return };
    let Err(cycle) = graph.levels() else { return };
    let name = |node: u32| nodes.get(node as usize).map_or("", |node| node.name.as_str());
    let path = cycle.path(name);
    let after =
        cycle.nodes.iter().filter_map(|node| nodes.get(*node as usize)?.settings.after.first()).next();
    let span = after.map_or_else(proc_macro2::Span::call_site, syn::Ident::span);
    errors.span(span, format!("these steps wait for one another: {path}; leave out one `#[after]`"));
}
