//! A dead letter that is handed in again.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::engine::{Spot, Unkept, Unrepeatable, Unrun};
use crate::handle::JobHandle;
use crate::job_id::JobId;
use crate::record::{Line, Record};
use crate::rerun::{RerunError, first};
use crate::runtime::Runtime;
use crate::submission::SubmitError;
use crate::value::Value;
use crate::view::step_of;

/// A dead letter that is to be handed in again, as a new job: `.await` it.
///
/// The new job goes on at the step that failed, and keeps all that was done before. Where that was taken back, it
/// begins at the start.
#[derive(Debug)]
#[must_use = "nothing is requeued until this is awaited"]
pub struct Requeue {
    runtime: Runtime,
    job: JobId,
    input: Option<Json>,
    job_input: Option<Json>,
    from_start: bool,
}

impl Requeue {
    pub(crate) fn new(runtime: Runtime, job: JobId) -> Self {
        Self { runtime, job, input: None, job_input: None, from_start: false }
    }

    /// Gives the step that failed another input.
    pub fn input(mut self, input: Json) -> Self {
        self.input = Some(input);
        self
    }

    /// Gives the job another input; it begins at the start.
    pub fn job_input(mut self, input: Json) -> Self {
        self.job_input = Some(input);
        self
    }

    /// Lets the job begin at the start, whatever was done before.
    pub fn from_start(mut self) -> Self {
        self.from_start = true;
        self
    }

    async fn begin(self) -> Result<JobHandle<Json>, RerunError> {
        let (runtime, job) = (self.runtime.clone(), self.job);
        let (head, lines) = runtime.lines_of(job).await?.ok_or(RerunError::Unknown(job))?;
        if !head.is_dead() {
            return Err(RerunError::NoLetter(job));
        }
        if let Some(key) = head.unique.as_ref().filter(|_| runtime.engine.scribe.is_none()) {
            let place = (Arc::clone(&head.name), Arc::clone(key));
            if let Some(holder) = runtime.unique_holder(&place) {
                let unkept = Unkept::Taken(holder.id);
                return Err(SubmitError::of(unkept, &head.name, key).into());
            }
        }
        let records = self.journal(&lines)?;
        let lines: Vec<Line> = records.into_iter().map(Line::bare).collect();
        match runtime.engine.begin_from(&lines, Some(job)).await {
            Ok(new) => Ok(JobHandle::new(runtime.engine, new, Value::json)),
            Err(Unrun::Misfit(failure)) => Err(RerunError::Misfit { job, problem: failure.to_string() }),
            Err(Unrun::Unwritable(problem)) => Err(RerunError::Misfit { job, problem }),
            Err(Unrun::Unkept(Unkept::Settled)) => Err(RerunError::NoLetter(job)),
            Err(Unrun::Unkept(unkept)) => {
                let key = head.unique.as_deref().unwrap_or_default();
                Err(SubmitError::of(unkept, &head.name, key).into())
            }
        }
    }

    /// The journal of the new job.
    fn journal(self, lines: &[Line]) -> Result<Vec<Record>, RerunError> {
        let Self { runtime, job, input, job_input, from_start } = self;
        let engine = &runtime.engine;
        let new = engine.ids.make(engine.clock.now());
        let anew = |job_input| first(&runtime, new, lines, job_input).map(|record| vec![record]);
        if input.is_some() && (from_start || job_input.is_some()) {
            let problem =
                "another input of the step is of no use to a job that begins at the start".to_owned();
            return Err(SubmitError::BadInput { name: job.to_string(), problem }.into());
        }
        let spot = Spot::of(lines).filter(|_| !from_start && job_input.is_none());
        let Some(spot) = spot else { return anew(job_input) };
        let is_edited = input.is_some();
        match engine.journal_before_failure(new, lines, input) {
            Ok(records) => Ok(records),
            Err(Unrepeatable::TakenBack) if !is_edited => anew(None),
            Err(Unrepeatable::TakenBack) => Err(RerunError::TakenBack(job)),
            Err(Unrepeatable::BadInput { name, problem }) => {
                Err(SubmitError::BadInput { name, problem }.into())
            }
            Err(Unrepeatable::Misfit(problem)) => {
                let problem = format!("{problem}; if what it did may be done again, requeue it `from_start`");
                Err(RerunError::Misfit { job, problem })
            }
            Err(Unrepeatable::NoStep(_)) => {
                let step = spot.task.and_then(|task| step_of(lines, task)).map(|step| step.to_string());
                Err(RerunError::NoStep { job, step: step.unwrap_or_default(), nearest: None })
            }
        }
    }
}

impl IntoFuture for Requeue {
    type Output = Result<JobHandle<Json>, RerunError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.begin())
    }
}
