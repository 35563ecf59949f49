//! The clock of a runtime: the system's, or one that a test moves.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::timestamp::Timestamp;

/// The clock of a runtime.
#[derive(Debug)]
pub(crate) enum Clock {
    /// The system's, read once; from there on the one that never goes back.
    System(Timestamp, Instant),
    /// It stands still until it is moved. So much later, or earlier, is what stands for the system's.
    Virtual(AtomicU64, AtomicI64),
}

impl Clock {
    pub(crate) fn system() -> Self {
        Self::System(Timestamp::now(), Instant::now())
    }

    /// What this clock says at an instant that is just past.
    pub(crate) fn at(&self, instant: Instant) -> Timestamp {
        match self {
            Self::System(start, zero) => *start + instant.duration_since(*zero),
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
            Self::System(..) => Timestamp::now(),
            Self::Virtual(_, set) => {
                let set = set.load(Ordering::Acquire);
                Timestamp::from_micros(self.now().as_micros().saturating_add_signed(set))
            }
        }
    }

    /// Sets what stands for the system's clock in a test; this one goes on as it does.
    pub(crate) fn set_of_day(&self, to: Timestamp) {
        if let Self::Virtual(_, set) = self {
            let apart = i128::from(to.as_micros()) - i128::from(self.now().as_micros());
            set.store(i64::try_from(apart).unwrap_or(i64::MAX), Ordering::Release);
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
