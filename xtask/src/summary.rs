//! How a run went.

use std::fmt;
use std::time::Duration;

/// How each step of a run went, in order.
pub(crate) struct Summary {
    pub(crate) rows: Vec<Row>,
}

pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) outcome: Outcome,
}

pub(crate) enum Outcome {
    Passed(Duration),
    Failed { took: Duration, problem: String, again: String },
    NotRun,
}

impl Row {
    pub(crate) fn failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed { .. })
    }
}

impl Summary {
    pub(crate) fn succeeded(&self) -> bool {
        self.rows.iter().all(|row| matches!(row.outcome, Outcome::Passed(_)))
    }

    fn count(&self, counts: impl Fn(&Outcome) -> bool) -> usize {
        self.rows.iter().filter(|row| counts(&row.outcome)).count()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, took) = match self {
            Outcome::Passed(took) => ("passed", took),
            Outcome::Failed { took, .. } => ("FAILED", took),
            Outcome::NotRun => return f.write_str("not run"),
        };
        write!(f, "{word} in {:.1} s", took.as_secs_f64())
    }
}

/// A table, then what failed and how to run it again, then the count.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|row| row.name.len()).max().unwrap_or_default();
        for Row { name, outcome } in &self.rows {
            writeln!(f, "{name:width$}  {outcome}")?;
        }
        for Row { name, outcome } in &self.rows {
            if let Outcome::Failed { problem, again, .. } = outcome {
                writeln!(f, "\nstep `{name}` failed: {problem}\nrun it again: {again}")?;
            }
        }
        let passed = self.count(|outcome| matches!(outcome, Outcome::Passed(_)));
        let failed = self.count(|outcome| matches!(outcome, Outcome::Failed { .. }));
        let steps = if passed == 1 { "step" } else { "steps" };
        write!(f, "\n{passed} {steps} passed, {failed} failed")?;
        match self.count(|outcome| matches!(outcome, Outcome::NotRun)) {
            0 => Ok(()),
            skipped => write!(f, ", {skipped} not run"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(name: &'static str, seconds: u64) -> Row {
        Row { name, outcome: Outcome::Passed(Duration::from_secs(seconds)) }
    }

    #[test]
    fn all_is_well() {
        let summary = Summary { rows: vec![passed("format", 1), passed("docs", 20)] };
        assert!(summary.succeeded());
        assert_eq!(
            summary.to_string(),
            "format  passed in 1.0 s\ndocs    passed in 20.0 s\n\n2 steps passed, 0 failed"
        );
    }

    #[test]
    fn failures_say_how_to_run_them_again() {
        let outcome = Outcome::Failed {
            took: Duration::from_millis(1250),
            problem: "it ended with exit status: 1".to_owned(),
            again: "cargo fmt --all --check".to_owned(),
        };
        let rows = vec![
            passed("doctor", 0),
            Row { name: "format", outcome },
            Row { name: "docs", outcome: Outcome::NotRun },
        ];
        let summary = Summary { rows };
        assert!(!summary.succeeded());
        assert_eq!(
            summary.to_string(),
            "\
doctor  passed in 0.0 s
format  FAILED in 1.2 s
docs    not run

step `format` failed: it ended with exit status: 1
run it again: cargo fmt --all --check

1 step passed, 1 failed, 1 not run"
        );
    }
}
