//! Dead letters: where a job failed, with what input, and how another goes on from there.

use std::sync::Arc;

use serde_json::Value as Json;

use super::core::Engine;
use super::job::Job;
use super::rerun::Unrepeatable;
use crate::failure::Failure;
use crate::job_id::JobId;
use crate::machine::{Kind, Machine, Unfit};
use crate::program::Place;
use crate::record::{Fact, Line, Record, Submission, TaskId};
use crate::state::JobState;
use crate::store::Head;
use crate::value::Value;

/// Where a job failed.
#[derive(Debug)]
pub(crate) struct Spot {
    /// The task whose failure is the job's, if it is that of one.
    pub(crate) task: Option<TaskId>,
    /// The number of the record that says so.
    pub(crate) number: usize,
    pub(crate) failure: Arc<Failure>,
}

impl Spot {
    /// Where the job of this journal failed, if it did.
    pub(crate) fn of(lines: &[Line]) -> Option<Self> {
        let last = lines.last()?;
        let Fact::JobFailed { failure } = &last.record.fact else { return None };
        let found = lines.iter().enumerate().find_map(|(number, line)| match &line.record.fact {
            Fact::Failed { task, failure: own } | Fact::Returned { task, failure: Some(own), .. }
                if is_same(own, failure) =>
            {
                Some((Some(*task), number))
            }
            Fact::Stopped { .. } => Some((None, number)),
            _ => None,
        });
        let (task, number) = found.unwrap_or((None, lines.len() - 1));
        Some(Self { task, number, failure: Arc::clone(failure) })
    }
}

/// Whether two failures are one, whatever went wrong when it was taken back.
fn is_same(one: &Failure, other: &Failure) -> bool {
    let of = |failure: &Failure| (failure.kind, failure.job, failure.attempt);
    of(one) == of(other) && one.step == other.step && one.message == other.message
}

/// What was asked for, by a journal.
pub(crate) fn submission_of(lines: &[Line]) -> Option<&Arc<Submission>> {
    match &lines.first()?.record.fact {
        Fact::Submitted { submission } => Some(submission),
        _ => None,
    }
}

impl Engine {
    /// A journal with this program's numbers of tasks, and where the job failed.
    ///
    /// # Errors
    /// When the journal does not fit this program.
    fn failed_here(&self, lines: &[Line]) -> Result<(Vec<Line>, Option<Spot>), Unfit> {
        let records = self.read(lines)?.resumed.records;
        let own = |(line, record): (&Line, Record)| Line { record, ..line.clone() };
        let mut all: Vec<Line> = lines[..1].to_vec();
        all.extend(lines[1..].iter().zip(records).map(own));
        let spot = Spot::of(&all);
        Ok((all, spot))
    }

    /// The input that the task that failed was given when it last began, as JSON.
    ///
    /// # Errors
    /// When it cannot be made anew: says why.
    pub(crate) fn input_then(&self, lines: &[Line]) -> Result<Option<Json>, String> {
        let (lines, spot) = self.failed_here(lines).map_err(|unfit| unfit.to_string())?;
        let Some((task, number)) = spot.and_then(|spot| Some((spot.task?, spot.number))) else {
            return Ok(None);
        };
        let begins = |line: &Line| match line.record.fact {
            Fact::Started { task: own, .. } | Fact::Called { task: own, .. } => own == task,
            _ => false,
        };
        let given = |line: &Line| match &line.record.fact {
            Fact::Given { task: own, input } if *own == task => Some(input.json()),
            _ => None,
        };
        let until = &lines[..number];
        if let Some(given) = until.iter().rev().find_map(given) {
            return given.map(Some).map_err(|error| error.to_string());
        }
        let before = until.iter().rposition(begins).unwrap_or(number);
        let then = self.read(&lines[..before.max(1)]).map_err(|unfit| unfit.to_string())?;
        let (submission, machine) = (then.submission, then.resumed.machine);
        let work = self.work_of_submission(&submission).map_err(|unfit| unfit.to_string())?;
        let job = Job::new(submission.id, work, Some(Box::new(submission.options.clone())), false);
        let value = match self.place_of(&job, &machine, task) {
            Some(Place::Agent(agent)) => {
                let input =
                    self.input_of(&job, &machine, task, agent).map_err(|failure| failure.to_string())?;
                Value::Typed(input, self.agent(agent).spec.input.codec)
            }
            Some(Place::Workflow(_)) => {
                self.child_of(&job, &machine, task).map_err(|failure| failure.to_string())?.1
            }
            None => return Ok(None),
        };
        value.json().map(Some).map_err(|error| error.to_string())
    }

