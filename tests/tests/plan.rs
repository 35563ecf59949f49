//! Plans: every acyclic graph is one, no cyclic graph is; and fingerprints change when, and only when, meaning does.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;
use workflow_runtime::prelude::*;
use workflow_runtime::{
    AgentSpec, Callee, CalleeKind, Definition, Expression, Fingerprint, Location, Node, NodeKind, Options,
    Plan, Problem, Registry, Retry, SlotInfo, Source, Step,
};

fn registry() -> Registry {
    let agent = |name| AgentSpec::json(name, |input, _| async { Ok::<_, AgentError>(input) });
    Registry::builder()
        .agent_spec(agent("work"))
        .agent_spec(agent("other"))
        .build()
        .unwrap_or_else(|problems| panic!("{problems}"))
}

fn step(id: u32, after: &[u32]) -> Node {
    let callee = Callee { name: "work".to_owned(), path: "work".to_owned(), kind: CalleeKind::Agent };
    let arguments = vec![Expression { text: "1".to_owned(), reads: Vec::new() }];
    Node {
        name: format!("s{id}"),
        path: format!("s{id}"),
        phase: 0,
        parent: None,
        line: id,
        slot: id,
        after: after.iter().map(|id| format!("s{id}")).collect(),
        optional: false,
        options: Options::new(),
        kind: NodeKind::Step(Step { callee, arguments, or: Vec::new(), undo: None }),
    }
}

fn definition(nodes: Vec<Node>) -> Definition {
    let slot = |(id, node): (u32, &Node)| SlotInfo {
        name: node.name.clone(),
        source: Source::Node(id),
        type_name: None,
    };
    Definition {
        name: "Random".to_owned(),
        description: String::new(),
        at: Location::new("here.rs", 1),
        options: Options::new(),
        phases: vec!["only".to_owned()],
        slots: (0..).zip(&nodes).map(slot).collect(),
        nodes,
        output: Expression { text: "()".to_owned(), reads: Vec::new() },
        output_type: "()".to_owned(),
    }
}

/// A graph by its edges, from a lower to a higher place of a shuffled order: acyclic by construction.
fn acyclic() -> impl Strategy<Value = Vec<BTreeSet<u32>>> {
    (1_u32..14).prop_flat_map(|nodes| {
        let order = Just((0..nodes).collect::<Vec<u32>>()).prop_shuffle();
        let edges = prop::collection::vec((0..nodes, 0..nodes), 0..30);
        (order, edges).prop_map(move |(order, edges)| {
            let mut after = vec![BTreeSet::new(); nodes as usize];
            for (one, other) in edges.into_iter().filter(|(one, other)| one != other) {
                let (low, high) = (one.min(other), one.max(other));
                after[order[high as usize] as usize].insert(order[low as usize]);
            }
            after
        })
    })
}

fn nodes(after: &[BTreeSet<u32>]) -> Vec<Node> {
    (0..).zip(after).map(|(id, after)| step(id, &after.iter().copied().collect::<Vec<_>>())).collect()
}

fn prints(registry: &Registry, definition: Definition) -> (Fingerprint, Vec<Fingerprint>) {
    let plan = registry.plan(definition).unwrap_or_else(|problems| panic!("{problems}"));
    (registry.fingerprint(&plan), registry.step_fingerprints(&plan).to_vec())
}

