//! A job's journal, read by a program.

use std::sync::Arc;

use crate::fingerprint::Fingerprint;
use crate::machine::{Illegal, Resumed, Shape, Unfit, resume};
use crate::program::{Place, Program};
use crate::record::{Fact, Line, RECORD_VERSION, Record, Spawn, Submission, Target, Work};
use crate::registry::Registry;
use crate::upgrade::Plans;

/// Reads journals for a program.
pub(crate) struct Reader<'a> {
    pub(crate) registry: &'a Registry,
    /// Its workflows, ready to run.
    pub(crate) program: &'a dyn Fn(u32) -> Arc<Program>,
    pub(crate) plans: &'a Plans,
}

/// A job, as this program reads its journal.
pub(crate) struct Restored {
    pub(crate) submission: Arc<Submission>,
    pub(crate) resumed: Resumed,
    /// What that means in this program, if it is not what it meant in the one that wrote the journal last.
    pub(crate) replan: Option<Fingerprint>,
}

impl Reader<'_> {
    /// Reads a journal.
    ///
    /// # Errors
    /// When this program could not have written it.
    pub(crate) fn read(&self, journal: &[Line]) -> Result<Restored, Unfit> {
        let (submission, lines) = begin(journal)?;
        let (place, shape) = self.shape(submission)?;
        let own = place.map(|place| place.means(self.registry));
        let is_over = lines.last().is_some_and(|line| {
            matches!(line.record.fact, Fact::JobSucceeded { .. } | Fact::JobFailed { .. })
        });
        let compare = |old: Fingerprint| match place.zip(own) {
            // What is over is looked at, not gone on with.
            Some((place, own)) if own != old && !is_over => {
                self.plans.changes(old, own, || place.sketch(self.registry))
            }
            _ => Ok(Arc::default()),
        };
        if let (Some(place), Some(_), false) =
            (place, submission.options.plan.filter(|plan| Some(*plan) != own), is_over)
        {
            self.admit(place, submission)?;
        }
        let resumed = resume(shape, &submission.options, lines, &compare)?;
        let is_there = |target: &Target| Place::find(self.registry, &target.name, target.kind).is_some();
        if let Some(unfit) = resumed.machine.calls_nothing(is_there).filter(|_| !is_over) {
            return Err(unfit);
        }
        let replan = own.filter(|own| resumed.plan != Some(*own));
        Ok(Restored { submission: Arc::clone(submission), resumed, replan })
    }

    fn shape(&self, submission: &Submission) -> Result<(Option<Place>, Shape), Unfit> {
        let (callee, input) = match &submission.work {
            Work::Tasks(tasks) => return Ok((None, Shape::Tasks(Arc::clone(tasks)))),
            Work::Call { callee, input } => (callee, input),
        };
        let place = Place::find(self.registry, &callee.name, callee.kind)
            .ok_or_else(|| Unfit::whole(format!("there is no `{}` in this program", callee.name)))?;
        let shape = match place {
            Place::Workflow(workflow) => {
                let program = (self.program)(workflow);
                let input = input.typed(program.code.input.codec);
                let input = input.map_err(|error| Unfit::whole(unreadable(&callee.name, &error)))?;
                Shape::Workflow(program, input)
            }
            Place::Agent(_) => {
                let spawn = Spawn::of_job(callee.clone(), input.clone(), &submission.options);
                Shape::Single(Arc::new(spawn))
            }
        };
        Ok((Some(place), shape))
    }

    /// The input must be one that this program would take, too.
    fn admit(&self, place: Place, submission: &Submission) -> Result<(), Unfit> {
        let Work::Call { callee, input } = &submission.work else { return Ok(()) };
        let json = input.json().map_err(|error| Unfit::whole(unreadable(&callee.name, &error)))?;
        place.admit(self.registry, json).map_err(|error| Unfit::whole(unreadable(&callee.name, &error)))
    }
}

fn unreadable(callee: &str, error: &dyn std::fmt::Display) -> String {
    format!("its input is not one of `{callee}` in this program: {error}")
}

/// The first record of a journal, and the lines after it.
///
/// # Errors
/// When it does not begin with what was submitted, or is of a newer version.
pub(crate) fn begin(journal: &[Line]) -> Result<(&Arc<Submission>, &[Line]), Unfit> {
    let Some((Line { record: Record { fact: Fact::Submitted { submission }, .. }, .. }, lines)) =
        journal.split_first()
    else {
        return Err(Unfit::whole(Illegal::Submission.to_string()));
    };
    match submission.version {
        version if version > RECORD_VERSION => Err(Unfit::whole(format!(
            "its records are of version {version}, and this program knows {RECORD_VERSION}"
        ))),
        _ => Ok((submission, lines)),
    }
}
