//! A workflow after validation: immutable, shared, with its order worked out.

use std::collections::HashMap;
use std::sync::OnceLock;

use workflow_graph::{Graph, Levels};

use crate::check::{Callees, check};
use crate::definition::{Block, Definition, Node, NodeId, NodeKind, Slot};
use crate::fingerprint::Fingerprint;
use crate::location::Location;
use crate::meaning::{Fingerprints, fingerprints};
#[cfg(feature = "config")]
use crate::options::Options;
use crate::problem::Problem;

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

impl Plan {
    pub(crate) fn new(definition: Definition, callees: &dyn Callees) -> Result<Self, Vec<Problem>> {
        let (edges, mut problems) = check(&definition, callees)?;
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

    /// The same with other options.
    #[cfg(feature = "config")]
    pub(crate) fn with_options(
        &self,
        options: Option<Options>,
        nodes: impl IntoIterator<Item = (NodeId, Options)>,
    ) -> Self {
        let mut definition = self.definition.clone();
        if let Some(options) = options {
            definition.options = options;
        }
        for (node, options) in nodes {
            definition.nodes[node as usize].options = options;
        }
        Self {
            definition,
            graph: self.graph.clone(),
            levels: self.levels.clone(),
            blocks: self.blocks.clone(),
            fingerprints: OnceLock::new(),
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

fn blocks(definition: &Definition) -> HashMap<Block, Vec<NodeId>> {
    let mut blocks: HashMap<Block, Vec<NodeId>> = HashMap::new();
    for (id, node) in (0..).zip(&definition.nodes) {
        blocks.entry(node.block()).or_default().push(id);
    }
    blocks
}
