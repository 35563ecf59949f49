//! Jobs that are run again from a step on, or that go on here though they were begun elsewhere: what came before is kept.

use std::sync::Arc;

use serde_json::Value as Json;

use super::core::Engine;
use super::event::Event;
use super::job::{Job, JobWork, Live};
use super::keep::Unkept;
use crate::failure::{Failure, FailureKind};
use crate::job_id::JobId;
use crate::machine::{Machine, Unfit};
use crate::program::Place;
use crate::record::{Fact, JobOptions, Line, Record, Submission, TaskId, Work};
use crate::upgrade::{Reader, Restored, begin};
use crate::value::Value;

/// Why a job cannot be run again from a step.
#[derive(Debug)]
pub(crate) enum Unrepeatable {
    /// It never came to a step of this path.
    NoStep(Vec<String>),
    /// What its steps did was taken back.
    TakenBack,
    /// What came before the step does not fit this program.
    Misfit(Unfit),
    /// The input that was given for the step is not one of what it calls.
    BadInput { name: String, problem: String },
}

impl Engine {
    /// The journal of a new job that does what another did, up to the moment at which a step of it began.
    pub(crate) fn journal_until(
        &self,
        id: JobId,
        journal: &[Line],
        step: &str,
        input: Option<Json>,
    ) -> Result<Vec<Record>, Unrepeatable> {
        let (submission, lines) = begin(journal).map_err(Unrepeatable::Misfit)?;
        let is_step = |line: &Line| line.record.fact.task().is_some() && line.step.as_deref() == Some(step);
        let Some(number) = lines.iter().position(is_step) else {
            return Err(Unrepeatable::NoStep(paths(lines)));
        };
        if is_taken_back(lines) {
            return Err(Unrepeatable::TakenBack);
        }
        let is_kept = |line: &&Line| !matches!(line.record.fact, Fact::Paused | Fact::Resumed);
        let before: Vec<Line> = journal[..=number].iter().filter(is_kept).cloned().collect();
        let Restored { resumed, .. } = self.read(&before).map_err(Unrepeatable::Misfit)?;
        let (machine, records) = (resumed.machine, resumed.records);
        let is_of_plan = |record: &Record| matches!(record.fact, Fact::Replanned { .. });
        let mut kept = vec![self.again(id, submission)];
        kept.extend(records.into_iter().filter(|record| !is_of_plan(record)));
        // What ran at that moment runs again, beside the step.
        let at = self.clock.now();
        let calling = machine.calling().into_iter().map(|(task, _)| task);
        let running: Vec<TaskId> = machine.lost().into_iter().chain(calling).collect();
        kept.extend(running.into_iter().map(|task| Record { at, fact: Fact::Lost { task, killed: false } }));
        if let Some(input) = input {
            let task =
                (0..).zip(machine.tasks()).map(|(task, _)| task).find(|task| machine.path(*task) == step);
            let task = task.ok_or_else(|| Unrepeatable::NoStep(all_paths(&machine)))?;
            self.check_given(&machine, task, input.clone())?;
            kept.push(Record { at, fact: Fact::Given { task, input: Value::from(input) } });
        }
        Ok(kept)
    }

    /// Whether an input is one of what a task calls.
    pub(super) fn check_given(
        &self,
        machine: &Machine,
        task: TaskId,
        input: Json,
    ) -> Result<(), Unrepeatable> {
        let made = || {
            let callee = &machine.spawn(task)?.callee;
            Place::find(&self.registry, &callee.name, callee.kind)
        };
        let place = machine.call(task).map(|call| call.place).or_else(made);
        let wrong = |name: String, problem: String| Unrepeatable::BadInput { name, problem };
        let Some(place) = place else {
            let problem = "it takes none: it is no call of an agent or a workflow".to_owned();
            return Err(wrong(machine.path(task), problem));
        };
        let name = || self.target_of(place).name.into_owned();
        place.admit(&self.registry, input).map_err(|error| wrong(name(), error.to_string()))
    }

    /// Reads a journal for this program.
    ///
    /// # Errors
    /// When this program could not have written it.
    pub(super) fn read(&self, journal: &[Line]) -> Result<Restored, Unfit> {
        let program = |workflow| Arc::clone(self.program(workflow));
        Reader { registry: &self.registry, program: &program, plans: &self.plans }.read(journal)
    }

    /// The first record of a job that runs what another ran.
    pub(crate) fn again(&self, id: JobId, old: &Submission) -> Record {
        let plan = self.work_of_submission(old).ok().and_then(|work| self.place_of_work(&work));
        let plan = plan.map(|place| place.means(&self.registry));
        let fresh =
            JobOptions { not_before: None, deadline: None, parent: None, once: None, ..old.options.clone() };
        let options = JobOptions { again: Some(old.id), plan, ..fresh };
        let submission = Submission { id, options, ..old.clone() };
        Record { at: self.clock.now(), fact: Fact::Submitted { submission: Arc::new(submission) } }
    }

