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
    bench("compile", "compiling many definitions", &["bench", "-p", "workflow-tests", "--bench", "compile"]),
];

const fn bench(name: &'static str, does: &'static str, arguments: &'static [&'static str]) -> Step {
    Step { name, does, work: Work::Run(Invocation::cargo(arguments)) }
}
