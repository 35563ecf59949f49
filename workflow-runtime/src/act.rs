//! What people do to jobs, queues and schedules, in words that pass between processes.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::failure::FailureKind;
use crate::handle::JobHandle;
use crate::job_id::JobId;
use crate::options::Priority;
use crate::rerun::RerunError;
use crate::runtime::Runtime;
use crate::schedules::ScheduleError;
use crate::state::JobState;
use crate::store::StoreError;
use crate::submission::{Conflict, SubmitError};
use crate::transfer::{Export, ImportError};

/// Something that a person wants done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub(crate) enum Act {
    Submit {
        name: String,
        input: Json,
        #[serde(default)]
        how: How,
    },
    Cancel {
        job: JobId,
        why: String,
    },
    Pause {
        job: JobId,
    },
    Resume {
        job: JobId,
    },
    Signal {
        job: JobId,
        event: String,
        value: Json,
    },
    /// A dead letter goes on where it failed, or begins anew.
    Retry {
        job: JobId,
        from_start: bool,
        input: Option<Json>,
    },
    /// A dead letter asks for nothing any more.
    Discard {
        job: JobId,
    },
    /// These jobs are forgotten, if they are over and no parent of theirs is not.
    Forget {
        jobs: Vec<JobId>,
    },
    /// A job that was exported elsewhere is taken in.
    Import {
        export: Box<Export>,
    },
    /// A job that is over runs again, from its start or from a step on.
    Rerun {
        job: JobId,
        from: Option<String>,
        input: Option<Json>,
    },
    PauseQueue {
        queue: String,
    },
    ResumeQueue {
        queue: String,
    },
    PauseSchedule {
        schedule: String,
    },
    ResumeSchedule {
        schedule: String,
    },
    /// A schedule runs once, now.
    Trigger {
        schedule: String,
    },
}

/// How a job is to be run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(schemars::JsonSchema))]
#[serde(default)]
pub(crate) struct How {
    pub(crate) queue: Option<String>,
    pub(crate) priority: Option<Priority>,
    /// As `"5m"`.
    pub(crate) delay: Option<String>,
    pub(crate) deadline: Option<String>,
    pub(crate) unique: Option<String>,
    pub(crate) once: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) tags: Vec<String>,
    /// A job that has the key will do.
    pub(crate) join: bool,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(schemars::JsonSchema))]
#[serde(tag = "done", rename_all = "snake_case")]
pub(crate) enum Done {
    /// It is done.
    So,
    /// There is a job for it.
    Job { job: JobId },
    /// So many jobs are forgotten.
    Forgot { jobs: usize },
    /// It was so already.
    Already,
}

/// Why it was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Declined {
    pub(crate) kind: DeclinedKind,
    pub(crate) message: String,
}

/// What kind of reason it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DeclinedKind {
    /// There is no such job, agent, workflow or schedule.
    Unknown,
    /// What was given with it is not right.
    BadInput,
    /// It does not go with how things stand: the job is over, the key is taken.
    Conflict,
    /// The store cannot be used.
    Store,
    /// Who was asked did not understand, or does not let this one ask.
    Misunderstood,
}

impl Declined {
    pub(crate) fn new(kind: DeclinedKind, message: impl fmt::Display) -> Self {
        Self { kind, message: message.to_string() }
    }
}

impl From<StoreError> for Declined {
    fn from(error: StoreError) -> Self {
        Self::new(DeclinedKind::Store, error)
    }
}

impl From<SubmitError> for Declined {
    fn from(error: SubmitError) -> Self {
        let kind = match &error {
            SubmitError::Unknown { .. } => DeclinedKind::Unknown,
            SubmitError::BadInput { .. } | SubmitError::BadDuration(_) => DeclinedKind::BadInput,
            SubmitError::Duplicate { .. }
            | SubmitError::Forgotten { .. }
            | SubmitError::Full { .. }
            | SubmitError::Disabled { .. } => DeclinedKind::Conflict,
            SubmitError::Store(_) | SubmitError::ShuttingDown => DeclinedKind::Store,
        };
        Self::new(kind, error)
    }
}

impl From<RerunError> for Declined {
    fn from(error: RerunError) -> Self {
        let kind = match error {
            RerunError::NotSubmitted(error) => return error.into(),
            RerunError::Store(error) => return error.into(),
            RerunError::Unknown(_) | RerunError::NoStep { .. } => DeclinedKind::Unknown,
            RerunError::NoLetter(_)
            | RerunError::NotOver(_)
            | RerunError::TakenBack(_)
            | RerunError::Misfit { .. } => DeclinedKind::Conflict,
        };
        Self::new(kind, error)
    }
}

impl From<ImportError> for Declined {
    fn from(error: ImportError) -> Self {
        let kind = match error {
            ImportError::NotSubmitted(error) => return error.into(),
            ImportError::Store(error) => return error.into(),
            ImportError::Damaged(_) | ImportError::Newer { .. } => DeclinedKind::BadInput,
            ImportError::Taken(_) | ImportError::Misfit { .. } => DeclinedKind::Conflict,
        };
        Self::new(kind, error)
    }
}

