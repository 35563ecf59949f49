//! Jobs that are run again from a step on: what came before is kept.

use std::sync::Arc;

use serde_json::Value as Json;

use super::core::Engine;
use super::event::Event;
use super::job::{Job, JobWork};
use super::keep::Unkept;
use crate::failure::Failure;
use crate::job_id::JobId;
use crate::machine::{Kind, Machine};
use crate::record::{Fact, JobOptions, Line, Record, Submission, TaskId};
use crate::state::TaskState;
use crate::value::Value;

/// Why a job cannot be run again from a step.
#[derive(Debug)]
pub(crate) enum Unrepeatable {
    /// It never came to a step of this path.
    NoStep(Vec<String>),
    /// What its steps did was taken back.
    TakenBack,
    /// The journal does not fit this program.
    Misfit(String),
}

impl Engine {
    /// The journal of a new job that does what another did, up to the moment at which a step of it began.
    pub(crate) fn journal_until(
        &self,
        id: JobId,
        journal: &[Record],
        step: &str,
        input: Option<Json>,
    ) -> Result<Vec<Record>, Unrepeatable> {
        let misfit = |what: &dyn ToString| Unrepeatable::Misfit(what.to_string());
        let Some((Record { fact: Fact::Submitted { submission }, .. }, records)) = journal.split_first()
        else {
            return Err(misfit(&crate::machine::Illegal::Submission));
        };
        let work = self.work_of_submission(submission).map_err(|failure| misfit(&failure))?;
        let old = Job::new(submission.id, work, Some(Box::new(submission.options.clone())), false);
        let fresh = || -> Result<Machine, Failure> { Ok(Machine::new(self.shape(&old)?, old.options())) };
        let mut machine = fresh().map_err(|failure| misfit(&failure))?;
        let mut found: Option<(usize, TaskId)> = None;
        for (number, record) in records.iter().enumerate() {
            if let Some(task) =
                record.fact.task().filter(|task| found.is_none() && machine.path(*task) == step)
            {
                found = Some((number, task));
            }
            machine.apply(record).map_err(|illegal| misfit(&illegal))?;
        }
        let is_undone = |task: &crate::machine::Task| task.kind == Kind::Undo && task.state.was_done();
        if machine.tasks().iter().any(is_undone) {
            return Err(Unrepeatable::TakenBack);
        }
        let Some((number, task)) = found else {
            let all = (0..).zip(machine.tasks()).filter(|(_, task)| task.state != TaskState::Skipped);
            return Err(Unrepeatable::NoStep(all.map(|(id, _)| machine.path(id)).collect()));
        };
        let mut kept = vec![self.again(id, submission)];
        let is_pause = |fact: &Fact| matches!(fact, Fact::Paused | Fact::Resumed);
        kept.extend(records[..number].iter().filter(|record| !is_pause(&record.fact)).cloned());
        let mut machine = fresh().map_err(|failure| misfit(&failure))?;
        for record in &kept[1..] {
            machine.apply(record).map_err(|illegal| misfit(&illegal))?;
        }
        // What ran at that moment runs again, beside the step.
        let at = self.clock.now();
        let calling = machine.calling().into_iter().map(|(task, _)| task);
        let running: Vec<TaskId> = machine.lost().into_iter().chain(calling).collect();
        kept.extend(running.into_iter().map(|task| Record { at, fact: Fact::Lost { task, killed: false } }));
        kept.extend(input.map(|input| Record { at, fact: Fact::Given { task, input: Value::from(input) } }));
        Ok(kept)
    }

    /// The first record of a job that runs what another ran.
    pub(crate) fn again(&self, id: JobId, old: &Submission) -> Record {
        let fresh = JobOptions { not_before: None, deadline: None, parent: None, ..old.options.clone() };
        let options = JobOptions { again: Some(old.id), ..fresh };
        let submission = Submission { id, options, ..old.clone() };
        Record { at: self.clock.now(), fact: Fact::Submitted { submission: Arc::new(submission) } }
    }

    /// Takes in a new job of which there is a journal already, and lets it go on; waits until it is written.
    pub(crate) async fn begin_from(self: &Arc<Self>, journal: &[Record]) -> Result<Arc<Job>, Unrun> {
        let lines: Vec<Line> =
            journal.iter().map(|record| Line { step: None, record: record.clone() }).collect();
        let (job, steps) = self.restore(&lines, None).map_err(Unrun::Misfit)?;
        if self.scribe.is_none() {
            self.go_on(&job);
            return Ok(job);
        }
        {
            let mut inner = job.lock();
            inner.stored.count = 0;
            let unwritten = inner.live().lines.get_or_insert_default();
            for (record, step) in journal.iter().zip(steps) {
                unwritten.add(record, step.as_deref()).map_err(Unrun::Unwritable)?;
            }
        }
        self.begin_job_by(&job, |told| {
            let must_drive = self.put(&job, Event::Accepted(Some(told)));
            self.go_on(&job);
            if must_drive {
                self.executor.spawn(Arc::clone(self).drive_on(Arc::clone(&job)));
            }
        })
        .await
        .map_err(Unrun::Unkept)?;
        Ok(job)
    }
}

/// Why a job of which there is a journal was not taken in.
#[derive(Debug)]
pub(crate) enum Unrun {
    /// It does not fit this program.
    Misfit(Failure),
    /// A value cannot be written as JSON.
    Unwritable(String),
    /// The store did not take it.
    Unkept(Unkept),
}

impl Engine {
    /// What a submission asks to be run.
    pub(super) fn work_of_submission(&self, submission: &Submission) -> Result<JobWork, Failure> {
        use crate::failure::FailureKind;
        use crate::program::Place;
        use crate::record::Work;
        match &submission.work {
            Work::Call { callee, input } => match Place::find(&self.registry, &callee.name, callee.kind) {
                Some(place) => Ok(JobWork::Call(place, input.clone())),
                None => {
                    let message = format!("there is no `{}` in this program", callee.name);
                    Err(Failure::new(FailureKind::Unrunnable, message))
                }
            },
            Work::Tasks(tasks) => Ok(JobWork::Tasks(Arc::clone(tasks))),
        }
    }
}
