//! Circuit breakers: an agent that keeps failing is left alone for a while.

use std::time::Duration;

use crate::timestamp::Timestamp;

/// When an agent is left alone, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breaker {
    /// After how many failures in a row.
    pub failures: u32,
    /// For how long, before one attempt may try.
    pub cooldown: Duration,
}

/// Whether an agent is let run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Circuit {
    /// As always; so many failures in a row.
    Closed(u32),
    /// Not before this moment.
    Open(Timestamp),
    /// One attempt tries.
    HalfOpen,
}

impl Default for Circuit {
    fn default() -> Self {
        Self::Closed(0)
    }
}

impl Circuit {
    /// Whether an attempt may start; if not, when to ask again, or none to wait for the one that tries.
    pub(crate) fn lets(self, now: Timestamp) -> Result<(), Option<Timestamp>> {
        match self {
            Self::Closed(_) => Ok(()),
            Self::Open(until) if now >= until => Ok(()),
            Self::Open(until) => Err(Some(until)),
            Self::HalfOpen => Err(None),
        }
    }

    /// An attempt starts; says whether it is the one that tries.
    pub(crate) fn start(&mut self) -> bool {
        let tries = matches!(self, Self::Open(_));
        if tries {
            *self = Self::HalfOpen;
        }
        tries
    }

    /// An attempt ended, which was the one that tried, or not. Says whether the circuit has just closed.
    pub(crate) fn end(&mut self, success: bool, tried: bool, breaker: Breaker, now: Timestamp) -> bool {
        let was_half_open = *self == Self::HalfOpen;
        if was_half_open && !tried {
            // It started before the circuit opened, and says nothing of how things are now.
            return false;
        }
        *self = match (*self, success) {
            (Self::Closed(_) | Self::HalfOpen, true) => Self::Closed(0),
            (Self::Closed(failures), false) if failures + 1 < breaker.failures.max(1) => {
                Self::Closed(failures + 1)
            }
            (Self::Closed(_) | Self::HalfOpen, false) => Self::Open(now + breaker.cooldown),
            // One that started before it opened.
            (open @ Self::Open(_), _) => open,
        };
        was_half_open && success
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_lets_one_try_and_closes() {
        let breaker = Breaker { failures: 2, cooldown: Duration::from_secs(10) };
        let (start, later) = (Timestamp::EPOCH, Timestamp::EPOCH + Duration::from_secs(10));
        let mut circuit = Circuit::default();
        circuit.end(false, false, breaker, start);
        assert_eq!(circuit.lets(start), Ok(()));
        circuit.end(false, false, breaker, start);
        assert_eq!(circuit.lets(start), Err(Some(later)));
        assert_eq!(circuit.lets(later), Ok(()));
        assert!(circuit.start());
        assert_eq!(circuit.lets(later), Err(None));
        assert!(!circuit.end(true, false, breaker, later), "a straggler closes nothing");
        assert!(circuit.end(true, true, breaker, later));
        assert_eq!(circuit, Circuit::Closed(0));
        circuit.end(false, false, breaker, later);
        circuit.end(true, false, breaker, later);
        circuit.end(false, false, breaker, later);
        assert_eq!(circuit.lets(later), Ok(()), "only failures in a row count");
    }
}
