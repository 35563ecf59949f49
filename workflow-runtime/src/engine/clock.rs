//! The clock of a runtime: the system's, or one that a test moves.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::timestamp::Timestamp;

/// The clock of a runtime.
#[derive(Debug)]
pub(crate) enum Clock {
    /// The system's, read once; from there on the one that never goes back.
    System(Timestamp, Instant),
    /// It stands still until it is moved.
    Virtual(AtomicU64),
}

impl Clock {
    pub(crate) fn system() -> Self {
        Self::System(Timestamp::now(), Instant::now())
    }

    /// What this clock says at an instant that is just past.
    pub(crate) fn at(&self, instant: Instant) -> Timestamp {
        match self {
            Self::System(start, zero) => *start + instant.duration_since(*zero),
            Self::Virtual(_) => self.now(),
        }
    }

    /// A clock that a test moves, and where it begins.
    pub(crate) fn virtual_from(start: Timestamp) -> Self {
        Self::Virtual(AtomicU64::new(start.as_micros()))
    }

    pub(crate) fn now(&self) -> Timestamp {
        match self {
            Self::System(..) => self.at(Instant::now()),
            Self::Virtual(micros) => Timestamp::from_micros(micros.load(Ordering::Acquire)),
        }
    }

    /// Moves a virtual clock, never back.
    pub(crate) fn move_to(&self, moment: Timestamp) {
        if let Self::Virtual(micros) = self {
            micros.fetch_max(moment.as_micros(), Ordering::AcqRel);
        }
    }

    pub(crate) fn is_virtual(&self) -> bool {
        matches!(self, Self::Virtual(_))
    }

    /// How long from now until a moment.
    pub(crate) fn until(&self, moment: Timestamp) -> Duration {
        moment.since(self.now())
    }
}
