//! A pattern in a time zone: from what the wall's clock shows to moments, and back.
//!
//! Between two changes of a zone its clocks run evenly, and a moment matches if what they show does. At a change:
//!
//! - Where clocks are put forward they leave times out. A pattern of fixed times that matches one of these, or more,
//!   fires once, at the change, which is the first moment after the gap. A pattern that runs fires at none of them.
//! - Where clocks are put back they show times again. A pattern of fixed times fires when they are shown first; one
//!   that runs fires whenever they are shown.
//!
//! Moments are seconds since 1970 began in UTC.

use super::pattern::Pattern;
use super::wall::Wall;
use super::zone::{Change, Zone};

/// A pattern in a zone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Walk<'a> {
    pub(super) pattern: &'a Pattern,
    pub(super) zone: &'a Zone,
}

impl Walk<'_> {
    /// The first moment from `from` on at which the pattern fires.
    pub(super) fn first_from(self, from: i64) -> Option<i64> {
        let mut at = from - 1;
        let mut offset = self.zone.offset(at);
        let mut found = self.pattern.first_from(from.max(self.begin(at, offset)?) + offset)?;
        loop {
            let Some(change) =
                self.zone.change_after(at, offset).filter(|change| change.at + offset <= found)
            else {
                return Some(found - offset);
            };
            if self.leaves_out(change) && found < change.at + change.after {
                return Some(change.at);
            }
            (at, offset) = (change.at, change.after);
            let start = self.start(change);
            // What was found may have to be shown again, or lie in the gap.
            if found < start || self.pattern.runs {
                found = self.pattern.first_from(start)?;
            }
        }
    }

    /// The last moment up to `until` at which the pattern fires.
    pub(super) fn last_until(self, until: i64) -> Option<i64> {
        let mut at = until;
        loop {
            let offset = self.zone.offset(at);
            let found = self.pattern.last_until(at + offset)?;
            let Some(change) = self.zone.change_until(at, offset) else {
                return Some(found - offset);
            };
            if found >= self.start(change) {
                return Some(found - offset);
            }
            if self.leaves_out(change) && found >= change.at + change.before {
                return Some(change.at);
            }
            at = change.at - 1;
        }
    }

    /// How often the pattern fires from `from` on and before `to`.
    pub(super) fn count(self, from: i64, to: i64) -> u64 {
        let mut at = from - 1;
        let mut offset = self.zone.offset(at);
        let Some(mut start) = self.begin(at, offset).map(|begin| from.max(begin) + offset) else { return 0 };
        let mut count = 0;
        while let Some(change) = self.zone.change_after(at, offset).filter(|change| change.at < to) {
            count += self.pattern.count(start, change.at + offset);
            // A match at the end of the gap counts for itself.
            let end = change.at + change.after;
            if self.leaves_out(change)
                && self
                    .pattern
                    .last_until(end)
                    .is_some_and(|last| (change.at + change.before..end).contains(&last))
            {
                count += 1;
            }
            (at, offset, start) = (change.at, change.after, self.start(change));
        }
        count + self.pattern.count(start, to + offset)
    }

    /// Whether clocks leave times out at a change, for which the pattern fires there.
    fn leaves_out(self, change: Change) -> bool {
        !self.pattern.runs && change.before < change.after
    }

    /// What clocks show after a change when they show it for the first time, or again, if that counts.
    fn start(self, change: Change) -> Wall {
        let again = if self.pattern.runs { change.after } else { change.after.max(change.before) };
        change.at + again
    }

    /// From when on, in the time between two changes in which `at` lies, clocks show what counts.
    fn begin(self, at: i64, offset: i64) -> Option<i64> {
        if self.pattern.runs {
            return Some(i64::MIN / 2);
        }
        Some(self.zone.change_until(at, offset).map_or(i64::MIN / 2, |change| self.start(change) - offset))
    }
}