    /// The journal of a new job that goes on where another failed, with all that was done before.
    pub(crate) fn journal_before_failure(
        &self,
        id: JobId,
        lines: &[Line],
        input: Option<Json>,
    ) -> Result<Vec<Record>, Unrepeatable> {
        let (lines, spot) = self.failed_here(lines).map_err(Unrepeatable::Misfit)?;
        let whole = self.read(&lines).map_err(Unrepeatable::Misfit)?;
        let (submission, whole) = (whole.submission, whole.resumed.machine);
        if whole.tasks().iter().any(|task| task.kind == Kind::Undo && task.state.was_done()) {
            return Err(Unrepeatable::TakenBack);
        }
        let (task, number) = spot.map_or((None, lines.len()), |spot| (spot.task, spot.number));
        if let Some(task) = task.filter(|task| is_entangled(&whole, &lines, *task)) {
            return self.journal_until(id, &lines, &whole.path(task), input);
        }
        let is_kept = |fact: &Fact| match fact {
            Fact::Paused | Fact::Resumed => false,
            Fact::Given { .. } => input.is_none() || fact.task() != task,
            fact => fact.task().is_none() || fact.task() != task,
        };
        let before = lines.iter().take(number).skip(1).filter(|line| is_kept(&line.record.fact));
        let mut kept: Vec<Line> = lines[..1].to_vec();
        kept.extend(before.cloned());
        let machine = self.read(&kept).map_err(Unrepeatable::Misfit)?.resumed.machine;
        // All of it counts from now on, so that no time is up at once; and all of it is of this program.
        let at = self.clock.now();
        let is_of_plan = |fact: &Fact| matches!(fact, Fact::Replanned { .. });
        let facts = kept.into_iter().skip(1).map(|line| line.record.fact).filter(|fact| !is_of_plan(fact));
        let mut records = vec![self.again(id, &submission)];
        records.extend(facts.map(|fact| Record { at, fact }));
        let calling = machine.calling().into_iter().map(|(task, _)| task);
        let lost = machine.lost().into_iter().chain(calling);
        records.extend(lost.map(|task| Record { at, fact: Fact::Lost { task, killed: false } }));
        if let Some(input) = input {
            let nothing = || Unrepeatable::BadInput {
                name: id.to_string(),
                problem: "no step of it failed, that could be given another input".to_owned(),
            };
            let task = task.ok_or_else(nothing)?;
            self.check_given(&machine, task, input.clone())?;
            records.push(Record { at, fact: Fact::Given { task, input: Value::from(input) } });
        }
        Ok(records)
    }

    /// A job in memory: what lists show of it, and its journal with the steps that it is about.
    pub(crate) fn lines_in_memory(&self, id: JobId) -> Option<(Head, Vec<Line>)> {
        let job = self.index.get(id)?;
        Some((self.head(&job), self.lines(&job)))
    }

    /// Settles a dead letter in memory; says whether it was one.
    pub(crate) fn settle_here(&self, id: JobId) -> bool {
        let Some(job) = self.index.get(id).filter(|job| job.options().parent.is_none()) else { return false };
        let mut inner = job.lock();
        let is_dead = matches!(inner.state(), JobState::Failed | JobState::Expired);
        is_dead && !std::mem::replace(&mut inner.live().settled, true)
    }
}

/// Whether other tasks hang on the records of this one, so that it cannot be left out alone.
fn is_entangled(machine: &Machine, lines: &[Line], task: TaskId) -> bool {
    let is_form = machine.task(task).is_some_and(|task| task.kind == Kind::Form);
    let made = |line: &Line| matches!(line.record.fact, Fact::Spawned { parent, .. } if parent == Some(task));
    is_form || lines.iter().any(made)
}
