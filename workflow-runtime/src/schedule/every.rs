//! Intervals: every so often, by real time.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::moments::{LAST, between};
use super::words;
use crate::timestamp::Timestamp;

/// Every so often, by real time: at an anchor, and at every whole number of intervals before and after it.
///
/// Nothing drifts: the millionth moment is the anchor and a million intervals.
///
/// ```
/// use std::time::Duration;
///
/// use workflow_runtime::schedule::{Every, every};
///
/// let quarters = every(Duration::from_secs(900))?.anchored("2026-11-21T09:05:00Z".parse()?);
/// assert_eq!(quarters.next("2026-11-21T10:00:00Z".parse()?), Some("2026-11-21T10:05:00Z".parse()?));
/// assert_eq!(quarters.describe(), "every 15 minutes, counted from 2026-11-21 09:05:00 UTC");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Every {
    /// In microseconds, at least a thousand of them.
    interval: u64,
    anchor: Option<Timestamp>,
}

/// Every so often; anchored where the schedule is made that has it, unless something else is said.
///
/// # Errors
/// When the interval is shorter than a millisecond.
pub fn every(interval: Duration) -> Result<Every, TooOften> {
    match u64::try_from(interval.as_micros()) {
        Ok(micros) if micros < 1000 => Err(TooOften(interval)),
        micros => Ok(Every { interval: micros.unwrap_or(u64::MAX), anchor: None }),
    }
}

/// An interval that is too short for a schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an interval of {0:?} is too short for a schedule; make it a millisecond or longer")]
pub struct TooOften(Duration);

impl Every {
    /// Counts from a moment on, and back.
    #[must_use]
    pub fn anchored(self, anchor: Timestamp) -> Self {
        Self { anchor: Some(anchor), ..self }
    }

    /// Counts from when 1970 began in UTC: every hour is every full hour, every day is every midnight of UTC.
    #[must_use]
    pub fn aligned(self) -> Self {
        self.anchored(Timestamp::EPOCH)
    }

    /// Sets from when on it counts, if nothing else is set.
    pub(super) fn made(self, at: Timestamp) -> Self {
        Self { anchor: self.anchor.or(Some(at)), ..self }
    }

    /// How often.
    pub fn interval(&self) -> Duration {
        Duration::from_micros(self.interval)
    }

    /// From when on it counts: until a schedule has set that, from when 1970 began.
    pub fn anchor(&self) -> Option<Timestamp> {
        self.anchor
    }

    /// The first of its moments after another.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        self.moment(self.intervals(after) + 1)
    }

    /// The last of its moments before another; none, if it would be before 1970 began.
    pub fn previous(&self, before: Timestamp) -> Option<Timestamp> {
        self.moment(self.intervals(before - Duration::from_micros(1)))
    }

    /// Its moments from one on, and before another, in order.
    pub fn between(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = Timestamp> + use<> {
        let every = *self;
        between(from, to, move |after| every.next(after))
    }

    /// How many [moments](Self::between) there are, without going through them.
    pub fn count(&self, from: Timestamp, to: Timestamp) -> u64 {
        let micro = Duration::from_micros(1);
        let before =
            |moment: Timestamp| self.intervals(moment.clamp(Timestamp::EPOCH + micro, LAST + micro) - micro);
        u64::try_from(before(to) - before(from)).unwrap_or(0)
    }

    /// What it says, in plain words.
    pub fn describe(&self) -> String {
        words::every(self)
    }

    /// How many whole intervals lie between the anchor and a moment; less than none before the anchor.
    fn intervals(&self, moment: Timestamp) -> i128 {
        let anchor = self.anchor.unwrap_or_default();
        (i128::from(moment.as_micros()) - i128::from(anchor.as_micros()))
            .div_euclid(i128::from(self.interval))
    }

    /// The moment so many intervals after the anchor.
    fn moment(&self, intervals: i128) -> Option<Timestamp> {
        let anchor = i128::from(self.anchor.unwrap_or_default().as_micros());
        let micros = u64::try_from(anchor + intervals * i128::from(self.interval)).ok()?;
        Some(Timestamp::from_micros(micros)).filter(|moment| Timestamp::EPOCH < *moment && *moment <= LAST)
    }
}

/// An interval as it is kept.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    interval: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    anchor: Option<Timestamp>,
}

impl From<Every> for Written {
    fn from(every: Every) -> Self {
        Self { interval: workflow_graph::format_duration(every.interval()), anchor: every.anchor }
    }
}

impl TryFrom<Written> for Every {
    type Error = Box<dyn std::error::Error>;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let interval = every(workflow_graph::parse_duration(&written.interval)?)?;
        Ok(Self { anchor: written.anchor, ..interval })
    }
}
