//! How long things took, counted: every power of two of nanoseconds in eight parts.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::apart::{PARTS, own_part};

/// From eight nanoseconds up to an hour and more.
const BUCKETS: usize = 43 * EIGHTHS;
const EIGHTHS: usize = 8;

/// Durations that few threads count.
#[derive(Debug)]
pub(crate) struct Durations {
    counts: [AtomicU64; BUCKETS],
    nanos: AtomicU64,
}

impl Default for Durations {
    fn default() -> Self {
        Self { counts: std::array::from_fn(|_| AtomicU64::new(0)), nanos: AtomicU64::new(0) }
    }
}

impl Durations {
    pub(crate) fn add(&self, took: Duration) {
        self.counts[bucket(took)].fetch_add(1, Relaxed);
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        if nanos > 0 {
            self.nanos.fetch_add(nanos, Relaxed);
        }
    }
}

/// What is counted by many threads: each has a part, made when it first counts, on cache lines that few others write.
#[derive(Debug)]
pub(crate) struct InParts<T> {
    parts: [OnceLock<Box<T>>; PARTS],
}

impl<T> Default for InParts<T> {
    fn default() -> Self {
        Self { parts: std::array::from_fn(|_| OnceLock::new()) }
    }
}

impl<T: Default> InParts<T> {
    /// The part of this thread.
    pub(crate) fn own(&self) -> &T {
        self.parts[own_part()].get_or_init(Box::default)
    }

    /// The parts that there are.
    pub(crate) fn all(&self) -> impl Iterator<Item = &T> {
        self.parts.iter().filter_map(OnceLock::get).map(|part| &**part)
    }

    /// A number of all parts.
    pub(crate) fn sum(&self, which: impl Fn(&T) -> &AtomicU64) -> u64 {
        self.all().map(|part| which(part).load(Relaxed)).sum()
    }
}

/// Durations of many parts, added up.
#[derive(Debug, Clone)]
pub(crate) struct Spread {
    counts: Vec<u64>,
    pub(crate) sum: Duration,
}

impl<'a> FromIterator<&'a Durations> for Spread {
    fn from_iter<I: IntoIterator<Item = &'a Durations>>(parts: I) -> Self {
        let (mut counts, mut nanos) = (vec![0; BUCKETS], 0_u64);
        for part in parts {
            for (count, own) in counts.iter_mut().zip(&part.counts) {
                *count += own.load(Relaxed);
            }
            nanos = nanos.wrapping_add(part.nanos.load(Relaxed));
        }
        Self { counts, sum: Duration::from_nanos(nanos) }
    }
}

impl Spread {
    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// By parts, how many are in those that have any.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (usize, u64)> {
        self.counts.iter().copied().enumerate().filter(|(_, count)| *count > 0)
    }

    /// How many are in a part.
    pub(crate) fn part(&self, place: usize) -> u64 {
        self.counts.get(place).copied().unwrap_or(0)
    }

    /// So many more took no time.
    pub(crate) fn add_zeros(&mut self, count: u64) {
        self.counts[0] += count;
    }

    /// By where parts end, how many are in them that have any.
    pub(crate) fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> {
        let full = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        full.map(|(place, count)| (upper_end(place), *count))
    }
}

fn bucket(time: Duration) -> usize {
    let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).max(EIGHTHS as u64);
    let power = nanos.ilog2() as usize;
    let part = usize::try_from(nanos >> (power - 3)).unwrap_or(0) % EIGHTHS;
    ((power - 3) * EIGHTHS + part).min(BUCKETS - 1)
}

/// Where a part ends.
pub(crate) fn upper_end(bucket: usize) -> Duration {
    let bucket = bucket.min(BUCKETS - 1);
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
}
