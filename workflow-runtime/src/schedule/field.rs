//! The fields of a cron pattern: what may stand in each.

use std::fmt;

/// A field of a cron pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CronField {
    /// Seconds, 0 to 59: the first of six fields.
    Second,
    /// Minutes, 0 to 59.
    Minute,
    /// Hours, 0 to 23.
    Hour,
    /// Days of the month, 1 to 31.
    Day,
    /// Months, 1 to 12 or `JAN` to `DEC`.
    Month,
    /// Weekdays, 0 (Sunday) to 7 (Sunday again), or `SUN` to `SAT`.
    Weekday,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

impl CronField {
    /// The least and the greatest number that may stand in it.
    pub(super) fn limits(self) -> (u8, u8) {
        match self {
            Self::Second | Self::Minute => (0, 59),
            Self::Hour => (0, 23),
            Self::Day => (1, 31),
            Self::Month => (1, 12),
            Self::Weekday => (0, 7),
        }
    }

    /// The last number of `*`: Sunday counts once.
    pub(super) fn last(self) -> u8 {
        if self == Self::Weekday { 6 } else { self.limits().1 }
    }

    /// The names of its numbers, from the least number on.
    pub(super) fn names(self) -> &'static [&'static str] {
        match self {
            Self::Month => &MONTHS,
            Self::Weekday => &WEEKDAYS,
            _ => &[],
        }
    }

    /// The name of one of its numbers, if they have names.
    pub(super) fn name_of(self, number: u8) -> Option<&'static str> {
        let place = if self == Self::Weekday { number % 7 } else { number.checked_sub(self.limits().0)? };
        self.names().get(usize::from(place)).copied()
    }

    /// What may stand in it, as a sentence without its end.
    pub(super) fn cure(self) -> &'static str {
        match self {
            Self::Second => "seconds go from 0 to 59",
            Self::Minute => "minutes go from 0 to 59",
            Self::Hour => "hours go from 0 to 23, and 0 is midnight",
            Self::Day => {
                "days go from 1 to 31, `L` is the last one, `15W` the working day nearest to the 15th"
            }
            Self::Month => "months go from 1 to 12, or from JAN to DEC",
            Self::Weekday => {
                "weekdays go from 0 (Sunday) to 7 (Sunday again), or from SUN to SAT; `MON#1` is the first Monday, `FRIL` the last Friday of the month"
            }
        }
    }
}

impl fmt::Display for CronField {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day of the month",
            Self::Month => "month",
            Self::Weekday => "weekday",
        })
    }
}
