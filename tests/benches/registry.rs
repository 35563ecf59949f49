//! What a program of many agents pays when it starts: collecting and checking 10, 1,000 and 10,000 registrations.

use std::fmt::Write as _;
use std::time::Duration;

use workflow_tests::bench::{Project, median};

const RUNS: usize = 9;

fn main() {
    println!("start-up of a program with N agents, release build; medians of {RUNS} starts");
    println!("| N | iterate (floor) | collect and check | ratio | one more |");
    for agents in [10, 1_000, 10_000] {
        let project = Project::new(&format!("bench_registry_{agents}"), "main.rs", &program(agents));
        project.cargo("build --release");
        let (mut floor, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            let said = project.run_release();
            let times: Vec<u64> = said.split_whitespace().filter_map(|word| word.parse().ok()).collect();
            let [found, first, second] = times.as_slice() else { panic!("the program said {said:?}") };
            assert_eq!(*found, agents);
            floor.push(Duration::from_nanos(*first));
            ours.push(Duration::from_nanos(*second));
        }
        let (floor, ours) = (median(floor), median(ours));
        let each = ours / u32::try_from(agents).expect("a small number");
        println!(
            "| {agents} | {floor:.2?} | {ours:.2?} | {:.1} | {each:.2?} |",
            ours.as_secs_f64() / floor.as_secs_f64()
        );
    }
}

/// Says how many agents it found, how many nanoseconds it took to count them, and how many to collect and check them.
fn program(agents: u64) -> String {
    let mut source = "
use std::time::Instant;
use workflow_runtime::prelude::*;
use workflow_runtime::{Registry, registered};

fn main() {
    let start = Instant::now();
    let found = registered();
    let counted = start.elapsed().as_nanos();
    let start = Instant::now();
    let registry = Registry::collect().expect(\"nothing is wrong\");
    let collected = start.elapsed().as_nanos();
    assert_eq!(registry.agents().len(), found);
    println!(\"{found} {counted} {collected}\");
}
"
    .to_owned();
    for agent in 0..agents {
        let _ = writeln!(
            source,
            "#[task_agent(queue = \"q\")] async fn agent{agent}(number: u32) -> u32 {{ number + {agent} }}"
        );
    }
    source
}
