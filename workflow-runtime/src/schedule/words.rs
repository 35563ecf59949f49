//! Schedules in plain words.

use std::time::Duration;

use super::cron::Cron;
use super::definition::Schedule;
use super::every::Every;
use super::field::CronField;
use super::pattern::{Days, Pattern};
use super::tick::Short;
use crate::timestamp::Timestamp;

/// So many times of day are listed; more are told by their hours and minutes.
const LISTED: usize = 6;

pub(super) fn schedule(schedule: &Schedule) -> String {
    let mut words = schedule.rule.describe();
    if !schedule.jitter.is_zero() {
        words += &format!(", up to {} later", length(schedule.jitter));
    }
    if let Some(starts) = schedule.starts {
        words += &format!(", from {} on", moment(starts));
    }
    if let Some(ends) = schedule.ends {
        words += &format!(", until {}", moment(ends));
    }
    if schedule.paused {
        words += ", paused";
    }
    words
}

pub(super) fn every(every: &Every) -> String {
    let often = each(&length(every.interval()));
    match every.anchor() {
        None => often,
        Some(Timestamp::EPOCH) if 86_400_000_000 % every.interval().as_micros() == 0 => {
            format!("{often}, counted from midnight UTC")
        }
        Some(anchor) => format!("{often}, counted from {}", moment(anchor)),
    }
}

pub(super) fn cron(cron: &Cron) -> String {
    let pattern = &cron.pattern;
    let (times, days, months) = (times(pattern), days(&pattern.days), months(pattern.months));
    let anywhere = [&days, &months].iter().all(|part| part.is_empty());
    let daily = if anywhere && times.starts_with("at ") && times.contains(':') { " every day" } else { "" };
    // Full minutes are the same in most zones; hours and days are not.
    let zone = if cron.zone.is_utc() && anywhere && pattern.hours == all(CronField::Hour) {
        String::new()
    } else {
        format!(", {}", cron.zone())
    };
    format!("{times}{daily}{days}{months}{zone}")
}

/// `2026-11-21 09:05:00 UTC`, whatever part of a second follows.
fn moment(moment: Timestamp) -> String {
    let second = Timestamp::from_micros(moment.as_micros() / 1_000_000 * 1_000_000);
    Short(second).to_string().replace('T', " ").replace('Z', " UTC")
}

/// `1 hour and 30 minutes`.
fn length(time: Duration) -> String {
    const UNITS: [(&str, u128); 6] = [
        ("day", 86_400_000_000),
        ("hour", 3_600_000_000),
        ("minute", 60_000_000),
        ("second", 1_000_000),
        ("millisecond", 1_000),
        ("microsecond", 1),
    ];
    let mut rest = time.as_micros();
    let mut parts = Vec::new();
    for (unit, micros) in UNITS {
        match rest / micros {
            0 => {}
            1 => parts.push(format!("1 {unit}")),
            count => parts.push(format!("{count} {unit}s")),
        }
        rest %= micros;
    }
    listed(&parts)
}

/// `every hour`, `every 2 hours`, `every 1 hour and 30 minutes`.
fn each(length: &str) -> String {
    match length.strip_prefix("1 ") {
        Some(unit) if !unit.contains(' ') => format!("every {unit}"),
        _ => format!("every {length}"),
    }
}

/// `every 15 minutes`.
fn each_of(count: u8, field: CronField) -> String {
    if count == 1 { format!("every {field}") } else { format!("every {count} {field}s") }
}

// ---------------------------------------------------------------------------------------------------------------
// Times of day

/// How the numbers of a field can be told.
enum Shape {
    /// Every so manyth, from 0 on, and evenly from one hour or day to the next.
    Every(u8),
    /// One after the other.
    Range(u8, u8),
    List,
}

fn times(pattern: &Pattern) -> String {
    let [seconds, minutes, hours] = [CronField::Second, CronField::Minute, CronField::Hour]
        .map(|field| Hand { field, bits: pattern.numbers(field) });
    if let Some(times) = clock_times(seconds, minutes, hours) {
        return format!("at {}", listed(&times));
    }
    if seconds.bits == 1 {
        return minutes_and_hours(minutes, hours);
    }
    let seconds_told = match seconds.shape() {
        Shape::Every(count) if minutes.is_all() && hours.is_all() => {
            return each_of(count, CronField::Second);
        }
        Shape::Every(count) => each_of(count, CronField::Second),
        _ => format!("at {}", seconds.told()),
    };
    let of_hours =
        if minutes.is_all() && hours.is_all() { String::new() } else { format!(" of {}", hours.told()) };
    format!("{seconds_told} of {}{of_hours}", minutes.told())
}

/// The times of day, if they are few and no interval.
fn clock_times(seconds: Hand, minutes: Hand, hours: Hand) -> Option<Vec<String>> {
    let count = seconds.numbers().len() * minutes.numbers().len() * hours.numbers().len();
    let hourly = matches!(hours.shape(), Shape::Every(_) | Shape::Range(..)) && hours.numbers().len() > 2;
    let even = matches!(minutes.shape(), Shape::Every(_)) || matches!(seconds.shape(), Shape::Every(_));
    if count > LISTED || hourly || even {
        return None;
    }
    let mut times = Vec::new();
    for hour in hours.numbers() {
        for minute in minutes.numbers() {
            for second in seconds.numbers() {
                let second = if seconds.bits == 1 { String::new() } else { format!(":{second:02}") };
                times.push(format!("{hour:02}:{minute:02}{second}"));
            }
        }
    }
    Some(times)
}

