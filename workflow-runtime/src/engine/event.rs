//! What reaches a job from outside its machine.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::words::Said;
use crate::error::Advice;
use crate::failure::Failure;
use crate::job_id::JobId;
use crate::record::{Spawn, TaskId};
use crate::store::{Verdict, WordId};
use crate::timestamp::Timestamp;
use crate::value::Value;

/// What an attempt gave.
pub(crate) type Done = Result<Value, Box<(Failure, Advice)>>;

/// Why something was refused.
pub(crate) type Refused = Failure;

/// What reaches a job.
#[derive(Debug)]
pub(crate) enum Event {
    /// It has a place and may begin; or a task of it has one.
    Placed(Placed),
    /// An attempt ended.
    Ended {
        task: TaskId,
        attempt: u32,
        done: Done,
    },
    /// A child job ended.
    Child {
        /// The task that waits for it, as it was numbered when the child was made.
        task: TaskId,
        child: JobId,
        done: Result<Value, Arc<Failure>>,
    },
    /// A retry is due, or a timer rings.
    Due(TaskId),
    /// A task took too long, all in all.
    TaskExpired(TaskId),
    /// The job took too long.
    Expired,
    /// Somebody does not want it any more.
    Cancel(String, Option<oneshot::Sender<()>>),
    Pause(Option<oneshot::Sender<()>>),
    Resume(Option<oneshot::Sender<()>>),
    /// Something happened outside.
    Signal {
        event: Arc<str>,
        value: Value,
        /// The word by which another node has said so, to which is to be replied.
        word: Option<WordId>,
        told: oneshot::Sender<Result<(), Refused>>,
    },
    /// A running task makes another.
    Spawn {
        parent: Option<TaskId>,
        spawn: Arc<Spawn>,
        told: oneshot::Sender<Result<TaskId, Refused>>,
    },
    /// Somebody wants to know what became of a task made by code.
    Join {
        task: TaskId,
        told: oneshot::Sender<Joined>,
    },
    /// A running task saves where it stands.
    Save {
        task: TaskId,
        value: Value,
        told: oneshot::Sender<()>,
    },
    /// A running task writes a line to the log.
    Log {
        task: TaskId,
        attempt: u32,
        message: Arc<str>,
    },
    /// Code outside of the job wants something done to one of its tasks.
    #[cfg(feature = "classic")]
    Outside(super::outside::Outside),
    /// The job is new, and has to be written.
    Accepted(Option<oneshot::Sender<Result<(), Verdict>>>),
    /// The job was read from a journal and goes on.
    Recovered,
}

impl Event {
    /// Whether somebody waits for an answer.
    pub(super) fn is_awaited(&self) -> bool {
        !matches!(self, Self::Cancel(_, None) | Self::Pause(None) | Self::Resume(None) | Self::Log { .. })
    }

    /// What of it can be said to a job that another node holds.
    pub(super) fn said(self) -> Option<Said> {
        match self {
            Self::Cancel(why, _) => Some(Said::Cancel { why }),
            Self::Pause(_) => Some(Said::Pause),
            Self::Resume(_) => Some(Said::Resume),
            _ => None,
        }
    }
}

/// An answer, and who waits for it.
#[derive(Debug)]
pub(super) enum Answer {
    Done(oneshot::Sender<()>),
    Kept(oneshot::Sender<Result<(), Verdict>>),
    Signalled(oneshot::Sender<Result<(), Refused>>, Result<(), Refused>),
    Spawned(oneshot::Sender<Result<TaskId, Refused>>, Result<TaskId, Refused>),
    Joined(oneshot::Sender<Joined>, Joined),
}

impl Answer {
    /// Gives it. Who does not listen any more misses it.
    pub(super) fn give(self) {
        match self {
            Self::Done(told) => drop(told.send(())),
            Self::Kept(told) => drop(told.send(Ok(()))),
            Self::Signalled(told, answer) => drop(told.send(answer)),
            Self::Spawned(told, answer) => drop(told.send(answer)),
            Self::Joined(told, answer) => drop(told.send(answer)),
        }
    }

    /// The store did not take it. Who waits for anything else hears that there is no answer.
    pub(super) fn refuse(self, verdict: Verdict) {
        if let Self::Kept(told) = self {
            let _ = told.send(Err(verdict));
        }
    }
}

/// A place in a queue that somebody has got.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed {
    /// The task; [`WHOLE`](super::queue::WHOLE) for the job itself, which is to begin.
    pub(crate) task: TaskId,
    pub(crate) queue: u16,
    /// How urgent it was in its queue, which it stays.
    pub(crate) deadline: Timestamp,
    /// Since when it waited for it.
    pub(crate) since: Timestamp,
    pub(crate) returning: bool,
}

/// What became of a task made by code.
pub(crate) type Joined = Result<Value, Arc<Failure>>;