impl From<ScheduleError> for Declined {
    fn from(error: ScheduleError) -> Self {
        let kind = match &error {
            ScheduleError::Unknown { .. } => DeclinedKind::Unknown,
            ScheduleError::Unrunnable { .. } | ScheduleError::BadSetting { .. } => DeclinedKind::Conflict,
            ScheduleError::Unreadable { .. }
            | ScheduleError::Store { .. }
            | ScheduleError::ShuttingDown { .. } => DeclinedKind::Store,
        };
        Self::new(kind, error)
    }
}

impl Runtime {
    /// Does what a person wants done. It is written down when this returns.
    pub(crate) async fn perform(&self, act: Act) -> Result<Done, Declined> {
        match act {
            Act::Submit { name, input, how } => {
                Ok(Done::Job { job: self.submit_so(&name, input, how).await?.id() })
            }
            Act::Cancel { job, why } => {
                self.known_job(job).await?;
                if self.cancel(job, &why).await {
                    return Ok(Done::So);
                }
                match self.known_job(job).await?.state() {
                    state if state.is_over() && state != JobState::Cancelled => Err(over(job, state)),
                    _ => Ok(Done::Already),
                }
            }
            Act::Pause { job } => {
                let handle = self.known_job(job).await?;
                if handle.pause().await { Ok(Done::So) } else { Err(over(job, handle.state())) }
            }
            Act::Resume { job } => {
                let handle = self.known_job(job).await?;
                if handle.resume().await { Ok(Done::So) } else { Err(over(job, handle.state())) }
            }
            Act::Signal { job, event, value } => match self.known_job(job).await?.signal(&event, value).await
            {
                Ok(()) => Ok(Done::So),
                Err(failure) if failure.kind == FailureKind::BadInput => {
                    Err(Declined::new(DeclinedKind::BadInput, failure))
                }
                Err(failure) => Err(Declined::new(DeclinedKind::Conflict, failure)),
            },
            Act::Retry { job, from_start, input } => {
                let letters = self.dead_letters();
                let mut requeue = letters.requeue(job);
                if from_start {
                    requeue = requeue.from_start();
                }
                requeue = match (input, from_start) {
                    (None, _) => requeue,
                    (Some(input), true) => requeue.job_input(input),
                    (Some(input), false) => requeue.input(input),
                };
                Ok(Done::Job { job: requeue.await?.id() })
            }
            Act::Discard { job } => match self.dead_letters().discard(job).await? {
                true => Ok(Done::So),
                false => {
                    self.known_job(job).await?;
                    Err(RerunError::NoLetter(job).into())
                }
            },
            Act::Forget { jobs } => Ok(Done::Forgot { jobs: self.engine.forget_these(jobs).await? }),
            Act::Import { export } => Ok(Done::Job { job: self.import(*export).await?.id() }),
            Act::Rerun { job, from, input } => {
                let mut rerun = self.rerun(job);
                if let Some(step) = from {
                    rerun = rerun.from(step);
                }
                if let Some(input) = input {
                    rerun = rerun.input(input);
                }
                Ok(Done::Job { job: rerun.await?.id() })
            }
            Act::PauseQueue { queue } => {
                self.pause_queue(&queue).await?;
                Ok(Done::So)
            }
            Act::ResumeQueue { queue } => {
                self.resume_queue(&queue).await?;
                Ok(Done::So)
            }
            Act::PauseSchedule { schedule } => changed(self.schedules().pause(&schedule).await?),
            Act::ResumeSchedule { schedule } => changed(self.schedules().resume(&schedule).await?),
            Act::Trigger { schedule } => {
                Ok(Done::Job { job: self.schedules().trigger(&schedule).await?.id() })
            }
        }
    }

    /// Hands in a job as it is to be run.
    pub(crate) async fn submit_so(
        &self,
        name: &str,
        input: Json,
        how: How,
    ) -> Result<JobHandle<Json>, SubmitError> {
        let mut submission = self.submit_json(name, input);
        let How { queue, priority, delay, deadline, unique, once, key, tags, join } = how;
        if join {
            submission = submission.on_conflict(Conflict::UseExisting);
        }
        if let Some(queue) = queue {
            submission = submission.queue(queue);
        }
        if let Some(priority) = priority {
            submission = submission.priority(priority);
        }
        if let Some(delay) = delay {
            submission = submission.delay(&*delay);
        }
        if let Some(deadline) = deadline {
            submission = submission.deadline(&*deadline);
        }
        if let Some(unique) = unique {
            submission = submission.unique(unique);
        }
        if let Some(once) = once {
            submission = submission.once(once);
        }
        if let Some(key) = key {
            submission = submission.key(key);
        }
        for tag in tags {
            submission = submission.tag(Arc::<str>::from(tag));
        }
        submission.await
    }

    /// The job of this id.
    async fn known_job(&self, id: JobId) -> Result<JobHandle<Json>, Declined> {
        let found = self.fetch(id).await?;
        found.ok_or_else(|| RerunError::Unknown(id).into())
    }
}

fn over(job: JobId, state: JobState) -> Declined {
    let state = state.name().to_lowercase();
    Declined::new(DeclinedKind::Conflict, format_args!("job {job} is over: it is {state}"))
}

fn changed(changed: bool) -> Result<Done, Declined> {
    Ok(if changed { Done::So } else { Done::Already })
}
