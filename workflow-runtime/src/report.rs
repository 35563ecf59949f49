//! How agents have done, hour by hour.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::spread::upper_end;
use crate::stats::Tally;
use crate::store::{Store, StoreError};
use crate::timestamp::Timestamp;

/// How long an hour is, and a day.
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// For how many days it is kept.
pub(crate) const DAYS: u64 = 14;

/// What an agent did in an hour.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Hour {
    pub(crate) ended: u64,
    pub(crate) failed: u64,
    pub(crate) cancelled: u64,
    pub(crate) timed_out: u64,
    pub(crate) retries: u64,
    pub(crate) seconds: f64,
    pub(crate) cents: f64,
    /// By parts of how long attempts took, how many are in each.
    pub(crate) spread: BTreeMap<usize, u64>,
}

impl Hour {
    /// What has come since an earlier tally.
    pub(crate) fn since(before: Option<&Tally>, now: &Tally) -> Self {
        let less = |which: fn(&Tally) -> u64| which(now).saturating_sub(before.map_or(0, which));
        let parts = now.durations.parts().map(|(place, count)| {
            (place, count.saturating_sub(before.map_or(0, |before| before.durations.part(place))))
        });
        let spread: BTreeMap<usize, u64> = parts.filter(|(_, count)| *count > 0).collect();
        let sum = before.map_or(Duration::ZERO, |before| before.durations.sum);
        Self {
            ended: spread.values().sum(),
            failed: less(|tally| tally.failed),
            cancelled: less(|tally| tally.cancelled),
            timed_out: less(|tally| tally.timed_out),
            retries: less(|tally| tally.retries),
            seconds: now.durations.sum.saturating_sub(sum).as_secs_f64(),
            cents: now.cents - before.map_or(0.0, |before| before.cents),
            spread,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ended == 0 && self.retries == 0 && self.cents == 0.0
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.ended += other.ended;
        self.failed += other.failed;
        self.cancelled += other.cancelled;
        self.timed_out += other.timed_out;
        self.retries += other.retries;
        self.seconds += other.seconds;
        self.cents += other.cents;
        for (place, count) in &other.spread {
            *self.spread.entry(*place).or_default() += count;
        }
    }

    /// So many of a hundred took at most so long, within an eighth.
    fn quantile(&self, percent: u64) -> Duration {
        let total: u64 = self.spread.values().sum();
        let wanted = (total * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let place = self.spread.iter().find(|(_, count)| {
            seen += **count;
            seen >= wanted
        });
        place.map_or(Duration::ZERO, |(place, _)| upper_end(*place))
    }
}

/// What an agent did in a day, by its hours.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Day(pub(crate) BTreeMap<u8, Hour>);

impl Day {
    pub(crate) fn add(&mut self, other: &Self) {
        for (hour, what) in &other.0 {
            self.0.entry(*hour).or_default().add(what);
        }
    }
}

/// Which day it is, from 1970 on, and which hour of it.
pub(crate) fn day_and_hour(at: Timestamp) -> (u64, u8) {
    let seconds = at.as_micros() / 1_000_000;
    (seconds / DAY, (seconds % DAY / HOUR) as u8)
}

/// When an hour of a day began.
fn beginning(day: u64, hour: u8) -> Timestamp {
    Timestamp::from_micros((day * DAY + u64::from(hour) * HOUR) * 1_000_000)
}

/// What agents did, by days.
pub(crate) type Days = BTreeMap<(u64, Arc<str>), Day>;

/// Where a store keeps a day: a note for each agent.
pub(crate) fn topic(day: u64) -> String {
    format!("report/{day}")
}

/// So many hours that end now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    first: Timestamp,
    now: Timestamp,
}

impl Span {
    /// The last hours, as many as are kept.
    pub(crate) fn last(hours: u64, now: Timestamp) -> Self {
        Self { first: now - Duration::from_secs(hours.min(DAYS * 24) * HOUR), now }
    }

    /// What a store has of its days.
    pub(crate) fn read(self, store: &dyn Store) -> Result<Days, StoreError> {
        let ((from, _), (to, _)) = (day_and_hour(self.first), day_and_hour(self.now));
        let mut days = Days::new();
        for day in from..=to {
            for note in store.notes(&topic(day))? {
                days.insert((day, note.name), serde_json::from_str(&note.text).unwrap_or_default());
            }
        }
        Ok(days)
    }

    /// How agents did in its hours, by their names.
    pub(crate) fn tell(self, days: &Days) -> BTreeMap<String, AgentReport> {
        let mut agents: BTreeMap<&str, Vec<(Timestamp, &Hour)>> = BTreeMap::new();
        for ((day, agent), what) in days {
            let hours = what.0.iter().map(|(hour, what)| (beginning(*day, *hour), what));
            let told = hours.filter(|(at, _)| *at + Duration::from_secs(HOUR) > self.first);
            for hour in told {
                agents.entry(agent).or_default().push(hour);
            }
        }
        agents
            .into_iter()
            .map(|(agent, hours)| (agent.to_owned(), AgentReport::of(self.first, &hours)))
            .collect()
    }
}

/// How an agent did over some hours, on all machines.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "http", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct AgentReport {
    /// All the hours together, from the moment on that was asked for.
    pub whole: AgentHour,
    /// Each of them in which it did anything, the oldest first.
    pub hours: Vec<AgentHour>,
}

impl AgentReport {
    fn of(first: Timestamp, hours: &[(Timestamp, &Hour)]) -> Self {
        let mut whole = Hour::default();
        hours.iter().for_each(|(_, hour)| whole.add(hour));
        let hours = hours.iter().map(|(at, hour)| AgentHour::of(*at, hour));
        Self { whole: AgentHour::of(first, &whole), hours: hours.collect() }
    }
}

/// How an agent did in an hour, on all machines.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "http", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct AgentHour {
    /// When it began.
    pub at: Timestamp,
    /// Attempts that ended.
    pub count: u64,
    /// Those of them that succeeded.
    pub succeeded: u64,
    /// Those of them that took too long.
    pub timed_out: u64,
    /// Those that failed and were followed by another.
    pub retries: u64,
    /// Half of the attempts took at most so many seconds, within an eighth.
    pub p50: f64,
    /// Of 100 attempts, 95 took at most so many seconds, within an eighth.
    pub p95: f64,
    /// What they have cost, in cents.
    pub cents: f64,
}

impl AgentHour {
    fn of(at: Timestamp, hour: &Hour) -> Self {
        Self {
            at,
            count: hour.ended,
            succeeded: hour.ended.saturating_sub(hour.failed + hour.cancelled + hour.timed_out),
            timed_out: hour.timed_out,
            retries: hour.retries,
            p50: hour.quantile(50).as_secs_f64(),
            p95: hour.quantile(95).as_secs_f64(),
            cents: hour.cents,
        }
    }
}
