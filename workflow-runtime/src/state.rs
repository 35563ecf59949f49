//! The states of tasks and jobs, and the moves between them: one table each.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Declares states with what may follow each.
macro_rules! states {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $state:ident => [$($next:ident),*],)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "http", derive(schemars::JsonSchema))]
        #[serde(rename_all = "snake_case")]
        #[repr(u8)]
        pub enum $name {
            $($(#[$about])* $state,)+
        }

        impl $name {
            /// Every state.
            pub const ALL: &'static [Self] = &[$(Self::$state),+];

            /// For each state, the set of those that may follow it.
            const NEXT: [u16; Self::ALL.len()] = [$(0 $(| 1 << Self::$next as u16)*),+];

            /// The states that may follow this one.
            pub fn next(self) -> impl Iterator<Item = Self> {
                Self::ALL.iter().copied().filter(move |state| self.may_become(*state))
            }

            /// Whether `next` may follow this state.
            #[inline]
            pub const fn may_become(self, next: Self) -> bool {
                Self::NEXT[self as usize] & (1 << next as u16) != 0
            }

            /// Its name, as it is written in records.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$state => stringify!($state),)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.pad(self.name())
            }
        }
    };
}

states! {
    /// Where a task stands.
    TaskState {
        /// What it depends on has not ended.
        Pending => [Queued, Running, Waiting, Succeeded, Skipped],
        /// Ready, and waits for its turn.
        Queued => [Scheduled, Running, Failed, Cancelled, Expired],
        /// Ready, but not before a moment that was asked for.
        Scheduled => [Queued, Cancelled, Expired],
        /// An attempt runs; or, for a control-flow form, what is inside it.
        Running => [Queued, Retrying, Waiting, Succeeded, Failed, Cancelled, Expired],
        /// An attempt failed; another follows after a while.
        Retrying => [Queued, Failed, Cancelled, Expired],
        /// Waits for a timer, an event from outside, or its subtasks.
        Waiting => [Succeeded, Failed, Cancelled, Expired],
        /// Done.
        Succeeded => [Compensating],
        /// Failed for good.
        Failed => [],
        /// Stopped, for its job or the form around it ended otherwise.
        Cancelled => [],
        /// Its deadline passed.
        Expired => [],
        /// Never needed: the other arm was taken, or what it depends on did not succeed.
        Skipped => [],
        /// Is being taken back.
        Compensating => [Compensated, Failed],
        /// Was taken back.
        Compensated => [],
    }
}

states! {
    /// Where a job stands.
    JobState {
        /// Accepted, and waits for its turn.
        Pending => [Running, Paused, Stopping],
        /// Accepted, but not before a moment that was asked for.
        Scheduled => [Pending, Running, Paused, Stopping],
        /// At work.
        Running => [Paused, Stopping, Succeeded],
        /// Starts nothing until it is resumed.
        Paused => [Pending, Scheduled, Running, Stopping, Succeeded],
        /// Will not succeed; what still runs is told to stop.
        Stopping => [Compensating, Failed, Cancelled, Expired],
        /// What was done is being taken back.
        Compensating => [Failed, Cancelled, Expired],
        /// Done.
        Succeeded => [],
        /// Failed for good.
        Failed => [],
        /// Somebody cancelled it.
        Cancelled => [],
        /// Its deadline passed.
        Expired => [],
    }
}

impl TaskState {
    /// Whether the task is over, so that what depends on it need not wait.
    pub const fn is_over(self) -> bool {
        !matches!(
            self,
            Self::Pending | Self::Queued | Self::Scheduled | Self::Running | Self::Retrying | Self::Waiting
        )
    }

    /// Whether the task did what it should, whatever became of it later.
    pub const fn was_done(self) -> bool {
        matches!(self, Self::Succeeded | Self::Compensating | Self::Compensated)
    }
}

impl JobState {
    /// Whether the job is over.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled | Self::Expired)
    }

    /// Whether the job has begun and may start tasks.
    pub const fn is_going(self) -> bool {
        matches!(self, Self::Running)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_stays_over_but_for_taking_back() {
        for state in TaskState::ALL {
            let leads_on = state.next().next().is_some();
            let goes_on = matches!(state, TaskState::Succeeded | TaskState::Compensating);
            assert_eq!(leads_on, !state.is_over() || goes_on, "{state}");
        }
        for state in JobState::ALL {
            assert_eq!(state.next().next().is_some(), !state.is_over(), "{state}");
        }
    }

    #[test]
    fn every_state_can_be_reached() {
        let reached = |to: TaskState| TaskState::ALL.iter().any(|from| from.may_become(to));
        assert!(TaskState::ALL.iter().all(|state| *state == TaskState::Pending || reached(*state)));
        let reached = |to: JobState| JobState::ALL.iter().any(|from| from.may_become(to));
        let first = [JobState::Pending, JobState::Scheduled];
        assert!(JobState::ALL.iter().all(|state| first.contains(state) || reached(*state)));
    }
}
