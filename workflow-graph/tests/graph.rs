//! Levels, cycles and paths of random graphs, beside what a plain reading of the definitions says.

use std::collections::BTreeSet;

use proptest::prelude::*;
use workflow_graph::{Edge, EdgeKind, Graph};

fn edge(from: u32, to: u32) -> Edge {
    Edge { from, to, kind: if (from + to).is_multiple_of(3) { EdgeKind::Soft } else { EdgeKind::Hard } }
}

/// Any edges between up to 20 nodes.
fn any_graph() -> impl Strategy<Value = (usize, Vec<Edge>)> {
    (1_u32..20).prop_flat_map(|nodes| {
        let edges = prop::collection::vec((0..nodes, 0..nodes).prop_map(|(from, to)| edge(from, to)), 0..40);
        (Just(nodes as usize), edges)
    })
}

fn acyclic(nodes: usize, edges: &[Edge]) -> Graph {
    let down = edges.iter().filter(|edge| edge.from != edge.to);
    let down = down.map(|edge| Edge { from: edge.from.min(edge.to), to: edge.from.max(edge.to), ..*edge });
    Graph::new(nodes, down).expect("the edges stay inside")
}

proptest! {
    #[test]
    fn rows_hold_what_was_put_in((nodes, edges) in any_graph()) {
        let graph = Graph::new(nodes, edges.iter().copied()).unwrap();
        prop_assert_eq!((graph.node_count(), graph.edge_count()), (nodes, edges.len()));
        for node in 0..u32::try_from(nodes).unwrap() {
            let out: Vec<_> = edges.iter().filter(|edge| edge.from == node).map(|edge| (edge.to, edge.kind)).collect();
            let into: Vec<_> = edges.iter().filter(|edge| edge.to == node).map(|edge| (edge.from, edge.kind)).collect();
            prop_assert_eq!(graph.outgoing(node).collect::<Vec<_>>(), out.clone());
            prop_assert_eq!(graph.incoming(node).collect::<Vec<_>>(), into.clone());
            prop_assert_eq!(graph.successors(node).to_vec(), out.iter().map(|(to, _)| *to).collect::<Vec<_>>());
            prop_assert_eq!(graph.predecessors(node).to_vec(), into.iter().map(|(from, _)| *from).collect::<Vec<_>>());
        }
    }

    #[test]
    fn each_node_is_on_the_lowest_level_it_can_be((nodes, edges) in any_graph()) {
        let graph = acyclic(nodes, &edges);
        let levels = graph.levels().unwrap();
        for node in 0..u32::try_from(nodes).unwrap() {
            let lowest = graph.predecessors(node).iter().map(|earlier| levels.of(*earlier) + 1).max().unwrap_or(0);
            prop_assert_eq!(levels.of(node), lowest);
        }
        let listed: Vec<u32> = levels.iter().flatten().copied().collect();
        prop_assert_eq!(&listed, levels.order());
        prop_assert_eq!(listed.iter().collect::<BTreeSet<_>>().len(), nodes);
        for (place, level) in levels.iter().enumerate() {
            prop_assert!(level.is_sorted() && level.iter().all(|node| levels.of(*node) as usize == place));
        }
    }

    #[test]
    fn a_graph_has_levels_or_a_true_cycle((nodes, edges) in any_graph()) {
        let graph = Graph::new(nodes, edges.iter().copied()).unwrap();
        if let Err(cycle) = graph.levels() {
            prop_assert!(!cycle.nodes.is_empty());
            prop_assert_eq!(cycle.nodes.iter().collect::<BTreeSet<_>>().len(), cycle.nodes.len(), "a node twice");
            for (index, node) in cycle.nodes.iter().enumerate() {
                let next = cycle.nodes[(index + 1) % cycle.nodes.len()];
                prop_assert!(graph.successors(*node).contains(&next), "{node} does not lead to {next}");
            }
        } else {
            prop_assert!(edges.iter().all(|edge| edge.from != edge.to));
        }
    }

    #[test]
    fn a_closed_ring_is_found((nodes, edges) in any_graph(), ring in prop::collection::vec(0_u32..20, 1..6)) {
        let ring: Vec<u32> = ring.iter().map(|node| node % u32::try_from(nodes).unwrap()).collect();
        let around = (0..ring.len()).map(|index| edge(ring[index], ring[(index + 1) % ring.len()]));
        let graph = Graph::new(nodes, edges.iter().copied().chain(around)).unwrap();
        prop_assert!(graph.levels().is_err());
    }

    #[test]
    fn no_path_is_heavier_than_the_critical_one((nodes, edges) in any_graph(), weights in prop::collection::vec(0_u64..9, 20)) {
        let graph = acyclic(nodes, &edges);
        let levels = graph.levels().unwrap();
        let path = graph.critical_path(&levels, |node| weights[node as usize]);
        prop_assert_eq!(path.nodes.iter().map(|node| weights[*node as usize]).sum::<u64>(), path.length);
        prop_assert!(path.nodes.windows(2).all(|pair| graph.successors(pair[0]).contains(&pair[1])));
        // Every path, the plain way: the heaviest that ends in each node.
        let mut heaviest = vec![0; nodes];
        for node in levels.order() {
            let before = graph.predecessors(*node).iter().map(|earlier| heaviest[*earlier as usize]).max().unwrap_or(0);
            heaviest[*node as usize] = before + weights[*node as usize];
        }
        prop_assert_eq!(path.length, heaviest.into_iter().max().unwrap_or(0));
    }
}

#[test]
fn an_edge_that_leaves_the_graph_is_refused() {
    let error = Graph::new(3, [edge(0, 3)]).unwrap_err();
    assert_eq!(error.to_string(), "the edge from 0 to 3 leaves a graph of 3 nodes");
}

#[test]
fn a_cycle_reads_as_a_path_without_detours() {
    let edges = [edge(0, 1), edge(1, 2), edge(2, 0), edge(2, 3), edge(3, 1), edge(1, 0)];
    let cycle = Graph::new(4, edges).unwrap().levels().unwrap_err();
    assert_eq!(cycle.nodes.len(), 2);
    let names = ["a", "b", "c", "d"];
    assert_eq!(cycle.path(|node| names[node as usize]), "a → b → a");
}

#[test]
fn a_hundred_thousand_nodes_in_one_chain_or_ring_cost_no_stack() {
    let last = 99_999_u32;
    let chain = || (0..last).map(|node| edge(node, node + 1));
    let levels = Graph::new(100_000, chain()).unwrap().levels().unwrap();
    assert_eq!((levels.len(), levels.of(last)), (100_000, last));
    let ring = Graph::new(100_000, chain().chain([edge(last, 0)])).unwrap();
    assert_eq!(ring.levels().unwrap_err().nodes.len(), 100_000);
}