fn minutes_and_hours(minutes: Hand, hours: Hand) -> String {
    let one = match minutes.numbers()[..] {
        [minute] => Some(minute),
        _ => None,
    };
    match (minutes.shape(), hours.shape(), one) {
        (Shape::Every(count), Shape::Every(1), _) => each_of(count, CronField::Minute),
        (Shape::Every(count), Shape::Range(first, last), _) => {
            format!("{} from {first:02}:00 to {last:02}:{:02}", each_of(count, CronField::Minute), 60 - count)
        }
        (Shape::Every(count), ..) => format!("{} of {}", each_of(count, CronField::Minute), hours.told()),
        (_, Shape::Every(count), Some(0)) => each_of(count, CronField::Hour),
        (_, Shape::Every(count), Some(minute)) if count > 1 => {
            format!("{} at minute {minute}", each_of(count, CronField::Hour))
        }
        (_, Shape::Range(first, last), Some(minute)) => {
            format!("every hour from {first:02}:{minute:02} to {last:02}:{minute:02}")
        }
        _ => format!("at {} of {}", minutes.told(), hours.told()),
    }
}

/// The numbers of a hand of the clock.
#[derive(Clone, Copy)]
struct Hand {
    field: CronField,
    bits: u64,
}

impl Hand {
    fn is_all(self) -> bool {
        self.bits == all(self.field)
    }

    fn numbers(self) -> Vec<u8> {
        numbers(self.bits)
    }

    fn shape(self) -> Shape {
        let numbers = self.numbers();
        let size = self.field.last() + 1;
        if let [0, second, ..] = numbers[..]
            && size.is_multiple_of(second)
            && numbers.len() == usize::from(size / second)
            && numbers
                .iter()
                .enumerate()
                .all(|(place, number)| usize::from(*number) == place * usize::from(second))
        {
            return Shape::Every(second);
        }
        match (numbers.first(), numbers.last()) {
            (Some(first), Some(last)) if usize::from(last - first) + 1 == numbers.len() => {
                Shape::Range(*first, *last)
            }
            _ => Shape::List,
        }
    }

    /// `minute 5`, `minutes 5 and 10 to 15`, `every minute`.
    fn told(self) -> String {
        let field = self.field;
        match self.numbers()[..] {
            _ if self.is_all() => format!("every {field}"),
            [number] => format!("{field} {number}"),
            ref numbers => format!("{field}s {}", listed(&ranges(numbers, |number| number.to_string()))),
        }
    }
}

/// The bits of a star.
fn all(field: CronField) -> u64 {
    let (least, last) = (field.limits().0, field.last());
    (least..=last).fold(0, |bits, number| bits | 1 << number)
}

// ---------------------------------------------------------------------------------------------------------------
// Days

fn days(days: &Days) -> String {
    match (days.any_date, days.any_weekday) {
        (true, true) => String::new(),
        (false, true) => format!(" on {}", dates(days)),
        (true, false) => format!(" on {}", weekdays(days)),
        (false, false) if days.both => format!(" on {} if it is {}", dates(days), weekdays(days)),
        (false, false) => format!(" on {} or on {}", dates(days), weekdays(days)),
    }
}

/// `day 1 and the last day of the month`.
fn dates(days: &Days) -> String {
    let mut parts = Vec::new();
    match &numbers(u64::from(days.dates & !1))[..] {
        [] => {}
        [day] => parts.push(format!("day {day}")),
        several => parts.push(format!("days {}", listed(&ranges(several, |day| day.to_string())))),
    }
    parts.extend(
        numbers(u64::from(days.near)).iter().map(|day| format!("the working day nearest to day {day}")),
    );
    if days.last_working {
        parts.push("the last working day".to_owned());
    }
    if days.last {
        parts.push("the last day".to_owned());
    }
    format!("{} of the month", listed(&parts))
}

/// `Monday to Friday`, `the first Monday and the last Friday of the month`.
fn weekdays(days: &Days) -> String {
    const ORDINALS: [&str; 5] = ["first", "second", "third", "fourth", "fifth"];
    let mut counted = Vec::new();
    for (set, ordinal) in days.nth.iter().zip(ORDINALS).chain([(&days.finals, "last")]) {
        counted.extend(week(*set).iter().map(|day| format!("the {ordinal} {}", weekday(*day))));
    }
    let mut parts = ranges(&week(days.weekdays), weekday);
    if counted.is_empty() {
        return listed(&parts);
    }
    parts.extend(counted);
    format!("{} of the month", listed(&parts))
}

/// The days of a set from Monday, which is 1, to Sunday, which is 7.
fn week(set: u8) -> Vec<u8> {
    (1..=7).filter(|day| set >> (day % 7) & 1 == 1).collect()
}

fn weekday(day: u8) -> String {
    CronField::Weekday.name_of(day).unwrap_or_default().to_owned()
}

fn months(months: u64) -> String {
    if months == all(CronField::Month) {
        return String::new();
    }
    let name = |month| CronField::Month.name_of(month).unwrap_or_default().to_owned();
    format!(" in {}", listed(&ranges(&numbers(months), name)))
}

// ---------------------------------------------------------------------------------------------------------------
// Lists

fn numbers(bits: u64) -> Vec<u8> {
    (0..64).filter(|number| bits >> number & 1 == 1).collect()
}

/// Numbers in their order, three and more in a row as `1 to 3`.
fn ranges(numbers: &[u8], name: impl Fn(u8) -> String) -> Vec<String> {
    let mut parts = Vec::new();
    for run in numbers.chunk_by(|one, next| one + 1 == *next) {
        match run {
            [first, _, .., last] => parts.push(format!("{} to {}", name(*first), name(*last))),
            few => parts.extend(few.iter().map(|number| name(*number))),
        }
    }
    parts
}

/// `a, b and c`.
fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [several @ .., last] => format!("{} and {last}", several.join(", ")),
    }
}
