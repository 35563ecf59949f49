//! The words by which databases keep states and priorities: those of records.

use crate::options::Priority;
use crate::state::JobState;

/// The word for a state, as records have it.
pub(super) const fn state_word(state: JobState) -> &'static str {
    match state {
        JobState::Pending => "pending",
        JobState::Scheduled => "scheduled",
        JobState::Running => "running",
        JobState::Paused => "paused",
        JobState::Stopping => "stopping",
        JobState::Compensating => "compensating",
        JobState::Succeeded => "succeeded",
        JobState::Failed => "failed",
        JobState::Cancelled => "cancelled",
        JobState::Expired => "expired",
    }
}

/// All priorities.
pub(super) const PRIORITIES: &[Priority] =
    &[Priority::Low, Priority::Normal, Priority::High, Priority::Critical];

/// The word for a priority, as records have it.
pub(super) const fn priority_word(priority: Priority) -> &'static str {
    match priority {
        Priority::Low => "low",
        Priority::Normal => "normal",
        Priority::High => "high",
        Priority::Critical => "critical",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_records() {
        for state in JobState::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state_word(*state));
        }
        for priority in PRIORITIES {
            assert_eq!(serde_json::to_value(priority).unwrap(), priority_word(*priority));
        }
    }
}
