//! The bench programs, and the long tests.

use crate::invocation::Invocation;
use crate::steps::{Step, Work};

/// Every bench program, by the name it is asked for.
pub(crate) const BENCHES: &[Step] = &[
    bench("levels", "levels of large graphs", &["bench", "-p", "workflow-graph", "--bench", "levels"]),
    bench(
        "registry",
        "collecting many definitions",
        &["bench", "-p", "workflow-tests", "--bench", "registry"],
    ),
    bench(
        "engine",
        "steps, fans, graphs and latency in memory",
        &["bench", "-p", "workflow-tests", "--bench", "engine"],
    ),
    bench(
        "pending",
        "what a task costs while it waits",
        &["bench", "-p", "workflow-tests", "--bench", "pending"],
    ),
    bench("durable", "jobs in a file", &["bench", "-p", "workflow-tests", "--bench", "durable"]),
    bench("postgres", "jobs in PostgreSQL", &["bench", "-p", "workflow-tests", "--bench", "postgres"]),
    bench(
        "big",
        "a big database, and several processes",
        &["bench", "-p", "workflow-tests", "--bench", "big"],
    ),
    bench(
        "dashboard",
        "what those who look cost",
        &["bench", "-p", "workflow-tests", "--bench", "dashboard"],
    ),
    bench(
        "features",
        "crates and cold builds of each feature",
        &["bench", "-p", "workflow-tests", "--bench", "features"],
    ),
    bench("store", "writing journals to a file", &["bench", "-p", "workflow-tests", "--bench", "store"]),
    bench("compile", "compiling many definitions", &["bench", "-p", "workflow-tests", "--bench", "compile"]),
];

/// The long simulation.
pub(crate) const SIMULATION: Step = Step {
    name: "simulate",
    does: "random workflows keep the laws, a million jobs of them",
    work: Work::Run(Invocation::cargo(&["run", "--release", "-p", "workflow-tests", "--bin", "simulate"])),
};

/// What the long tests with processes and disks run.
pub(crate) const PROGRAMS: Step = Step {
    name: "programs",
    does: "the programs of the long tests are built",
    work: Work::Run(Invocation::cargo(&["build", "--release", "-p", "workflow-tests", "--bins"])),
};

/// The long killing.
pub(crate) fn killing(rounds: u64, seed: u64) -> Step {
    let does = "a process that is killed at random keeps its promises";
    Step { name: "kill", does, work: Work::Run(long("kill", [rounds, seed])) }
}

/// The long voyage.
pub(crate) fn fleet(rounds: u64, seed: u64) -> Step {
    let does = "processes on one database keep their promises, whatever happens to them";
    Step { name: "fleet", does, work: Work::Run(long("fleet", [rounds, seed])) }
}

/// Every power cut.
pub(crate) fn cutting(seed: u64, rounds: u64) -> Step {
    let does = "a runtime whose disk loses its power keeps its promises";
    Step { name: "cut", does, work: Work::Run(long("cut", [seed, rounds])) }
}

fn long(program: &'static str, numbers: [u64; 2]) -> Invocation {
    let usual = Invocation::cargo(&["run", "--release", "-p", "workflow-tests", "--bin"]);
    let more = [program.to_owned(), "--".to_owned()].into_iter();
    usual.and(more.chain(numbers.map(|number| number.to_string())))
}

const fn bench(name: &'static str, does: &'static str, arguments: &'static [&'static str]) -> Step {
    Step { name, does, work: Work::Run(Invocation::cargo(arguments)) }
}
