//! Running a job again, from its start or from a step on.

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use serde_json::Value as Json;

use crate::engine::{Unrepeatable, Unrun};
use crate::handle::JobHandle;
use crate::job_id::JobId;
use crate::record::{Fact, Record, Work};
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
    pub fn from(mut self, step: impl Into<String>) -> Self {
        self.from = Some(step.into());
        self
    }

    /// Gives the step another input than its workflow says; or, if there is none, the job.
    pub fn input(mut self, input: Json) -> Self {
        self.input = Some(input);
        self
    }

    async fn begin(self) -> Result<JobHandle<Json>, RerunError> {
        let Self { runtime, job: id, from, input } = self;
        let engine = &runtime.engine;
        let journal = match runtime.fetch(id).await? {
            Some(old) if old.state().is_over() => old.journal(),
            Some(_) => return Err(RerunError::NotOver(id)),
            None if from.is_none() && engine.parked().iter().any(|job| job.head.id == id) => {
                let kept = engine.ask_store(move |store| store.read(id)).await?.flatten();
                let lines = kept.ok_or(RerunError::Unknown(id))?.records()?;
                lines.into_iter().map(|line| line.record).collect()
            }
            None => return Err(RerunError::Unknown(id)),
        };
        let new = engine.ids.make(engine.clock.now());
        let records = match from {
            Some(step) => engine.journal_until(new, &journal, &step, input).map_err(|why| match why {
                Unrepeatable::NoStep(paths) => {
                    let nearest = workflow_graph::nearest(&step, paths.iter().map(String::as_str));
                    RerunError::NoStep { job: id, nearest: nearest.map(str::to_owned), step: step.clone() }
                }
                Unrepeatable::TakenBack => RerunError::TakenBack(id),
                Unrepeatable::Misfit(problem) => RerunError::Misfit { job: id, problem },
            })?,
            None => vec![first(&runtime, new, &journal, input)?],
        };
        match engine.begin_from(&records).await {
            Ok(job) => Ok(JobHandle::new(runtime.engine, job, Value::json)),
            Err(Unrun::Misfit(failure)) => Err(RerunError::Misfit { job: id, problem: failure.to_string() }),
            Err(Unrun::Unwritable(problem)) => Err(RerunError::Misfit { job: id, problem }),
            Err(Unrun::Unkept(unkept)) => Err(SubmitError::of(unkept, "", "").into()),
        }
    }
}

/// The first record of the new job, perhaps with another input, which is checked.
fn first(
    runtime: &Runtime,
    new: JobId,
    journal: &[Record],
    input: Option<Json>,
) -> Result<Record, RerunError> {
    let Some(Record { fact: Fact::Submitted { submission }, .. }) = journal.first() else {
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
