//! Cycles, as paths.

use std::collections::VecDeque;

use crate::graph::Graph;

/// Nodes that wait for one another: each runs after the one before it, and the first after the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cycle {
    /// The nodes, each once.
    pub nodes: Vec<u32>,
}

impl Cycle {
    /// The cycle by names, from the first node to itself: `a → b → a`.
    pub fn path<'a>(&self, name: impl Fn(u32) -> &'a str) -> String {
        let around = self.nodes.iter().chain(self.nodes.first());
        around.map(|node| name(*node)).collect::<Vec<_>>().join(" → ")
    }

    /// Finds a cycle among the nodes that still wait for something; there must be one.
    ///
    /// Going back from a waiting node to one it waits for must at last come to a node twice: that one is on a cycle. Then the
    /// shortest way from it to itself is a cycle without detours.
    pub(crate) fn among(graph: &Graph, waits: &[u32]) -> Self {
        let waiting = |node: &u32| waits.get(*node as usize).is_some_and(|waits| *waits > 0);
        let mut seen = vec![false; waits.len()];
        let mut node = (0..u32::try_from(waits.len()).unwrap_or(u32::MAX)).find(waiting).unwrap_or_default();
        while let Some(place) = seen.get_mut(node as usize)
            && !*place
        {
            *place = true;
            match graph.predecessors(node).iter().copied().find(waiting) {
                Some(earlier) => node = earlier,
                None => break,
            }
        }
        Self { nodes: way_round(graph, node, waiting) }
    }
}

/// The shortest way from a node to itself, breadth first.
fn way_round(graph: &Graph, start: u32, waiting: impl Fn(&u32) -> bool) -> Vec<u32> {
    let mut came_from = vec![None; graph.node_count()];
    let mut queue = VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for next in graph.successors(node).iter().copied().filter(|next| waiting(next)) {
            if next == start {
                let back = |node: &u32| (*node != start).then(|| came_from[*node as usize]).flatten();
                let mut nodes: Vec<u32> = std::iter::successors(Some(node), back).collect();
                nodes.reverse();
                return nodes;
            }
            if came_from[next as usize].is_none() {
                came_from[next as usize] = Some(node);
                queue.push_back(next);
            }
        }
    }
    vec![start]
}
