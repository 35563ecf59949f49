//! A schedule as data: what a store keeps of it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::duration_text;
use super::policy::{Missed, Overlap};
use super::rule::Rule;
use super::tick::{Cause, Tick};
use super::words;
use crate::timestamp::Timestamp;

/// When something runs, again and again, and what holds when that goes wrong. What it runs is kept beside it.
///
/// It is plain data. What is due is worked out by [`due`](Self::due), which reads no clock and writes nothing.
///
/// ```
/// use std::time::Duration;
///
/// use workflow_runtime::schedule::{Cron, Missed, Schedule, State};
/// # let now: workflow_runtime::Timestamp = "2026-11-20T18:00:00Z".parse()?;
///
/// let nightly = Schedule::new("nightly", Cron::parse("0 3 * * *")?, now)
///     .missed(Missed::Once)
///     .jitter(Duration::from_secs(60));
/// assert_eq!(nightly.describe(), "at 03:00 every day, UTC, up to 1 minute later");
///
/// // Nothing ran for three days; then somebody asks what is due.
/// let due = nightly.due(&State::default(), now + Duration::from_secs(3 * 86_400));
/// assert_eq!(due.ticks[0].key(), "nightly@2026-11-23T03:00:00Z");
/// assert_eq!(due.skipped, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Schedule {
    /// Its name, which is a part of every tick's [key](Tick::key).
    pub name: String,
    /// When it fires.
    pub rule: Rule,
    /// What becomes of ticks that were not seen in time.
    #[serde(default)]
    pub missed: Missed,
    /// What becomes of a tick while a run is not over.
    #[serde(default)]
    pub overlap: Overlap,
    /// Nothing is due while it is paused.
    #[serde(default)]
    pub paused: bool,
    /// Nothing is due before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts: Option<Timestamp>,
    /// Nothing is due from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<Timestamp>,
    /// Ticks run up to so much later than their moment, each by a time of its own, so that not all schedules of midnight
    /// run at once. How much later follows from the schedule's name and the tick's moment alone, and is always less than
    /// the time to the next tick.
    #[serde(default, skip_serializing_if = "Duration::is_zero", with = "duration_text")]
    pub jitter: Duration,
    /// A tick that is seen so long after it was due, or earlier, is on time; one that is seen later was missed.
    #[serde(default = "default_tolerance", with = "duration_text")]
    pub tolerance: Duration,
    /// Nothing is due up to this moment: it was made, taken up again after a pause, or changed then.
    pub since: Timestamp,
    /// How often it was changed.
    #[serde(default)]
    pub version: u64,
}

impl Schedule {
    /// The tolerance unless another is set.
    pub const TOLERANCE: Duration = Duration::from_secs(60);

    /// A schedule that is made now. Its first tick is after this moment.
    pub fn new(name: impl Into<String>, rule: impl Into<Rule>, now: Timestamp) -> Self {
        Self {
            name: name.into(),
            rule: anchored(rule.into(), now),
            missed: Missed::default(),
            overlap: Overlap::default(),
            paused: false,
            starts: None,
            ends: None,
            jitter: Duration::ZERO,
            tolerance: Self::TOLERANCE,
            since: now,
            version: 0,
        }
    }

    /// Sets what becomes of ticks that were not seen in time.
    #[must_use]
    pub fn missed(self, missed: Missed) -> Self {
        Self { missed, ..self }
    }

    /// Sets what becomes of a tick while a run is not over.
    #[must_use]
    pub fn overlap(self, overlap: Overlap) -> Self {
        Self { overlap, ..self }
    }

    /// Nothing is due before this moment.
    #[must_use]
    pub fn starts(self, moment: Timestamp) -> Self {
        Self { starts: Some(moment), ..self }
    }

    /// Nothing is due from this moment on.
    #[must_use]
    pub fn ends(self, moment: Timestamp) -> Self {
        Self { ends: Some(moment), ..self }
    }

    /// Sets how much later than their moment ticks may run.
    #[must_use]
    pub fn jitter(self, jitter: Duration) -> Self {
        Self { jitter, ..self }
    }

    /// Sets for how long after a tick was due seeing it is in time.
    #[must_use]
    pub fn tolerance(self, tolerance: Duration) -> Self {
        Self { tolerance, ..self }
    }

    /// Lets nothing be due until it is [resumed](Self::resume).
    pub fn pause(&mut self) {
        self.paused = true;
        self.version += 1;
    }

    /// Ends a pause. Ticks of the pause are neither run nor missed; a [backfill](Self::backfill) still finds them.
    pub fn resume(&mut self, now: Timestamp) {
        self.paused = false;
        self.since = self.since.max(now);
        self.version += 1;
    }

    /// Changes the rule. Ticks that the new rule has before now are not its own; a [backfill](Self::backfill) finds them.
    pub fn change(&mut self, rule: impl Into<Rule>, now: Timestamp) {
        self.rule = anchored(rule.into(), now);
        self.since = self.since.max(now);
        self.version += 1;
    }

    /// The moments after another at which it fires, as its rule and its bounds say, and if it were not paused.
    pub fn next_times(&self, after: Timestamp, count: usize) -> Vec<Timestamp> {
        std::iter::successors(self.next_moment(after), |last| self.next_moment(*last)).take(count).collect()
    }

    /// The ticks from one moment on, and before another, as its rule and its bounds say: also those before it was
    /// made, those of a pause, and those that ran already. The keys of the last are taken.
    pub fn backfill(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = Tick> + use<'_> {
        let from = self.starts.map_or(from, |starts| starts.max(from));
        let to = self.ends.map_or(to, |ends| ends.min(to));
        self.rule.between(from, to).map(|moment| Tick {
            schedule: self.name.clone(),
            moment,
            due: moment,
            cause: Cause::Backfill,
        })
    }

    /// A run now, whatever the rule says, and also in a pause.
    pub fn trigger(&self, now: Timestamp) -> Tick {
        Tick { schedule: self.name.clone(), moment: now, due: now, cause: Cause::ByHand }
    }

    /// What it says, in plain words.
    pub fn describe(&self) -> String {
        words::schedule(self)
    }

    /// The first moment after another, within the bounds.
    pub(super) fn next_moment(&self, after: Timestamp) -> Option<Timestamp> {
        let after = self.starts.map_or(after, |starts| after.max(starts - Duration::from_micros(1)));
        self.rule.next(after).filter(|next| self.ends.is_none_or(|ends| *next < ends))
    }
}

/// Counts an interval from now, unless something else is set.
fn anchored(rule: Rule, now: Timestamp) -> Rule {
    match rule {
        Rule::Every(every) => Rule::Every(every.made(now)),
        Rule::Cron(_) => rule,
    }
}

fn default_tolerance() -> Duration {
    Schedule::TOLERANCE
}