    /// Takes in a job of which there is a journal already, and lets it go on, if it is not over; waits until it is
    /// written. It may come in the place of a dead letter, and only while that is one.
    pub(crate) async fn begin_from(
        self: &Arc<Self>,
        journal: &[Line],
        settles: Option<JobId>,
    ) -> Result<Arc<Job>, Unrun> {
        let job = self.restore(journal, None).map_err(Unrun::Misfit)?;
        self.count_submitted(&job);
        if self.scribe.is_none() {
            if settles.is_some_and(|letter| !self.settle_here(letter)) {
                self.abandon(&job, Failure::new(FailureKind::Unrunnable, "the dead letter is none any more"));
                return Err(Unrun::Unkept(Unkept::Settled));
            }
            self.go_on(&job);
            return Ok(job);
        }
        {
            let mut inner = job.lock();
            inner.stored.count = 0;
            let live = inner.live();
            live.settles = settles;
            let unwritten = live.lines.get_or_insert_default();
            let first = journal.first().map(|line| &line.record);
            for (record, line) in first.into_iter().chain(&live.journal).zip(journal) {
                let paths = live.machine.as_ref().map(|machine| machine.paths_of(&record.fact));
                let (step, after) =
                    paths.unwrap_or_else(|| (line.step.as_deref().map(str::to_owned), line.after.clone()));
                unwritten.add(record, step.as_deref(), &after).map_err(Unrun::Unwritable)?;
            }
        }
        if job.lock_state().is_over() {
            return self.keep_over(job).await;
        }
        self.begin_job_by(&job, |told| {
            let must_drive = {
                let mut inner = job.lock();
                // That comes before all that it goes on with, which may be its end.
                inner.live().inbox.push_front(Event::Accepted(Some(told)));
                !std::mem::replace(&mut inner.driving, true)
            };
            self.go_on(&job);
            if must_drive {
                self.executor.spawn(Arc::clone(self).drive_on(Arc::clone(&job)));
            }
        })
        .await
        .map_err(Unrun::Unkept)?;
        Ok(job)
    }

    /// Has a job written that is over already.
    async fn keep_over(self: &Arc<Self>, job: Arc<Job>) -> Result<Arc<Job>, Unrun> {
        let entry = job.lock().entry(self, &job);
        match self.write_new(std::slice::from_ref(&job), entry.into_iter().collect()).await {
            Ok(()) if self.index.get(job.id).is_some() => Ok(job),
            Ok(()) => Err(Unrun::Unkept(Unkept::Taken(job.id))),
            Err(unkept) => Err(Unrun::Unkept(unkept)),
        }
    }

    /// What a submission asks to be run.
    pub(super) fn work_of_submission(&self, submission: &Submission) -> Result<JobWork, Unfit> {
        match &submission.work {
            Work::Call { callee, input } => match Place::find(&self.registry, &callee.name, callee.kind) {
                Some(place) => Ok(JobWork::Call(place, input.clone())),
                None => Err(Unfit::whole(format!("there is no `{}` in this program", callee.name))),
            },
            Work::Tasks(tasks) => Ok(JobWork::Tasks(Arc::clone(tasks))),
        }
    }

    /// What a job's journal holds, each record with the step it is about; of what is written.
    pub(crate) fn lines(&self, job: &Job) -> Vec<Line> {
        let first = Line::bare(self.first_record(job));
        let inner = job.lock();
        let Some(live) = inner.live_ref() else { return vec![first] };
        std::iter::once(first).chain(live.lines(live.written())).collect()
    }

    /// The same from one on, so many at most.
    #[cfg(feature = "http")]
    pub(crate) fn lines_from(&self, job: &Job, first: usize, most: usize) -> Vec<Line> {
        let own = (first == 0).then(|| Line::bare(self.first_record(job)));
        let inner = job.lock();
        let Some(live) = inner.live_ref() else { return own.into_iter().collect() };
        let written = live.written();
        let rest = &written[first.saturating_sub(1).min(written.len())..];
        own.into_iter().chain(live.lines(rest)).take(most).collect()
    }
}

impl Live {
    /// Records of the job's journal, each with the step it is about.
    pub(super) fn lines<'a>(&'a self, records: &'a [Record]) -> impl Iterator<Item = Line> + 'a {
        records.iter().map(|record| {
            let paths = self.machine.as_ref().map(|machine| machine.paths_of(&record.fact));
            let (step, after) = paths.unwrap_or_default();
            Line { step: step.map(Arc::from), after, record: record.clone() }
        })
    }
}

/// The steps that a journal is about.
fn paths(lines: &[Line]) -> Vec<String> {
    let mut paths: Vec<String> =
        lines.iter().filter_map(|line| line.step.as_deref().map(str::to_owned)).collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

fn all_paths(machine: &Machine) -> Vec<String> {
    (0..).zip(machine.tasks()).map(|(task, _)| machine.path(task)).collect()
}

/// Whether something that was done was taken back.
fn is_taken_back(lines: &[Line]) -> bool {
    let done = |line: &&Line| matches!(line.record.fact, Fact::Succeeded { .. });
    let done: std::collections::HashSet<&str> =
        lines.iter().filter(done).filter_map(|line| line.step.as_deref()).collect();
    done.iter().any(|step| step.strip_prefix("undo/").is_some_and(|undone| done.contains(undone)))
}

/// Why a job of which there is a journal was not taken in.
#[derive(Debug)]
pub(crate) enum Unrun {
    /// This program could not have written it.
    Misfit(Unfit),
    /// A value cannot be written as JSON.
    Unwritable(String),
    /// The store did not take it.
    Unkept(Unkept),
}
