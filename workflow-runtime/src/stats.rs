//! Statistics of agents: counters and a histogram of durations, each an atomic number.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::apart::{PARTS, own_part};

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

/// Every power of two of nanoseconds in eight parts, up to an hour and more.
const BUCKETS: usize = 43 * EIGHTHS;
const EIGHTHS: usize = 8;

/// What is counted of an agent: in parts, for threads that count at once would have to wait for one another's caches.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    parts: [OnceLock<Box<Part>>; PARTS],
}

/// What one thread, or a few, have counted.
#[derive(Debug)]
struct Part {
    /// Of attempts that took longer than one poll.
    started: AtomicU64,
    ended: AtomicU64,
    /// Of all attempts.
    failed: AtomicU64,
    retries: AtomicU64,
    durations: [AtomicU64; BUCKETS],
}

impl Part {
    fn new() -> Box<Self> {
        Box::new(Self {
            started: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            durations: std::array::from_fn(|_| AtomicU64::new(0)),
        })
    }
}

impl Counters {
    fn own(&self) -> &Part {
        self.parts[own_part()].get_or_init(Part::new)
    }

    pub(crate) fn start(&self) {
        self.own().started.fetch_add(1, Relaxed);
    }

    /// One that had [started](Self::start) ended.
    pub(crate) fn end(&self, success: bool, took: Duration) {
        self.own().ended.fetch_add(1, Relaxed);
        self.whole(success, took);
    }

    /// One came and went in one go.
    pub(crate) fn whole(&self, success: bool, took: Duration) {
        let own = self.own();
        if !success {
            own.failed.fetch_add(1, Relaxed);
        }
        own.durations[bucket(took)].fetch_add(1, Relaxed);
    }

    pub(crate) fn retry(&self) {
        self.own().retries.fetch_add(1, Relaxed);
    }

    pub(crate) fn read(&self) -> AgentStats {
        let parts: Vec<&Part> = self.parts.iter().filter_map(OnceLock::get).map(|part| &**part).collect();
        let sum =
            |which: fn(&Part) -> &AtomicU64| parts.iter().map(|part| which(part).load(Relaxed)).sum::<u64>();
        // What has started is read last, so that what has ended is not more.
        let (ended, failed) = (sum(|part| &part.ended), sum(|part| &part.failed));
        let count =
            |bucket: usize| parts.iter().map(|part| part.durations[bucket].load(Relaxed)).sum::<u64>();
        let counts: Vec<u64> = (0..BUCKETS).map(count).collect();
        let total: u64 = counts.iter().sum();
        let quantile = |percent: u64| {
            let wanted = (total * percent).div_ceil(100).max(1);
            let mut seen = 0;
            let place = counts.iter().position(|count| {
                seen += count;
                seen >= wanted
            });
            place.map_or(Duration::ZERO, upper_end)
        };
        AgentStats {
            count: total,
            succeeded: total.saturating_sub(failed),
            retries: sum(|part| &part.retries),
            active: sum(|part| &part.started).saturating_sub(ended),
            p50: quantile(50),
            p95: quantile(95),
            p99: quantile(99),
        }
    }
}

fn bucket(time: Duration) -> usize {
    let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).max(EIGHTHS as u64);
    let power = nanos.ilog2() as usize;
    let part = usize::try_from(nanos >> (power - 3)).unwrap_or(0) % EIGHTHS;
    ((power - 3) * EIGHTHS + part).min(BUCKETS - 1)
}

fn upper_end(bucket: usize) -> Duration {
    let (power, part) = (bucket / EIGHTHS + 3, (bucket % EIGHTHS) as u64);
    Duration::from_nanos((EIGHTHS as u64 + part + 1) << (power - 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_told_within_an_eighth() {
        for nanos in [1, 8, 9, 1000, 12_345, 1_000_000, 999_999_999, 3_600_000_000_000] {
            let told = upper_end(bucket(Duration::from_nanos(nanos))).as_nanos();
            let (nanos, told) = (u128::from(nanos.max(8)), told);
            assert!(told >= nanos && told * 8 <= nanos * 9 + 8, "{nanos} is told as {told}");
        }
    }

    #[test]
    fn quantiles_are_those_of_what_was_counted() {
        let counters = Counters::default();
        for millis in 1..=100 {
            counters.start();
            counters.end(millis % 10 != 0, Duration::from_millis(millis));
        }
        let stats = counters.read();
        assert_eq!((stats.count, stats.succeeded, stats.active), (100, 90, 0));
        for (told, wanted) in [(stats.p50, 50.0), (stats.p95, 95.0), (stats.p99, 99.0)] {
            let told = told.as_secs_f64() * 1000.0;
            assert!(told >= wanted && told <= wanted * 1.13, "{told} for {wanted}");
        }
    }
}
