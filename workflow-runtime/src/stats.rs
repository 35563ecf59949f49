//! Statistics of agents: counters and a histogram of durations, each an atomic number.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::failure::FailureKind;
use crate::spread::{Durations, InParts, Spread};

/// How an agent has done so far, in this process.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct AgentStats {
    /// Attempts that ended.
    pub count: u64,
    /// Those of them that succeeded.
    pub succeeded: u64,
    /// Those that failed and were followed by another.
    pub retries: u64,
    /// Attempts that run just now.
    pub active: u64,
    /// What they have cost, in cents, as far as they [said](crate::TaskContext::cost).
    pub cents: f64,
    /// Half of the attempts took at most so long, within an eighth.
    pub p50: Duration,
    /// Of 100 attempts, 95 took at most so long, within an eighth.
    pub p95: Duration,
    /// Of 100 attempts, 99 took at most so long, within an eighth.
    pub p99: Duration,
}

impl AgentStats {
    /// The share of attempts that succeeded: from 0 to 1, and 1 when there were none.
    #[expect(clippy::cast_precision_loss, reason = "a share of so many need not be exact")]
    pub fn success_rate(&self) -> f64 {
        if self.count == 0 { 1.0 } else { self.succeeded as f64 / self.count as f64 }
    }
}

/// How many millionths there are.
const MICROS: f64 = 1_000_000.0;

/// What is counted of an agent: in parts, for threads that count at once would have to wait for one another's caches.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    parts: InParts<Part>,
}

/// What one thread, or a few, have counted.
#[derive(Debug, Default)]
struct Part {
    /// Of attempts that took longer than one poll.
    started: AtomicU64,
    ended: AtomicU64,
    /// Of all attempts: those that did not succeed, and how.
    failed: AtomicU64,
    cancelled: AtomicU64,
    timed_out: AtomicU64,
    retries: AtomicU64,
    /// In millionths of a cent.
    cost: AtomicU64,
    durations: Durations,
}

/// All that is known of an agent's attempts.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) active: u64,
    pub(crate) failed: u64,
    pub(crate) cancelled: u64,
    pub(crate) timed_out: u64,
    pub(crate) retries: u64,
    pub(crate) cents: f64,
    pub(crate) durations: Spread,
}

impl Tally {
    pub(crate) fn succeeded(&self) -> u64 {
        self.durations.count().saturating_sub(self.failed + self.cancelled + self.timed_out)
    }
}

impl Counters {
    pub(crate) fn start(&self) {
        self.parts.own().started.fetch_add(1, Relaxed);
    }

    /// One that had [started](Self::start) ended: as it should, or by a failure.
    pub(crate) fn end(&self, failure: Option<FailureKind>, took: Duration) {
        self.parts.own().ended.fetch_add(1, Relaxed);
        self.whole(failure, took);
    }

    /// One came and went in one go.
    pub(crate) fn whole(&self, failure: Option<FailureKind>, took: Duration) {
        let own = self.parts.own();
        if let Some(kind) = failure {
            let how = match kind {
                FailureKind::Cancelled => &own.cancelled,
                FailureKind::TimedOut | FailureKind::Expired | FailureKind::Stalled => &own.timed_out,
                _ => &own.failed,
            };
            how.fetch_add(1, Relaxed);
        }
        own.durations.add(took);
    }

    pub(crate) fn retry(&self) {
        self.parts.own().retries.fetch_add(1, Relaxed);
    }

    /// So much was spent.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "who counts looks that it is more than nothing"
    )]
    pub(crate) fn cost(&self, cents: f64) {
        self.parts.own().cost.fetch_add((cents * MICROS).min(1e18) as u64, Relaxed);
    }

    /// Whether anything was counted.
    pub(crate) fn is_used(&self) -> bool {
        self.parts.all().next().is_some()
    }

    #[expect(clippy::cast_precision_loss, reason = "a sum of money so large need not be exact")]
    pub(crate) fn tally(&self) -> Tally {
        // What has started is read last, so that what has ended is not more.
        let ended = self.parts.sum(|part| &part.ended);
        let sum = |which: fn(&Part) -> &AtomicU64| self.parts.sum(which);
        Tally {
            failed: sum(|part| &part.failed),
            cancelled: sum(|part| &part.cancelled),
            timed_out: sum(|part| &part.timed_out),
            retries: sum(|part| &part.retries),
            cents: sum(|part| &part.cost) as f64 / MICROS,
            durations: self.parts.all().map(|part| &part.durations).collect(),
            active: sum(|part| &part.started).saturating_sub(ended),
        }
    }

    pub(crate) fn read(&self) -> AgentStats {
        let tally = self.tally();
        let total = tally.durations.count();
        let quantile = |percent: u64| {
            let wanted = (total * percent).div_ceil(100).max(1);
            let mut seen = 0;
            let place = tally.durations.buckets().find(|(_, count)| {
                seen += count;
                seen >= wanted
            });
            place.map_or(Duration::ZERO, |(upper_end, _)| upper_end)
        };
        AgentStats {
            count: total,
            succeeded: tally.succeeded(),
            retries: tally.retries,
            active: tally.active,
            cents: tally.cents,
            p50: quantile(50),
            p95: quantile(95),
            p99: quantile(99),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_what_was_counted() {
        let counters = Counters::default();
        for millis in 1..=100 {
            counters.start();
            counters.end((millis % 10 == 0).then_some(FailureKind::Error), Duration::from_millis(millis));
        }
        let stats = counters.read();
        assert_eq!((stats.count, stats.succeeded, stats.active), (100, 90, 0));
        for (told, wanted) in [(stats.p50, 50.0), (stats.p95, 95.0), (stats.p99, 99.0)] {
            let told = told.as_secs_f64() * 1000.0;
            assert!(told >= wanted && told <= wanted * 1.13, "{told} for {wanted}");
        }
    }
}
