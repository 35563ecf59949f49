//! A cron pattern as sets of numbers, and the search for what it matches on the wall's clock.

use super::field::CronField;
use super::wall::{DAY, Month, Wall};

/// Which moments of the wall's clock are meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Pattern {
    pub(super) seconds: u64,
    pub(super) minutes: u64,
    pub(super) hours: u64,
    pub(super) days: Days,
    pub(super) months: u64,
    /// Whether it goes on with the clock, as "every ten minutes" does, or is at fixed times.
    pub(super) runs: bool,
}

/// Which days of a month are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Days {
    /// Any date will do: the field is a star.
    pub(super) any_date: bool,
    /// Days of the month.
    pub(super) dates: u32,
    /// The last day.
    pub(super) last: bool,
    /// The last day from Monday to Friday.
    pub(super) last_working: bool,
    /// The days from Monday to Friday nearest to these.
    pub(super) near: u32,
    /// Any weekday will do: the field is a star.
    pub(super) any_weekday: bool,
    /// Weekdays; Sunday is bit 0.
    pub(super) weekdays: u8,
    /// Weekdays of which the first, second, … of the month is meant.
    pub(super) nth: [u8; 5],
    /// Weekdays of which the last of the month is meant.
    pub(super) finals: u8,
    /// Where dates and weekdays are both given: whether a day must be both, not one of them.
    pub(super) both: bool,
}

/// No pattern that ever matches leaves more months than this out: a 29th of February on a given weekday comes back
/// within 40 years.
const MONTHS: usize = 41 * 12;

const SATURDAY: u32 = 6;
const SUNDAY: u32 = 0;

impl Pattern {
    /// The first moment from `from` on that matches.
    pub(super) fn first_from(&self, from: Wall) -> Option<Wall> {
        let mut month = Month::of(from)?;
        let (day, clock) = split(from, &month);
        // What is left of the first day is looked at for itself.
        if self.has_month(&month)
            && bit(self.days.of(&month), day)
            && let Some(clock) = self.clock_from(clock)
        {
            return Some(month.start_of(day) + clock);
        }
        let (clock, mut after) = (self.clock_from(0)?, day);
        for _ in 0..MONTHS {
            if self.has_month(&month) {
                let days = self.days.of(&month) & !ones(after);
                if days != 0 {
                    return Some(month.start_of(days.trailing_zeros()) + clock);
                }
            }
            (month, after) = (month.next()?, 0);
        }
        None
    }

    /// The last moment up to `until` that matches.
    pub(super) fn last_until(&self, until: Wall) -> Option<Wall> {
        let mut month = Month::of(until)?;
        let (day, clock) = split(until, &month);
        if self.has_month(&month)
            && bit(self.days.of(&month), day)
            && let Some(clock) = self.clock_until(clock)
        {
            return Some(month.start_of(day) + clock);
        }
        let (clock, mut before) = (self.clock_until(DAY - 1)?, day);
        for _ in 0..MONTHS {
            if self.has_month(&month) {
                let days = self.days.of(&month) & ones(before - 1);
                if days != 0 {
                    return Some(month.start_of(days.ilog2()) + clock);
                }
            }
            (month, before) = (month.previous()?, 32);
        }
        None
    }

    /// How many moments from `from` on and before `to` match.
    pub(super) fn count(&self, from: Wall, to: Wall) -> u64 {
        if from >= to { 0 } else { self.count_days(from, to).unwrap_or(0) }
    }

    fn count_days(&self, from: Wall, to: Wall) -> Option<u64> {
        let daily =
            u64::from(self.hours.count_ones() * self.minutes.count_ones() * self.seconds.count_ones());
        let mut month = Month::of(from)?;
        let (first, clock) = split(from, &month);
        let (mut days, mut below, mut surplus) = (0, ones(first - 1), 0);
        if self.has_month(&month) && bit(self.days.of(&month), first) {
            surplus += self.clock_count(clock);
        }
        loop {
            let meant = if self.has_month(&month) { self.days.of(&month) } else { 0 };
            if to < month.start_of(month.length + 1) {
                let (last, clock) = split(to, &month);
                days += u64::from((meant & !below & ones(last - 1)).count_ones());
                let rest = if bit(meant, last) { self.clock_count(clock) } else { 0 };
                return Some(days * daily + rest - surplus);
            }
            days += u64::from((meant & !below).count_ones());
            (month, below) = (month.next()?, 0);
        }
    }

    fn has_month(&self, month: &Month) -> bool {
        self.months >> month.number & 1 == 1
    }

    /// The first time of day from `clock` on that matches.
    fn clock_from(&self, clock: i64) -> Option<i64> {
        let [hour, minute, second] = hands(clock);
        let next = |bits: u64, from: u32| {
            let bits = if from < 64 { bits >> from << from } else { 0 };
            (bits != 0).then(|| bits.trailing_zeros())
        };
        let (first_minute, first_second) = (next(self.minutes, 0)?, next(self.seconds, 0)?);
        if bit64(self.hours, hour) {
            if bit64(self.minutes, minute)
                && let Some(second) = next(self.seconds, second)
            {
                return Some(clock_of(hour, minute, second));
            }
            if let Some(minute) = next(self.minutes, minute + 1) {
                return Some(clock_of(hour, minute, first_second));
            }
        }
        Some(clock_of(next(self.hours, hour + 1)?, first_minute, first_second))
    }

