//! Why a command was not done, and what the caller's shell is told.

use std::fmt;
use std::io;

use crate::act::{Declined, DeclinedKind};
use crate::builder::StartError;
use crate::job_id::JobId;
use crate::problem::Problems;
use crate::store::{Store, StoreError};
use crate::submission::SubmitError;

/// What the caller's shell is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Exit {
    Done = 0,
    Failed = 1,
    Misused = 2,
    Unknown = 3,
    BadInput = 4,
    Store = 5,
    BadProgram = 6,
    Conflict = 7,
    BadConfiguration = 8,
    Interrupted = 130,
}

/// Why a command was not done.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) exit: Exit,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    /// There is no such job in a store.
    pub(super) fn no_job(id: JobId, store: &dyn Store) -> Self {
        let message =
            format!("there is no job {id} in {}; `jobs` lists those that are there", store.describe());
        Self::new(Exit::Unknown, message)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::new(Exit::Store, error.to_string())
    }
}

impl From<Problems> for Refusal {
    fn from(problems: Problems) -> Self {
        Self::new(Exit::BadProgram, problems.to_string())
    }
}

impl From<StartError> for Refusal {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Store(error) => error.into(),
            StartError::Configuration(mistakes) => Self::new(Exit::BadConfiguration, mistakes.to_string()),
            other => Self::new(Exit::BadProgram, other.to_string()),
        }
    }
}

impl From<SubmitError> for Refusal {
    fn from(error: SubmitError) -> Self {
        Declined::from(error).into()
    }
}

impl From<Declined> for Refusal {
    fn from(declined: Declined) -> Self {
        let exit = match declined.kind {
            DeclinedKind::Unknown => Exit::Unknown,
            DeclinedKind::BadInput => Exit::BadInput,
            DeclinedKind::Conflict => Exit::Conflict,
            DeclinedKind::Store | DeclinedKind::Misunderstood => Exit::Store,
        };
        Self::new(exit, declined.message)
    }
}

/// Who reads no further has heard enough: that is no failure.
fn unheard(kind: Option<io::ErrorKind>) -> Option<Refusal> {
    (kind == Some(io::ErrorKind::BrokenPipe)).then(|| Refusal::new(Exit::Done, ""))
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        let message = || format!("what was to be printed cannot be written: {error}");
        unheard(Some(error.kind())).unwrap_or_else(|| Self::new(Exit::Failed, message()))
    }
}

impl From<serde_json::Error> for Refusal {
    fn from(error: serde_json::Error) -> Self {
        let message = || format!("what was to be printed cannot be written as JSON: {error}");
        unheard(error.io_error_kind()).unwrap_or_else(|| Self::new(Exit::Failed, message()))
    }
}
