//! Random workflows, always valid: what an engine is tried with when nobody has thought of the case.
//!
//! A workflow is made by the calls that `workflow!` expands to, so what its definition says of its expressions is what
//! its code does. All values are `i64`, options of it, and lists of it.

mod callees;
mod expression;
mod maker;

use workflow_runtime::__private::{Maybe, Wire, field};
use workflow_runtime::{Location, Options, Problems, Registry, WorkflowSpec};

use callees::CARRIERS;
pub use callees::{Act, Sim0, Sim1, Sim2, Sim3, World, give_back, maybe, mix, one, spare, total, two, zero};
use expression::{Binding, Value};
use maker::{Maker, PRIORITIES, QUEUES};

/// Random numbers that are the same for one seed everywhere: splitmix64.
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// The numbers of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    #[expect(clippy::should_implement_trait, reason = "it never ends, so it is no iterator")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, or 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    /// Whether something happens that happens so often in a hundred times.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of these, of which there must be one.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }
}

/// What another version of a workflow does otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It has a step more, called `added`.
    Add,
    /// One of its calls of [`one`] is a call of [`spare`].
    Callee,
    /// One of its calls of [`one`] has another input.
    Argument,
}

/// The names that a workflow can have; each may call those behind it.
pub const NAMES: [&str; 4] = ["Sim0", "Sim1", "Sim2", "Sim3"];

/// A random workflow of about `size` steps, called `name`, which is one of [`NAMES`], and calling these others.
///
/// It waits for signals outside of loops only, and for each of `sig0` … `sig3` at most once. A timeout on a loop or on
/// a child is longer than all its timers; one on an agent is 1 to 60 s, and one on a signal 1 to 48 h.
///
/// # Panics
/// When a name is not one of [`NAMES`], or a child's is not behind the workflow's.
pub fn workflow(rng: &mut Rng, name: &'static str, children: &[&'static str], size: usize) -> WorkflowSpec {
    changed(rng, name, children, size, None)
}

