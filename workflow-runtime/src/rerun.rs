//! Running a job again, from its start or from a step on.

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use serde_json::Value as Json;

use crate::engine::{Unrepeatable, Unrun};
use crate::handle::JobHandle;
use crate::job_id::JobId;
use crate::record::{Fact, Line, Record, Work};
use crate::runtime::Runtime;
use crate::store::StoreError;
use crate::submission::SubmitError;
use crate::value::Value;

/// A job that is to be run again, as a new one: `.await` it.
#[derive(Debug)]
#[must_use = "nothing is run again until this is awaited"]
pub struct Rerun {
    runtime: Runtime,
    job: JobId,
    from: Option<String>,
    input: Option<Json>,
}

/// Why a job was not run again.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum RerunError {
    /// There is no such job, or it has been forgotten.
    #[error("there is no job {0}, or it has been forgotten")]
    Unknown(JobId),
    /// It is no dead letter.
    #[error("job {0} is no dead letter, or none any more: it was requeued or discarded")]
    NoLetter(JobId),
    /// It is not over.
    #[error("job {0} is not over; cancel it first, or wait")]
    NotOver(JobId),
    /// It never came to this step.
    #[error("job {job} never came to a step `{step}`{}", cure(nearest.as_deref()))]
    NoStep {
        /// The job.
        job: JobId,
        /// The step.
        step: String,
        /// The path that is most like it.
        nearest: Option<String>,
    },
    /// What its steps did was taken back, so that it cannot be kept.
    #[error("what job {0} did was taken back: run it again from the start")]
    TakenBack(JobId),
    /// Its journal does not fit the agents and workflows of this program.
    #[error("job {job} does not fit this program: {problem}")]
    Misfit {
        /// The job.
        job: JobId,
        /// What does not fit.
        problem: String,
    },
    /// It was not taken in.
    #[error(transparent)]
    NotSubmitted(#[from] SubmitError),
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn cure(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default()
}

impl Runtime {
    /// Runs a job that is over again, as a new one: from its start, or [from a step](Rerun::from) on.
    pub fn rerun(&self, job: JobId) -> Rerun {
        Rerun { runtime: self.clone(), job, from: None, input: None }
    }
}

impl Rerun {
    /// Keeps what was done before this step began, by its path: `review/then/check`. The step runs again, and what
    /// came after it; so does what ran beside it at that moment. Events that came later must come again.
    ///
    /// What is kept must be what this program could have done, too; what came later need not: a job that is
    /// [parked](Runtime::parked) for a step that was changed is run again from that step.
    pub fn from(mut self, step: impl Into<String>) -> Self {
        self.from = Some(step.into());
        self
    }

    /// Gives the step another input than its workflow says; or, if there is none, the job. It is checked when this is
    /// awaited.
    pub fn input(mut self, input: Json) -> Self {
        self.input = Some(input);
        self
    }

    async fn begin(self) -> Result<JobHandle<Json>, RerunError> {
        let Self { runtime, job: id, from, input } = self;
        let engine = &runtime.engine;
        let journal = journal(&runtime, id).await?;
        let new = engine.ids.make(engine.clock.now());
        let records = match from {
            Some(step) => engine.journal_until(new, &journal, &step, input).map_err(|why| match why {
                Unrepeatable::NoStep(paths) => {
                    let nearest = workflow_graph::nearest(&step, paths.iter().map(String::as_str));
                    RerunError::NoStep { job: id, nearest: nearest.map(str::to_owned), step: step.clone() }
                }
                Unrepeatable::TakenBack => RerunError::TakenBack(id),
                Unrepeatable::Misfit(unfit) => RerunError::Misfit { job: id, problem: unfit.to_string() },
                Unrepeatable::BadInput { name, problem } => SubmitError::BadInput { name, problem }.into(),
            })?,
            None => vec![first(&runtime, new, &journal, input)?],
        };
        let lines: Vec<Line> = records.into_iter().map(Line::bare).collect();
        match engine.begin_from(&lines, None).await {
            Ok(job) => Ok(JobHandle::new(runtime.engine, job, Value::json)),
            Err(Unrun::Misfit(unfit)) => Err(RerunError::Misfit { job: id, problem: unfit.to_string() }),
            Err(Unrun::Unwritable(problem)) => Err(RerunError::Misfit { job: id, problem }),
            Err(Unrun::Unkept(unkept)) => Err(SubmitError::of(unkept, "", "").into()),
        }
    }
}

/// The journal of a job that is over, or parked.
async fn journal(runtime: &Runtime, id: JobId) -> Result<Vec<Line>, RerunError> {
    let engine = &runtime.engine;
    if let Some(known) = engine.index.get(id) {
        return match known.lock_state().is_over() {
            // What this program does not know of its steps, the store does.
            true if engine.scribe.is_none() => Ok(engine.lines(&known)),
            true => kept(runtime, id).await,
            false => Err(RerunError::NotOver(id)),
        };
    }
    kept(runtime, id).await
}

async fn kept(runtime: &Runtime, id: JobId) -> Result<Vec<Line>, RerunError> {
    let engine = &runtime.engine;
    let kept = engine.ask_store(move |store| store.read(id)).await?.flatten();
    let kept = kept.ok_or(RerunError::Unknown(id))?;
    if !kept.head.state.is_over() && !engine.parked().iter().any(|job| job.head.id == id) {
        return Err(RerunError::NotOver(id));
    }
    engine.ask_plans().await?;
    Ok(kept.records()?)
}

/// The first record of the new job, perhaps with another input, which is checked.
pub(crate) fn first(
    runtime: &Runtime,
    new: JobId,
    journal: &[Line],
    input: Option<Json>,
) -> Result<Record, RerunError> {
    let Some(Fact::Submitted { submission }) = journal.first().map(|line| &line.record.fact) else {
        return Err(RerunError::Unknown(new));
    };
    let mut submission = (**submission).clone();
    if let Some(input) = input {
        match &mut submission.work {
            Work::Call { callee, input: old } => {
                runtime.checked(&callee.name, input.clone())?;
                *old = Value::from(input);
            }
            Work::Tasks(tasks) => {
                let problem = "tasks that were put together in code have no input".to_owned();
                return Err(SubmitError::BadInput { name: tasks.name.clone(), problem }.into());
            }
        }
    }
    Ok(runtime.engine.again(new, &submission))
}

impl IntoFuture for Rerun {
    type Output = Result<JobHandle<Json>, RerunError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.begin())
    }
}
