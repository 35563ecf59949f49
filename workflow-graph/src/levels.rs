//! Kahn's algorithm by levels.

use crate::cycle::Cycle;
use crate::graph::Graph;

/// The nodes by the earliest step at which each can run: level 0 waits for nothing, level n for level n − 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Levels {
    order: Vec<u32>,
    /// Level `l` is `order[starts[l]..starts[l + 1]]`.
    starts: Vec<usize>,
    of: Vec<u32>,
}

impl Levels {
    /// How many levels there are.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Whether there is no node.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The levels, first to last; within each, nodes ascend.
    pub fn iter(&self) -> impl Iterator<Item = &[u32]> {
        self.starts.windows(2).map(|ends| &self.order[ends[0]..ends[1]])
    }

    /// A node's level; 0 for a node that the graph does not have.
    pub fn of(&self, node: u32) -> u32 {
        self.of.get(node as usize).copied().unwrap_or(0)
    }

    /// All nodes, each behind those it waits for.
    pub fn order(&self) -> &[u32] {
        &self.order
    }
}

impl Graph {
    /// The levels of the graph, in O(nodes + edges).
    ///
    /// # Errors
    /// When nodes wait for one another: a cycle, as a path.
    pub fn levels(&self) -> Result<Levels, Cycle> {
        let nodes = u32::try_from(self.node_count()).unwrap_or(u32::MAX);
        let mut waits: Vec<u32> =
            (0..nodes).map(|node| u32::try_from(self.predecessors(node).len()).unwrap_or(u32::MAX)).collect();
        let mut of = vec![0; self.node_count()];
        let mut order: Vec<u32> = (0..nodes).filter(|node| waits[*node as usize] == 0).collect();
        let mut starts = vec![0];
        let mut start = 0;
        while start < order.len() {
            let end = order.len();
            let level = u32::try_from(starts.len()).unwrap_or(u32::MAX);
            starts.push(end);
            for place in start..end {
                for next in self.successors(order[place]) {
                    let left = &mut waits[*next as usize];
                    *left -= 1;
                    if *left == 0 {
                        of[*next as usize] = level;
                        order.push(*next);
                    }
                }
            }
            order[end..].sort_unstable();
            start = end;
        }
        if order.len() < self.node_count() {
            return Err(Cycle::among(self, &waits));
        }
        Ok(Levels { order, starts, of })
    }
}
