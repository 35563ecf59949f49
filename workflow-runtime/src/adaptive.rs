//! Timeouts that follow how long attempts take.

use std::collections::VecDeque;
use std::time::Duration;

/// A timeout that follows how long an agent's attempts take: so many times as long as most of those that succeeded of late, within
/// bounds. What the agent's or its step's own `timeout` says still holds, if it is shorter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adaptive {
    pub(crate) percentile: f64,
    pub(crate) factor: f64,
    pub(crate) least: Duration,
    pub(crate) most: Duration,
}

impl Adaptive {
    /// Three times as long as 99 of 100 took, within these bounds. Until 20 attempts have succeeded, it is the upper one.
    pub fn within(least: Duration, most: Duration) -> Self {
        Self { percentile: 99.0, factor: 3.0, least: least.min(most), most }
    }

    /// Sets how many of 100 attempts it goes by.
    #[must_use]
    pub fn percentile(mut self, percent: f64) -> Self {
        self.percentile = if percent.is_finite() { percent.clamp(1.0, 100.0) } else { 99.0 };
        self
    }

    /// Sets how many times as long one may take.
    #[must_use]
    pub fn factor(mut self, times: f64) -> Self {
        self.factor = if times.is_finite() { times.max(1.0) } else { 3.0 };
        self
    }
}

/// How many attempts are remembered, and from how many on something follows from them.
const KEPT: usize = 256;
const ENOUGH: usize = 20;

/// How long attempts took of late.
#[derive(Debug, Default)]
pub(crate) struct Lately {
    took: VecDeque<Duration>,
    /// What follows from them, and how many have come since that was worked out.
    timeout: Option<Duration>,
    since: usize,
}

impl Lately {
    /// An attempt succeeded, and took so long; or it took too long, and would have taken longer.
    pub(crate) fn add(&mut self, took: Duration, succeeded: bool) {
        if self.took.len() == KEPT {
            self.took.pop_front();
        }
        self.took.push_back(if succeeded { took } else { took.saturating_mul(2) });
        self.since += 1;
    }

    /// How long the next may take.
    pub(crate) fn timeout(&mut self, adaptive: &Adaptive) -> Duration {
        if self.took.len() < ENOUGH {
            return adaptive.most;
        }
        if self.since > self.took.len() / 16 || self.timeout.is_none() {
            self.timeout = Some(self.worked_out(adaptive));
            self.since = 0;
        }
        self.timeout.unwrap_or(adaptive.most)
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a place among a few hundred"
    )]
    fn worked_out(&self, adaptive: &Adaptive) -> Duration {
        let mut sorted: Vec<Duration> = self.took.iter().copied().collect();
        sorted.sort_unstable();
        let place = (sorted.len() as f64 * adaptive.percentile / 100.0).ceil() as usize;
        let took = sorted[place.clamp(1, sorted.len()) - 1].as_secs_f64() * adaptive.factor;
        let took = Duration::try_from_secs_f64(took).unwrap_or(adaptive.most);
        took.clamp(adaptive.least, adaptive.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn after(times: &[(u64, bool)]) -> Duration {
        let mut lately = Lately::default();
        times.iter().for_each(|(millis, succeeded)| lately.add(Duration::from_millis(*millis), *succeeded));
        lately.timeout(&Adaptive::within(SECOND, 60 * SECOND))
    }

    #[test]
    fn it_follows_what_attempts_take_within_its_bounds() {
        assert_eq!(after(&[(10, true); 19]), 60 * SECOND, "nothing follows from a few");
        assert_eq!(after(&[(10, true); 20]), SECOND, "never less than the least");
        assert_eq!(after(&[(2000, true); 100]), 6 * SECOND);
        assert_eq!(after(&[(50_000, true); 100]), 60 * SECOND, "never more than the most");
        let mut slower = vec![(1000, true); 100];
        slower.extend([(5000, true); KEPT]);
        assert_eq!(after(&slower), 15 * SECOND, "what was is forgotten");
    }

    #[test]
    fn what_was_cut_off_opens_it() {
        let mut lately = Lately::default();
        (0..100).for_each(|_| lately.add(SECOND, true));
        let adaptive = Adaptive::within(SECOND, 600 * SECOND);
        for _ in 0..60 {
            let timeout = lately.timeout(&adaptive);
            lately.add(timeout, false);
        }
        assert_eq!(lately.timeout(&adaptive), 600 * SECOND);
    }

    #[test]
    fn strange_numbers_are_put_right() {
        let adaptive = Adaptive::within(5 * SECOND, SECOND).percentile(f64::NAN).factor(-1.0);
        assert_eq!((adaptive.least, adaptive.percentile, adaptive.factor), (SECOND, 99.0, 1.0));
    }
}
