//! The bench programs.

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
    bench("store", "writing journals to a file", &["bench", "-p", "workflow-tests", "--bench", "store"]),
    bench("compile", "compiling many definitions", &["bench", "-p", "workflow-tests", "--bench", "compile"]),
];

/// The long simulation.
pub(crate) const SIMULATION: Step = Step {
    name: "simulate",
    does: "random workflows keep the laws, a million jobs of them",
    work: Work::Run(Invocation::cargo(&["run", "--release", "-p", "workflow-tests", "--bin", "simulate"])),
};

const fn bench(name: &'static str, does: &'static str, arguments: &'static [&'static str]) -> Step {
    Step { name, does, work: Work::Run(Invocation::cargo(arguments)) }
}
