//! How long jobs that are over are kept in a store.

use std::collections::BTreeMap;
#[cfg(feature = "archive")]
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long jobs that are over are kept in a store: forever, unless it is said otherwise.
///
/// Jobs that are waited for by a parent stay until that is over. Dead letters stay until they are requeued or discarded,
/// unless [`letters`](Self::letters) says otherwise.
///
/// ```
/// use std::time::Duration;
/// use workflow_runtime::{Keep, Retention};
///
/// let day = Duration::from_secs(24 * 3600);
/// let retention = Retention::new(Keep::for_time(day * 30))
///     .of("Heartbeat", Keep::last(100))
///     .of("Invoice", Keep::all())
///     .letters(Keep::for_time(day * 90));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Retention {
    pub(crate) all: Keep,
    pub(crate) of: BTreeMap<Arc<str>, Keep>,
    pub(crate) letters: Keep,
    pub(crate) every: Duration,
    #[cfg(feature = "archive")]
    pub(crate) archive: Option<PathBuf>,
}

/// Which of the jobs of one name are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use]
pub struct Keep {
    pub(crate) time: Option<Duration>,
    pub(crate) jobs: Option<usize>,
}

impl Keep {
    /// All of them.
    pub fn all() -> Self {
        Self::default()
    }

    /// Those that ended not longer ago than this.
    pub fn for_time(time: Duration) -> Self {
        Self { time: Some(time), jobs: None }
    }

    /// So many that ended last.
    pub fn last(jobs: usize) -> Self {
        Self { time: None, jobs: Some(jobs) }
    }

    /// And of those no more than so many.
    pub fn at_most(mut self, jobs: usize) -> Self {
        self.jobs = Some(jobs);
        self
    }

    pub(crate) fn is_all(&self) -> bool {
        *self == Self::all()
    }
}

impl Retention {
    /// Keeps these of each name.
    pub fn new(keep: Keep) -> Self {
        Self {
            all: keep,
            of: BTreeMap::new(),
            letters: Keep::all(),
            every: Duration::from_secs(60),
            #[cfg(feature = "archive")]
            archive: None,
        }
    }

    /// Keeps these of a workflow or an agent.
    pub fn of(mut self, name: impl Into<Arc<str>>, keep: Keep) -> Self {
        self.of.insert(name.into(), keep);
        self
    }

    /// Keeps these of the [dead letters](crate::DeadLetters) of each name.
    pub fn letters(mut self, keep: Keep) -> Self {
        self.letters = keep;
        self
    }

    /// Looks so often whether jobs are to be forgotten: every minute otherwise.
    pub fn every(mut self, time: Duration) -> Self {
        self.every = time.max(Duration::from_millis(10));
        self
    }

    /// Writes jobs to files in this folder before they are forgotten, by hand or by time; see
    /// [`Archive`](crate::Archive). The folder is made if there is none.
    #[cfg(feature = "archive")]
    pub fn archive(mut self, folder: impl Into<PathBuf>) -> Self {
        self.archive = Some(folder.into());
        self
    }
}
