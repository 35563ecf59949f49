//! The path that decides how long the whole takes.

use crate::graph::Graph;
use crate::levels::Levels;

/// The heaviest path through a graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CriticalPath {
    /// Its nodes, first to last.
    pub nodes: Vec<u32>,
    /// The sum of their weights.
    pub length: u64,
}

impl Graph {
    /// The heaviest path, by the weight of each node. `levels` must be this graph's.
    pub fn critical_path(&self, levels: &Levels, weight: impl Fn(u32) -> u64) -> CriticalPath {
        let mut length = vec![0_u64; self.node_count()];
        let mut before = vec![None; self.node_count()];
        for &node in levels.order() {
            // The first of the heaviest, so that the answer does not depend on anything else.
            let heaviest =
                self.predecessors(node).iter().copied().rev().max_by_key(|earlier| length[*earlier as usize]);
            before[node as usize] = heaviest;
            let so_far = heaviest.map_or(0, |earlier| length[earlier as usize]);
            length[node as usize] = so_far.saturating_add(weight(node));
        }
        let last = levels.order().iter().copied().rev().max_by_key(|node| length[*node as usize]);
        let mut nodes: Vec<u32> = std::iter::successors(last, |node| before[*node as usize]).collect();
        nodes.reverse();
        CriticalPath { nodes, length: last.map_or(0, |node| length[node as usize]) }
    }
}
