//! The clock on the wall: what it shows, as one number, and the months on its calendar.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

/// Seconds from when the clock on the wall showed 1970-01-01 00:00:00, as if it were never put forward or back.
pub(super) type Wall = i64;

pub(super) const DAY: i64 = 86_400;

/// A month of the calendar.
#[derive(Debug, Clone, Copy)]
pub(super) struct Month {
    year: i16,
    /// From 1.
    pub(super) number: u8,
    /// Its first day, counted from 1970-01-01.
    pub(super) first: i64,
    /// How many days it has.
    pub(super) length: u32,
    /// The weekday of its first day; Sunday is 0.
    pub(super) weekday: u32,
}

impl Month {
    /// The month in which this moment lies.
    pub(super) fn of(wall: Wall) -> Option<Self> {
        let date = Offset::UTC.to_datetime(Timestamp::from_second(wall).ok()?).date();
        Self::new(date.year(), date.month())
    }

    fn new(year: i16, month: i8) -> Option<Self> {
        let date = Date::new(year, month, 1).ok()?;
        let first = Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?.as_second() / DAY;
        Some(Self {
            year,
            number: u8::try_from(month).ok()?,
            first,
            length: u32::try_from(date.days_in_month()).ok()?,
            // 1970 began on a Thursday.
            weekday: u32::try_from((first + 4).rem_euclid(7)).ok()?,
        })
    }

    pub(super) fn next(self) -> Option<Self> {
        match self.number {
            12 => Self::new(self.year.checked_add(1)?, 1),
            number => Self::new(self.year, i8::try_from(number).ok()? + 1),
        }
    }

    pub(super) fn previous(self) -> Option<Self> {
        match self.number {
            1 => Self::new(self.year.checked_sub(1)?, 12),
            number => Self::new(self.year, i8::try_from(number).ok()? - 1),
        }
    }

    /// When the day of this number, from 1, begins.
    pub(super) fn start_of(&self, day: u32) -> Wall {
        (self.first + i64::from(day) - 1) * DAY
    }
}
