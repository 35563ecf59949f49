//! A graph in compressed rows, forward and reverse.

use std::fmt;

/// What an edge demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EdgeKind {
    /// The later node needs the earlier one's success.
    Hard,
    /// The later node only runs after the earlier one.
    Soft,
}

/// `to` runs after `from`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Edge {
    /// The earlier node.
    pub from: u32,
    /// The later node.
    pub to: u32,
    /// What it demands.
    pub kind: EdgeKind,
}

/// An edge names a node that the graph does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EdgeOutOfRange {
    /// The edge.
    pub edge: Edge,
    /// How many nodes there are.
    pub nodes: usize,
}

impl fmt::Display for EdgeOutOfRange {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { edge: Edge { from, to, .. }, nodes } = self;
        write!(out, "the edge from {from} to {to} leaves a graph of {nodes} nodes")
    }
}

impl std::error::Error for EdgeOutOfRange {}

/// An immutable graph of nodes `0..n`. Built in O(nodes + edges); both directions are read without a search.
#[derive(Debug, Clone)]
pub struct Graph {
    forward: Rows,
    reverse: Rows,
}

/// For each node a row of nodes, all rows in one vector.
#[derive(Debug, Clone)]
struct Rows {
    /// Row `n` is `targets[starts[n]..starts[n + 1]]`.
    starts: Vec<u32>,
    targets: Vec<u32>,
    kinds: Vec<EdgeKind>,
}

impl Rows {
    fn new(nodes: usize, edges: &[Edge], ends: impl Fn(&Edge) -> (u32, u32)) -> Self {
        let mut starts = vec![0_u32; nodes + 1];
        for edge in edges {
            starts[ends(edge).0 as usize + 1] += 1;
        }
        for node in 0..nodes {
            starts[node + 1] += starts[node];
        }
        let mut next = starts.clone();
        let mut targets = vec![0; edges.len()];
        let mut kinds = vec![EdgeKind::Hard; edges.len()];
        for edge in edges {
            let (row, target) = ends(edge);
            let place = &mut next[row as usize];
            targets[*place as usize] = target;
            kinds[*place as usize] = edge.kind;
            *place += 1;
        }
        Self { starts, targets, kinds }
    }

    fn range(&self, node: u32) -> std::ops::Range<usize> {
        let at = |place: usize| self.starts.get(place).map_or(self.targets.len(), |start| *start as usize);
        at(node as usize)..at((node as usize).saturating_add(1))
    }

    fn row(&self, node: u32) -> &[u32] {
        &self.targets[self.range(node)]
    }

    fn with_kinds(&self, node: u32) -> impl Iterator<Item = (u32, EdgeKind)> {
        let range = self.range(node);
        self.targets[range.clone()].iter().copied().zip(self.kinds[range].iter().copied())
    }
}

impl Graph {
    /// A graph of nodes `0..nodes`.
    ///
    /// # Errors
    /// When an edge names a node beyond them.
    pub fn new(nodes: usize, edges: impl IntoIterator<Item = Edge>) -> Result<Self, EdgeOutOfRange> {
        let edges: Vec<Edge> = edges.into_iter().collect();
        if let Some(&edge) = edges.iter().find(|edge| edge.from.max(edge.to) as usize >= nodes) {
            return Err(EdgeOutOfRange { edge, nodes });
        }
        let forward = Rows::new(nodes, &edges, |edge| (edge.from, edge.to));
        let reverse = Rows::new(nodes, &edges, |edge| (edge.to, edge.from));
        Ok(Self { forward, reverse })
    }

    /// How many nodes there are.
    pub fn node_count(&self) -> usize {
        self.forward.starts.len() - 1
    }

    /// How many edges there are.
    pub fn edge_count(&self) -> usize {
        self.forward.targets.len()
    }

    /// The nodes that run after this one.
    pub fn successors(&self, node: u32) -> &[u32] {
        self.forward.row(node)
    }

    /// The nodes that run before this one.
    pub fn predecessors(&self, node: u32) -> &[u32] {
        self.reverse.row(node)
    }

    /// The nodes that run after this one, with what each edge demands.
    pub fn outgoing(&self, node: u32) -> impl Iterator<Item = (u32, EdgeKind)> {
        self.forward.with_kinds(node)
    }

    /// The nodes that run before this one, with what each edge demands.
    pub fn incoming(&self, node: u32) -> impl Iterator<Item = (u32, EdgeKind)> {
        self.reverse.with_kinds(node)
    }
}