    /// The last time of day up to `clock` that matches.
    fn clock_until(&self, clock: i64) -> Option<i64> {
        let [hour, minute, second] = hands(clock);
        let last = |bits: u64, end: u32| (bits & below(end)).checked_ilog2();
        let (last_minute, last_second) = (last(self.minutes, 60)?, last(self.seconds, 60)?);
        if bit64(self.hours, hour) {
            if bit64(self.minutes, minute)
                && let Some(second) = last(self.seconds, second + 1)
            {
                return Some(clock_of(hour, minute, second));
            }
            if let Some(minute) = last(self.minutes, minute) {
                return Some(clock_of(hour, minute, last_second));
            }
        }
        Some(clock_of(last(self.hours, hour)?, last_minute, last_second))
    }

    /// How many times of day before `clock` match.
    fn clock_count(&self, clock: i64) -> u64 {
        let [hour, minute, second] = hands(clock);
        let before = |bits: u64, end: u32| (bits & below(end)).count_ones();
        let mut count = before(self.hours, hour) * self.minutes.count_ones() * self.seconds.count_ones();
        if bit64(self.hours, hour) {
            count += before(self.minutes, minute) * self.seconds.count_ones();
            if bit64(self.minutes, minute) {
                count += before(self.seconds, second);
            }
        }
        u64::from(count)
    }

    /// The numbers of a field that has no more than numbers.
    pub(super) fn numbers(&self, field: CronField) -> u64 {
        match field {
            CronField::Second => self.seconds,
            CronField::Minute => self.minutes,
            CronField::Hour => self.hours,
            CronField::Day => u64::from(self.days.dates),
            CronField::Month => self.months,
            CronField::Weekday => u64::from(self.days.weekdays),
        }
    }
}

impl Days {
    /// The days of a month that are meant, each a bit by its number.
    fn of(&self, month: &Month) -> u32 {
        let dates = || self.by_date(month);
        let weekdays = || self.by_weekday(month);
        let meant = match (self.any_date, self.any_weekday) {
            (true, true) => u32::MAX,
            (false, true) => dates(),
            (true, false) => weekdays(),
            (false, false) if self.both => dates() & weekdays(),
            (false, false) => dates() | weekdays(),
        };
        // No day has the number 0.
        meant & ones(month.length) & !1
    }

    fn by_date(&self, month: &Month) -> u32 {
        let mut meant = self.dates;
        let end = month.length;
        if self.last {
            meant |= 1 << end;
        }
        if self.last_working {
            meant |= 1
                << match weekday_of(month, end) {
                    SATURDAY => end - 1,
                    SUNDAY => end - 2,
                    _ => end,
                };
        }
        let mut near = self.near & ones(end);
        while near != 0 {
            let day = near.trailing_zeros();
            near &= near - 1;
            // The nearest day of the same month.
            meant |= 1
                << match weekday_of(month, day) {
                    SATURDAY if day > 1 => day - 1,
                    SATURDAY => 3,
                    SUNDAY if day < end => day + 1,
                    SUNDAY => day - 2,
                    _ => day,
                };
        }
        meant
    }

    fn by_weekday(&self, month: &Month) -> u32 {
        let mut meant = 0;
        for weekday in 0..7 {
            let day = 1 + (weekday + 7 - month.weekday) % 7;
            // The first, second, … fifth of it.
            let nth = |number: u32| 1 << day << (7 * number);
            let last = (month.length - day) / 7;
            let has = |set: u8| set >> weekday & 1 == 1;
            if has(self.weekdays) {
                meant |= (0..=last).fold(0, |days, number| days | nth(number));
            }
            if has(self.finals) {
                meant |= nth(last);
            }
            for number in (0..=last).filter(|number| has(self.nth[*number as usize])) {
                meant |= nth(number);
            }
        }
        meant
    }
}

fn weekday_of(month: &Month, day: u32) -> u32 {
    (month.weekday + day - 1) % 7
}

/// The day of the month, from 1, and the time of day.
fn split(wall: Wall, month: &Month) -> (u32, i64) {
    let day = wall.div_euclid(DAY) - month.first + 1;
    (u32::try_from(day).unwrap_or(1), wall.rem_euclid(DAY))
}

/// Hour, minute and second of a time of day.
fn hands(clock: i64) -> [u32; 3] {
    [clock / 3600, clock / 60 % 60, clock % 60].map(|number| u32::try_from(number).unwrap_or(0))
}

fn clock_of(hour: u32, minute: u32, second: u32) -> i64 {
    i64::from(hour * 3600 + minute * 60 + second)
}

/// The bits from 0 to `number`, of which 31 is the greatest.
fn ones(number: u32) -> u32 {
    u32::MAX >> (31 - number.min(31))
}

/// The bits below `number`.
fn below(number: u32) -> u64 {
    (1 << number) - 1
}

fn bit(bits: u32, number: u32) -> bool {
    bits >> number & 1 == 1
}

fn bit64(bits: u64, number: u32) -> bool {
    bits >> number & 1 == 1
}
