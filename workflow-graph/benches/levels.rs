//! Levels of 100,000 nodes in 100 layers, two parents each: ours, and a bare Kahn over vectors of vectors.

use std::hint::black_box;
use std::time::{Duration, Instant};

use workflow_graph::{Edge, EdgeKind, Graph};

const LAYERS: u32 = 100;
const WIDTH: u32 = 1_000;
const RUNS: usize = 15;

fn main() {
    let edges = edges();
    let (mut ours, mut levels_only, mut floor) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        ours.push(time(|| drop(black_box(graph(&edges).levels()))));
        let graph = graph(&edges);
        levels_only.push(time(|| drop(black_box(graph.levels()))));
        floor.push(time(|| drop(black_box(bare(&edges)))));
    }
    let (ours, levels_only, floor) = (median(ours), median(levels_only), median(floor));
    println!("levels of 100,000 nodes, 198,000 edges; medians of {RUNS}");
    println!("| build and level | levels alone | floor | ratio |");
    println!(
        "| {ours:.2?} | {levels_only:.2?} | {floor:.2?} | {:.2} |",
        ours.as_secs_f64() / floor.as_secs_f64()
    );
    assert!(levels_only < Duration::from_millis(50), "leveling took {levels_only:?}");
}

fn edges() -> Vec<Edge> {
    let mut edges = Vec::new();
    for layer in 1..LAYERS {
        for node in 0..WIDTH {
            let (to, before) = (layer * WIDTH + node, (layer - 1) * WIDTH);
            for from in [before + node, before + (node * 7 + 1) % WIDTH] {
                edges.push(Edge { from, to, kind: EdgeKind::Hard });
            }
        }
    }
    edges
}

fn graph(edges: &[Edge]) -> Graph {
    Graph::new((LAYERS * WIDTH) as usize, edges.iter().copied()).expect("the edges are in range")
}

fn bare(edges: &[Edge]) -> Vec<Vec<u32>> {
    let nodes = (LAYERS * WIDTH) as usize;
    let mut next = vec![Vec::new(); nodes];
    let mut waits = vec![0_u32; nodes];
    for edge in edges {
        next[edge.from as usize].push(edge.to);
        waits[edge.to as usize] += 1;
    }
    let mut levels =
        vec![(0..LAYERS * WIDTH).filter(|node| waits[*node as usize] == 0).collect::<Vec<u32>>()];
    while let Some(level) = levels.last().filter(|level| !level.is_empty()) {
        let mut above = Vec::new();
        for node in level {
            for to in &next[*node as usize] {
                waits[*to as usize] -= 1;
                if waits[*to as usize] == 0 {
                    above.push(*to);
                }
            }
        }
        levels.push(above);
    }
    levels
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