/// The same workflow, but for a change at some place, if it has so many.
///
/// # Panics
/// As [`workflow`] does.
pub fn changed(
    rng: &mut Rng,
    name: &'static str,
    children: &[&'static str],
    size: usize,
    change: Option<(Change, usize)>,
) -> WorkflowSpec {
    let carried = |name: &str| CARRIERS.iter().find(|known| known.name == name).expect("one of the carriers");
    assert!(children.iter().all(|child| name < *child), "a workflow calls those behind it");
    let mut options = Options::new();
    if rng.chance(20) {
        options = options.queue(*rng.pick(&QUEUES)).priority(*rng.pick(&PRIORITIES));
    }
    let mut wire = Wire::new(name, "A random workflow.", Location::new(file!(), 1), options);
    let n = Value::Int(Maybe::Surely(wire.input("n", "i64", &field::<i64, _>())));
    let mut maker = Maker {
        rng,
        wire,
        children: children.iter().map(|child| carried(child)).collect(),
        calls: 2,
        signals: vec!["sig0", "sig1", "sig2", "sig3"],
        visible: vec![Binding { name: "n".to_owned(), value: n }],
        steps: vec![Vec::new()],
        wanted: Vec::new(),
        left: 0,
        loops: 0,
        named: 0,
        line: 1,
        change,
    };
    let phases = 1 + maker.rng.below(4);
    for phase in 0..phases {
        maker.wire.phase(&format!("phase{phase}"));
        maker.left += size / phases as usize;
        let (bound, steps) = maker.block(0);
        maker.visible.extend(bound);
        maker.steps[0].extend(steps);
    }
    let result = maker.result();
    (carried(name).finish)(maker.wire, result)
}

/// All of [`NAMES`], each calling some of those behind it.
pub fn workflows(rng: &mut Rng, size: usize) -> Vec<WorkflowSpec> {
    changed_workflows(rng, size, None)
}

fn changed_workflows(rng: &mut Rng, size: usize, change: Option<(&str, Change, usize)>) -> Vec<WorkflowSpec> {
    let behind = |place: usize| NAMES.get(place + 1..).unwrap_or_default();
    let names = NAMES.into_iter().enumerate();
    let make = |(place, name)| {
        let own = change.filter(|(changed, ..)| *changed == name).map(|(_, change, at)| (change, at));
        changed(rng, name, behind(place), size, own)
    };
    names.map(make).collect()
}

/// A registry of the agents and of [`workflows`] of this seed.
///
/// # Errors
/// When a workflow is not valid, which is a mistake here.
pub fn registry(seed: u64, size: usize) -> Result<Registry, Problems> {
    changed_registry(seed, size, None)
}

/// The same, but for a change at some place of the workflow of a name, if it has so many.
///
/// # Errors
/// As [`registry`] does.
pub fn changed_registry(
    seed: u64,
    size: usize,
    change: Option<(&str, Change, usize)>,
) -> Result<Registry, Problems> {
    let agents = Registry::builder().agent::<zero>().agent::<one>().agent::<two>().agent::<maybe>();
    let agents = agents.agent::<total>().agent::<spare>().agent::<give_back>();
    changed_workflows(&mut Rng::new(seed), size, change)
        .into_iter()
        .fold(agents, |builder, spec| builder.workflow_spec(spec))
        .build()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value as Json, json};
    use workflow_runtime::prelude::*;
    use workflow_runtime::{CalleeKind, NodeKind, Resources};

    use super::*;
    use crate::Walker;

    const SEEDS: u64 = 2000;

    async fn run(registry: &Registry, world: World) -> Result<Json, String> {
        let mut walker = Walker::new(registry).resources(Resources::new().with_state(world));
        for (value, event) in (11_i64..).zip(["sig0", "sig1", "sig2", "sig3"]) {
            walker = walker.signal(event, value);
        }
        walker.run("Sim0", json!({ "n": 4 })).await.map_err(|error| error.to_string())
    }

    /// A world in which one call of five fails, always the same ones.
    fn failing() -> World {
        World::new(|name, _, inputs| {
            let given = mix(name, inputs);
            let result = if given % 5 == 0 { Err(AgentError::permanent(name.to_owned())) } else { Ok(given) };
            Box::pin(std::future::ready(result))
        })
    }

    #[tokio::test]
    async fn they_are_valid_and_mean_one_thing() {
        let mut results = BTreeMap::new();
        for seed in 0..SEEDS {
            let build =
                || registry(seed, 4 + seed as usize % 20).unwrap_or_else(|wrong| panic!("{seed}: {wrong}"));
            let (one, other) = (build(), build());
            let result = run(&one, World::pure()).await;
            assert!(result.is_ok(), "seed {seed}: {result:?}");
            assert_eq!(result, run(&other, World::pure()).await, "seed {seed}");
            assert_eq!(run(&one, failing()).await, run(&other, failing()).await, "seed {seed}");
            *results.entry(result.unwrap().to_string()).or_insert(0) += 1;
        }
        assert!(results.len() > 1000, "{} results", results.len());
    }

    #[test]
    fn every_form_occurs() {
        let mut counts = BTreeMap::new();
        for seed in 0..SEEDS {
            for workflow in registry(seed, 4 + seed as usize % 20).unwrap().workflows() {
                for node in &workflow.plan().definition().nodes {
                    let mut count = |what, here| *counts.entry(what).or_insert(0) += u32::from(here);
                    count("after", !node.after.is_empty());
                    count("optional", node.optional);
                    count("timeout", node.options.timeout.is_some());
                    count("retry", node.options.retry.is_some());
                    count("concurrency", node.options.concurrency.is_some());
                    count("queue", node.options.queue.is_some());
                    count("priority", node.options.priority.is_some());
                    count("deep", node.path.matches('/').count() > 3);
                    count("if", matches!(node.kind, NodeKind::If { .. }));
                    count("for", matches!(node.kind, NodeKind::For { .. }));
                    count("repeat", matches!(node.kind, NodeKind::Repeat { .. }));
                    count("sleep", matches!(node.kind, NodeKind::Sleep { .. }));
                    count("signal", matches!(node.kind, NodeKind::Signal { .. }));
                    let NodeKind::Step(step) = &node.kind else { continue };
                    count("child", step.callee.kind == CalleeKind::Workflow);
                    count("or", !step.or.is_empty());
                    count("undo", step.undo.is_some());
                }
            }
        }
        assert!(counts.values().all(|count| *count >= 20), "{counts:?}");
    }
}
