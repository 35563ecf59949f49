//! The steps of the test run, and how steps are run.

use std::time::Instant;

use crate::chromium::Chromium;
use crate::invocation::Invocation;
use crate::needs::{self, Need};
use crate::postgres::Postgres;
use crate::python::Python;
use crate::summary::{Outcome, Row, Summary};
use crate::toolchain::{Compiler, Components};

/// The whole test run, in order.
pub(crate) const TEST: &[Step] = &[
    DOCTOR,
    Step {
        name: "format",
        does: "every file is formatted",
        work: Work::Run(Invocation::cargo(&["fmt", "--all", "--check"])),
    },
    Step {
        name: "clippy",
        does: "no warnings from the compiler or clippy, in any target",
        work: Work::Run(Invocation::cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--all-features",
            "--",
            "-D",
            "warnings",
        ])),
    },
    Step {
        name: "bare",
        does: "no warnings where no feature is asked for",
        work: Work::Run(Invocation::cargo(&[
            "clippy",
            "-p",
            "workflow-runtime",
            "--no-default-features",
            "--",
            "-D",
            "warnings",
        ])),
    },
    Step {
        name: "http alone",
        does: "the API and the dashboard need no other feature",
        work: Work::Run(Invocation::cargo(&[
            "clippy",
            "-p",
            "workflow-runtime",
            "--no-default-features",
            "--features",
            "http",
            "--",
            "-D",
            "warnings",
        ])),
    },
    Step {
        name: "cli alone",
        does: "the command line needs no other feature",
        work: Work::Run(Invocation::cargo(&[
            "clippy",
            "-p",
            "workflow-runtime",
            "--no-default-features",
            "--features",
            "cli",
            "--",
            "-D",
            "warnings",
        ])),
    },
    Step {
        name: "mcp alone",
        does: "tools for others need no other feature",
        work: Work::Run(Invocation::cargo(&[
            "clippy",
            "-p",
            "workflow-runtime",
            "--no-default-features",
            "--features",
            "mcp",
            "--",
            "-D",
            "warnings",
        ])),
    },
    Step {
        name: "agents bare",
        does: "no warnings where no agent is asked for",
        work: Work::Run(Invocation::cargo(&["clippy", "-p", "workflow-agents", "--", "-D", "warnings"])),
    },
    Step {
        name: "docs",
        does: "the documentation builds without warnings",
        work: Work::Run(
            Invocation::cargo(&["doc", "--workspace", "--no-deps", "--all-features"])
                .with("RUSTDOCFLAGS", "-D warnings"),
        ),
    },
    Step {
        name: "tests",
        does: "every test passes: unit, integration and documentation",
        work: Work::Run(Invocation::cargo(&["test", "--workspace", "--all-features"])),
    },
];

/// What the test run begins with, also a command of its own.
pub(crate) const DOCTOR: Step = Step {
    name: "doctor",
    does: "what the other steps need is there",
    work: Work::Meet {
        needs: &[&Compiler, &Components, &Postgres, &Chromium, &Python],
        again: "cargo xtask doctor",
    },
};

/// One thing that passes or fails.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) does: &'static str,
    pub(crate) work: Work,
}

/// What a step does.
pub(crate) enum Work {
    Run(Invocation),
    Meet { needs: &'static [&'static dyn Need], again: &'static str },
}

impl Step {
    pub(crate) fn perform(&self) -> Result<(), String> {
        match &self.work {
            Work::Run(invocation) => invocation.run(),
            Work::Meet { needs, .. } => needs::meet(needs),
        }
    }

    /// The command that runs this step alone.
    fn again(&self) -> String {
        match &self.work {
            Work::Run(invocation) => invocation.to_string(),
            Work::Meet { again, .. } => (*again).to_owned(),
        }
    }
}

/// Runs steps in order, announcing each; unless it is to keep going, none after the first that fails.
pub(crate) fn run(
    steps: &[&Step],
    keep_going: bool,
    perform: impl Fn(&Step) -> Result<(), String>,
) -> Summary {
    let mut rows: Vec<Row> = Vec::new();
    for step in steps {
        let failed = rows.iter().any(Row::failed);
        let outcome = if failed && !keep_going { Outcome::NotRun } else { announced(step, &perform) };
        rows.push(Row { name: step.name, outcome });
    }
    Summary { rows }
}

fn announced(step: &Step, perform: impl Fn(&Step) -> Result<(), String>) -> Outcome {
    println!("==> {}: {} ({})", step.name, step.does, step.again());
    let start = Instant::now();
    let result = perform(step);
    let took = start.elapsed();
    let outcome = match result {
        Ok(()) => Outcome::Passed(took),
        Err(problem) => Outcome::Failed { took, problem, again: step.again() },
    };
    println!("<== {} {outcome}", step.name);
    outcome
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// The steps that ran, and whether all went well, when those named in `broken` fail.
    fn ran(keep_going: bool, broken: &[&str]) -> (Vec<&'static str>, bool) {
        let names = RefCell::new(Vec::new());
        let steps: Vec<&Step> = TEST.iter().collect();
        let summary = run(&steps, keep_going, |step| {
            names.borrow_mut().push(step.name);
            if broken.contains(&step.name) { Err("broken".into()) } else { Ok(()) }
        });
        (names.into_inner(), summary.succeeded())
    }

    fn all() -> Vec<&'static str> {
        TEST.iter().map(|step| step.name).collect()
    }

    #[test]
    fn runs_everything_in_order() {
        assert_eq!(ran(false, &[]), (all(), true));
    }

    #[test]
    fn stops_at_the_first_failure() {
        assert_eq!(ran(false, &["format", "docs"]), (vec!["doctor", "format"], false));
    }

    #[test]
    fn keeps_going_when_told() {
        assert_eq!(ran(true, &["format", "docs"]), (all(), false));
    }

    #[test]
    fn steps_name_the_command_that_runs_them_again() {
        let again: Vec<String> = TEST.iter().map(Step::again).collect();
        assert_eq!(
            again,
            [
                "cargo xtask doctor",
                "cargo fmt --all --check",
                "cargo clippy --workspace --all-targets --all-features -- -D warnings",
                "cargo clippy -p workflow-runtime --no-default-features -- -D warnings",
                "cargo clippy -p workflow-runtime --no-default-features --features http -- -D warnings",
                "cargo clippy -p workflow-runtime --no-default-features --features cli -- -D warnings",
                "cargo clippy -p workflow-runtime --no-default-features --features mcp -- -D warnings",
                "cargo clippy -p workflow-agents -- -D warnings",
                "RUSTDOCFLAGS=\"-D warnings\" cargo doc --workspace --no-deps --all-features",
                "cargo test --workspace --all-features",
            ]
        );
    }
}
