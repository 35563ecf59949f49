//! When a schedule fires: by cron or by interval.

use serde::{Deserialize, Serialize};

use super::cron::Cron;
use super::every::Every;
use super::moments::between;
use crate::timestamp::Timestamp;

/// When a schedule fires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Rule {
    /// At times of day on days of the calendar.
    Cron(Cron),
    /// Every so often.
    Every(Every),
}

impl Rule {
    /// The first moment after another at which it fires; none, if it never does again.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Cron(cron) => cron.next(after),
            Self::Every(every) => every.next(after),
        }
    }

    /// The last moment before another at which it fired; none, if it never did since 1970 began.
    pub fn previous(&self, before: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Cron(cron) => cron.previous(before),
            Self::Every(every) => every.previous(before),
        }
    }

    /// The moments from one on, and before another, at which it fires, in order.
    pub fn between(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = Timestamp> + use<'_> {
        between(from, to, |after| self.next(after))
    }

    /// How many [moments](Self::between) there are, without going through them.
    pub fn count(&self, from: Timestamp, to: Timestamp) -> u64 {
        match self {
            Self::Cron(cron) => cron.count(from, to),
            Self::Every(every) => every.count(from, to),
        }
    }

    /// What it says, in plain words: `at 09:00 on Monday to Friday, Europe/Berlin`.
    pub fn describe(&self) -> String {
        match self {
            Self::Cron(cron) => cron.describe(),
            Self::Every(every) => every.describe(),
        }
    }
}

impl From<Cron> for Rule {
    fn from(cron: Cron) -> Self {
        Self::Cron(cron)
    }
}

impl From<Every> for Rule {
    fn from(every: Every) -> Self {
        Self::Every(every)
    }
}
