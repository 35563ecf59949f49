//! One moment of a schedule, and the one run that it may have.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::timestamp::Timestamp;

/// One moment at which a schedule fires.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Tick {
    /// The schedule's name.
    pub schedule: String,
    /// The moment that the rule names.
    pub moment: Timestamp,
    /// When it is to run: the moment, and the jitter.
    pub due: Timestamp,
    /// Why it runs.
    pub cause: Cause,
}

/// Why a tick runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cause {
    /// It was seen in time.
    OnTime,
    /// It was missed, and is made up for.
    Missed,
    /// Somebody asked for the ticks of a time that is over.
    Backfill,
    /// Somebody asked for a run now, whatever the rule says.
    ByHand,
}

impl Tick {
    /// What no two runs may have in common, ever: `nightly@2026-11-21T09:00:00Z`.
    ///
    /// It is the same whoever works it out, when, and why; a store that accepts each key once therefore gives each
    /// moment one run, also where it comes up again in a backfill. A run by hand is none of the rule's moments and
    /// has a key of its own, `nightly@2026-11-21T09:07:31.000012Z/by-hand`.
    pub fn key(&self) -> String {
        let by_hand = if self.cause == Cause::ByHand { "/by-hand" } else { "" };
        format!("{}@{}{by_hand}", self.schedule, Short(self.moment))
    }
}

/// A moment in UTC, without the part of a second if there is none.
pub(super) struct Short(pub(super) Timestamp);

impl fmt::Display for Short {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        match text.strip_suffix(".000000Z") {
            Some(whole) => write!(out, "{whole}Z"),
            None => out.write_str(&text),
        }
    }
}
