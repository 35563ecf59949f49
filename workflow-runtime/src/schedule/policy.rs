//! What a schedule does about runs that were missed, and about runs that meet.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// What becomes of ticks that nobody saw in time, because nothing ran or nothing could be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Missed {
    /// They are left out.
    Skip,
    /// One run makes up for all of them: that of the last one, or of one that is on time, if there is one by now.
    #[default]
    Once,
    /// All of them run, the oldest first.
    All {
        /// So many at a time; the next follow when these have been handed over.
        at_a_time: NonZeroU32,
    },
}

/// What becomes of a tick while a run of the same schedule is not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Overlap {
    /// It runs beside the other.
    Allow,
    /// It does not run.
    #[default]
    Skip,
    /// It runs when the other is over; if one waits already, it does not run.
    Queue,
    /// The other is cancelled, and it runs.
    CancelRunning,
}

/// What is to be done with a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meeting {
    /// It runs now.
    Run,
    /// It waits until the others are over.
    Wait,
    /// It does not run.
    Drop,
    /// It runs now, and those that run are cancelled.
    Replace,
}

impl Overlap {
    /// What is to be done with a tick when so many runs of the schedule are not over, and so many ticks wait.
    ///
    /// ```
    /// use workflow_runtime::schedule::{Meeting, Overlap};
    ///
    /// assert_eq!(Overlap::Queue.decide(0, 0), Meeting::Run);
    /// assert_eq!(Overlap::Queue.decide(1, 0), Meeting::Wait);
    /// assert_eq!(Overlap::Queue.decide(1, 1), Meeting::Drop);
    /// ```
    pub fn decide(self, running: usize, waiting: usize) -> Meeting {
        match self {
            Self::Allow => Meeting::Run,
            // One that waits goes first, even if nothing runs any more.
            Self::Queue if waiting > 0 => Meeting::Drop,
            _ if running == 0 => Meeting::Run,
            Self::Skip => Meeting::Drop,
            Self::Queue => Meeting::Wait,
            Self::CancelRunning => Meeting::Replace,
        }
    }
}
