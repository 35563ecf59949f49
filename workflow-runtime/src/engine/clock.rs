//! The clock of a runtime: the system's, or one that a test moves.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::timestamp::Timestamp;

/// The clock of a runtime.
#[derive(Debug)]
pub(crate) enum Clock {
    /// The system's, read once; from there on the one that never goes back. So many microseconds it is ahead of the
    /// system's, where nodes share a store whose clock all go by.
    System(Timestamp, Instant, i64),
    /// It stands still until it is moved. So much later, or earlier, is what stands for the system's.
    Virtual(AtomicU64, AtomicI64),
}

impl Clock {
    pub(crate) fn system() -> Self {
        Self::System(Timestamp::now(), Instant::now(), 0)
    }

    /// A clock that now says this.
    pub(crate) fn system_at(now: Timestamp) -> Self {
        Self::System(now, Instant::now(), apart(now, Timestamp::now()))
    }

    /// What this clock says at an instant that is just past.
    pub(crate) fn at(&self, instant: Instant) -> Timestamp {
        match self {
            Self::System(start, zero, _) => *start + instant.duration_since(*zero),
            Self::Virtual(..) => self.now(),
        }
    }

    /// A clock that a test moves, and where it begins.
    pub(crate) fn virtual_from(start: Timestamp) -> Self {
        Self::Virtual(AtomicU64::new(start.as_micros()), AtomicI64::new(0))
    }

    pub(crate) fn now(&self) -> Timestamp {
        match self {
            Self::System(..) => self.at(Instant::now()),
            Self::Virtual(micros, _) => Timestamp::from_micros(micros.load(Ordering::Acquire)),
        }
    }

    /// What the system's clock says now, which may have been set meanwhile.
    pub(crate) fn of_day(&self) -> Timestamp {
        match self {
            Self::System(.., ahead) => moved(Timestamp::now(), *ahead),
            Self::Virtual(_, set) => moved(self.now(), set.load(Ordering::Acquire)),
        }
    }

    /// Sets what stands for the system's clock in a test; this one goes on as it does.
    pub(crate) fn set_of_day(&self, to: Timestamp) {
        if let Self::Virtual(_, set) = self {
            set.store(apart(to, self.now()), Ordering::Release);
        }
    }

    /// Moves a virtual clock, never back.
    pub(crate) fn move_to(&self, moment: Timestamp) {
        if let Self::Virtual(micros, _) = self {
            micros.fetch_max(moment.as_micros(), Ordering::AcqRel);
        }
    }

    pub(crate) fn is_virtual(&self) -> bool {
        matches!(self, Self::Virtual(..))
    }

    /// How long from now until a moment.
    pub(crate) fn until(&self, moment: Timestamp) -> Duration {
        moment.since(self.now())
    }
}

/// By how many microseconds one is ahead of the other.
fn apart(one: Timestamp, other: Timestamp) -> i64 {
    i64::try_from(i128::from(one.as_micros()) - i128::from(other.as_micros())).unwrap_or(i64::MAX)
}

fn moved(moment: Timestamp, by: i64) -> Timestamp {
    Timestamp::from_micros(moment.as_micros().saturating_add_signed(by))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_goes_on_from_there_with_the_day() {
        let hour = Duration::from_secs(3600);
        let behind = Timestamp::from_micros(Timestamp::now().as_micros() - 3_600_000_000);
        let ahead = Timestamp::now() + hour;
        for set in [behind, ahead] {
            let clock = Clock::system_at(set);
            for now in [clock.now(), clock.of_day()] {
                assert!(now.since(set) < hour / 2 && set.since(now) < hour / 2, "{now} is far from {set}");
            }
        }
    }
}
