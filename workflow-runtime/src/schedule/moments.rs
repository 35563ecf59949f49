//! Between moments in microseconds and the whole seconds of cron.
//!
//! Schedules begin with the first microsecond after 1970 began: what comes next after a moment then says all.

use std::time::Duration;

use crate::timestamp::Timestamp;

/// The last moment of a schedule: a later one might have no text.
pub(super) const LAST: Timestamp = Timestamp::from_micros(253_402_128_000_000_000);

/// The moment of a second, if it is one that a schedule can name.
pub(super) fn moment(second: i64) -> Option<Timestamp> {
    let micros = u64::try_from(second).ok()?.checked_mul(1_000_000)?;
    Some(Timestamp::from_micros(micros)).filter(|moment| Timestamp::EPOCH < *moment && *moment <= LAST)
}

/// The last whole second before a moment.
pub(super) fn last_second_before(moment: Timestamp) -> i64 {
    second_from(moment) - 1
}

/// The first whole second from a moment on.
pub(super) fn second_from(moment: Timestamp) -> i64 {
    i64::try_from(moment.as_micros().div_ceil(1_000_000)).unwrap_or(i64::MAX).max(1)
}

/// The moments from one on and before another, each the next after the one before it.
pub(super) fn between(
    from: Timestamp,
    to: Timestamp,
    next: impl Fn(Timestamp) -> Option<Timestamp>,
) -> impl Iterator<Item = Timestamp> {
    let first = next(from - Duration::from_micros(1));
    std::iter::successors(first, move |last| next(*last)).take_while(move |moment| *moment < to)
}