proptest! {
    #[test]
    fn every_acyclic_graph_is_a_plan_and_its_levels_respect_it(after in acyclic()) {
        let plan: Plan = registry().plan(definition(nodes(&after))).unwrap();
        for (node, after) in (0_u32..).zip(&after) {
            for earlier in after {
                prop_assert!(plan.levels().of(*earlier) < plan.levels().of(node));
            }
            let lowest = after.iter().map(|earlier| plan.levels().of(*earlier) + 1).max().unwrap_or(0);
            prop_assert_eq!(plan.levels().of(node), lowest);
        }
    }

    #[test]
    fn every_cycle_is_refused_and_told(mut after in acyclic(), around in 1_usize..8, start in any::<u32>()) {
        let count = after.len();
        let ring: Vec<u32> = (0..around.min(count)).map(|step| {
            u32::try_from((start as usize % count + step) % count).unwrap()
        }).collect();
        for (index, node) in ring.iter().enumerate() {
            after[*node as usize].insert(ring[(index + 1) % ring.len()]);
        }
        let problems = registry().plan(definition(nodes(&after))).unwrap_err();
        let cycles: Vec<&Problem> = problems.iter().filter(|problem| matches!(problem, Problem::Cycle { .. })).collect();
        prop_assert_eq!(cycles.len(), 1);
        let Problem::Cycle { path, .. } = cycles[0] else { unreachable!() };
        let path: Vec<u32> = path.split(" → ").map(|name| name[1..].parse().unwrap()).collect();
        prop_assert_eq!(path.first(), path.last());
        prop_assert!(path.len() > 1);
        for pair in path.windows(2) {
            prop_assert!(after[pair[1] as usize].contains(&pair[0]), "{} does not wait for {}", pair[1], pair[0]);
        }
    }

    #[test]
    fn what_does_not_change_the_meaning_does_not_change_the_fingerprint(after in acyclic(), seed in any::<u64>()) {
        let registry = registry();
        let (whole, steps) = prints(&registry, definition(nodes(&after)));
        // Another order in the source, other lines, other words, other options.
        let mut order: Vec<usize> = (0..after.len()).collect();
        order.sort_by_key(|place| (*place as u64).wrapping_mul(seed | 1).rotate_left(17));
        let mut shuffled: Vec<Node> = order.iter().map(|place| nodes(&after)[*place].clone()).collect();
        for (slot, node) in (0..).zip(&mut shuffled) {
            node.slot = slot;
            node.line += 100;
            node.options = Options::new().timeout(std::time::Duration::from_secs(seed % 100 + 1)).retry(Retry::new(3));
        }
        let mut changed = definition(shuffled);
        changed.description = "Other words.".to_owned();
        changed.phases = vec!["renamed".to_owned()];
        changed.at = Location::new("there.rs", 7);
        let (same_whole, same_steps) = prints(&registry, changed);
        prop_assert_eq!(whole, same_whole);
        for (place, step) in order.iter().zip(same_steps) {
            prop_assert_eq!(steps[*place], step);
        }
    }

    #[test]
    fn what_changes_the_meaning_changes_it_there_and_nowhere_else(after in acyclic(), at in any::<prop::sample::Index>(), change in 0..8) {
        let registry = registry();
        let before = nodes(&after);
        let (whole, steps) = prints(&registry, definition(before.clone()));
        let at = at.index(before.len());
        let mut changed = before;
        let node = &mut changed[at];
        let NodeKind::Step(step) = &mut node.kind else { unreachable!() };
        match change {
            0 => step.callee.name = "other".to_owned(),
            1 => step.arguments[0].text = "2".to_owned(),
            2 => step.arguments.clear(),
            3 => node.optional = true,
            4 => node.options = Options::new().version(2_u32),
            5 if !after[at].is_empty() => node.after.clear(),
            5 => step.arguments[0].reads.push(u32::try_from(at).unwrap()),
            6 => step.or.push(Callee { name: "other".to_owned(), path: "other".to_owned(), kind: CalleeKind::Agent }),
            _ => step.undo = Some(workflow_runtime::Undo { callee: step.callee.clone(), arguments: Vec::new() }),
        }
        let (other_whole, other_steps) = prints(&registry, definition(changed));
        prop_assert_ne!(whole, other_whole);
        for (place, (one, other)) in steps.iter().zip(&other_steps).enumerate() {
            prop_assert_eq!(one == other, place != at, "step {}", place);
        }
    }

    #[test]
    fn a_definition_from_anywhere_never_panics(after in acyclic(), slot in any::<u32>(), phase in any::<u32>(), parent in any::<Option<u32>>(), text in ".{0,10}") {
        let mut broken = definition(nodes(&after));
        broken.nodes[0].slot = slot;
        broken.nodes[0].phase = phase % 3;
        broken.nodes[0].parent = parent.map(|node| workflow_runtime::Place { node: node % 5, arm: workflow_runtime::Arm::Body });
        broken.output = Expression { text, reads: vec![slot % 5] };
        if let Ok(plan) = registry().plan(broken) {
            let _ = (plan.to_svg(), plan.to_mermaid(), plan.to_dot());
        }
    }
}

/// The fingerprints of a workflow as they are on every machine and in every build. A change here is a change that parks
/// the jobs of everybody; it must be meant.
#[test]
fn fingerprints_are_stable_across_builds_and_platforms() {
    use elsewhere::{Describe, agents};
    let registry =
        Registry::builder().agent::<agents::measure>().agent::<agents::describe>().workflow::<Describe>();
    let registry = registry.build().unwrap();
    let plan = registry.workflow("Describe").unwrap().plan();
    let steps: Vec<String> = registry.step_fingerprints(plan).iter().map(ToString::to_string).collect();
    assert_eq!(registry.fingerprint(plan).to_string(), "cf69c04abdde146c1f7c770358298eb6");
    assert_eq!(steps, ["f5c290775d929a9f332e54ea81ce8535", "30bfcc8d5a3acd4a265ad1a4ddaf2390"]);
}

/// A name, or the words of a comment, are no part of a type's meaning; a field is.
#[test]
fn schemas_count_by_what_they_accept() {
    let print = |schema: serde_json::Value| {
        let agent = AgentSpec::json("work", |input, _| async { Ok::<_, AgentError>(input) });
        let registry =
            Registry::builder().agent_spec(agent.input_schema(schema.to_string())).build().unwrap();
        prints(&registry, definition(vec![step(0, &[])])).1[0]
    };
    let plain = print(json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}));
    let told = print(
        json!({"title": "T", "required": ["a"], "properties": {"a": {"description": "d", "type": "string"}}, "type": "object"}),
    );
    let other = print(
        json!({"type": "object", "properties": {"a": {"type": "string", "minLength": 1}}, "required": ["a"]}),
    );
    assert_eq!(plain, told);
    assert_ne!(plain, other);
}

/// Nothing in planning is quadratic: this would take hours if it were.
#[test]
fn a_hundred_thousand_steps_can_be_planned() {
    let after = |id: u32| if id < 1_000 { Vec::new() } else { vec![id - 1_000, id - 1_000 + id % 7] };
    let nodes = (0..100_000).map(|id| step(id, &after(id))).collect();
    let registry = registry();
    let plan = registry.plan(definition(nodes)).unwrap();
    assert_eq!(plan.graph().node_count(), 100_000);
    assert_eq!(registry.step_fingerprints(&plan).len(), 100_000);
}
