//! Moments: what a journal says of time.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment, in microseconds since 1970 began in UTC.
///
/// It is written as `2026-11-21T07:16:53.000001Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The moment when 1970 began.
    pub const EPOCH: Self = Self(0);

    /// The system's clock.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self::EPOCH + since
    }

    /// So many microseconds since 1970 began.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// How many microseconds since 1970 began.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// How long ago `earlier` was; nothing, if it was not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    /// The moment so much later; the last there is, if there is none.
    fn add(self, time: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, time: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(time.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.write(&mut [0; 27]))
    }
}

impl Timestamp {
    /// Writes it as text.
    pub(crate) fn write(self, text: &mut [u8; 27]) -> &str {
        if self.0 > LAST {
            return "the end of time";
        }
        let (seconds, micros) = (self.0 / 1_000_000, self.0 % 1_000_000);
        let (year, month, day) = date(seconds / 86_400);
        let time = seconds % 86_400;
        *text = *b"0000-00-00T00:00:00.000000Z";
        digits(&mut text[..4], year);
        digits(&mut text[5..7], month);
        digits(&mut text[8..10], day);
        digits(&mut text[11..13], time / 3600);
        digits(&mut text[14..16], time / 60 % 60);
        digits(&mut text[17..19], time % 60);
        digits(&mut text[20..26], micros);
        std::str::from_utf8(text).unwrap_or_default()
    }
}

/// The last moment that can be written as text: a few hours before the year 10000 begins, as others have it.
const LAST: u64 = 253_402_207_200_000_000;

fn digits(text: &mut [u8], mut number: u64) {
    for place in text.iter_mut().rev() {
        *place = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// The year, the month and the day, so many days after 1970 began. Years begin in March here, so that the day that not
/// every year has is the last, and four centuries have as many days as any other four.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let after = u64::from(month >= 10);
    (era * 400 + year + after, (month + 2) % 12 + 1, day)
}

impl FromStr for Timestamp {
    type Err = NotAMoment;

    /// Reads what [`Display`](fmt::Display) writes; also without a part of a second, and with an offset for the `Z`.
    fn from_str(text: &str) -> Result<Self, NotAMoment> {
        if text == "the end of time" {
            return Ok(Self(u64::MAX));
        }
        if let Some(moment) = read(text.as_bytes()) {
            return Ok(moment);
        }
        let moment: Option<jiff::Timestamp> = text.parse().ok();
        let micros = moment.and_then(|moment| u64::try_from(moment.as_microsecond()).ok());
        micros.map(Self).ok_or_else(|| NotAMoment(text.to_owned()))
    }
}

/// What [`Timestamp::write`] writes, read without looking for more: most of all moments that are read.
fn read(text: &[u8]) -> Option<Timestamp> {
    let text: &[u8; 27] = text.try_into().ok()?;
    let number = |range: std::ops::Range<usize>| {
        let digit = |byte: &u8| byte.is_ascii_digit().then(|| u64::from(byte - b'0'));
        text[range].iter().try_fold(0, |number, byte| Some(number * 10 + digit(byte)?))
    };
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    // Years begin in March here, as in `date`.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day;
    let seconds = hour * 3600 + minute * 60 + second;
    let moment =
        Timestamp(days.checked_sub(719_469)? * 86_400_000_000 + seconds * 1_000_000 + number(20..26)?);
    // It is that moment if it is written like this; all else is for those who know more.
    (moment.write(&mut [0; 27]).as_bytes() == text).then_some(moment)
}

/// A text that is no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no moment since 1970; write one like \"2026-11-21T07:16:53Z\"")]
pub struct NotAMoment(String);

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.write(&mut [0; 27]))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(Text)
    }
}

struct Text;

impl serde::de::Visitor<'_> for Text {
    type Value = Timestamp;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a moment, like \"2026-11-21T07:16:53Z\"")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Timestamp, E> {
        text.parse().map_err(E::custom)
    }
}

impl schemars::JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date-time" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_they_are_written() {
        for micros in [0, 1, 1_763_709_413_000_001, u64::MAX] {
            let moment = Timestamp::from_micros(micros);
            let text = serde_json::to_string(&moment).unwrap();
            assert_eq!(serde_json::from_str::<Timestamp>(&text).unwrap(), moment, "{text}");
        }
        assert_eq!(Timestamp::from_micros(1).to_string(), "1970-01-01T00:00:00.000001Z");
        assert_eq!("1970-01-01T01:00:02+01:00".parse(), Ok(Timestamp::from_micros(2_000_000)));
        assert_eq!(
            "1969-12-31".parse::<Timestamp>().unwrap_err().to_string(),
            "\"1969-12-31\" is no moment since 1970; write one like \"2026-11-21T07:16:53Z\""
        );
    }

    #[test]
    fn moments_are_written_as_others_write_them() {
        let theirs = |micros: u64| {
            let moment = jiff::Timestamp::from_microsecond(i64::try_from(micros).unwrap()).ok();
            moment.map_or("the end of time".to_owned(), |moment| format!("{moment:.6}"))
        };
        let day = 86_400_000_000;
        let each_day =
            (0..3_000_000).step_by(5).map(|n| n * day + n % day).take_while(|micros| *micros <= LAST);
        for micros in each_day.chain([0, day - 1, day, LAST - 1, LAST, LAST + 1, LAST + day]) {
            let text = Timestamp::from_micros(micros).to_string();
            assert_eq!(text, theirs(micros), "{micros}");
            let read = if micros > LAST { u64::MAX } else { micros };
            assert_eq!(text.parse(), Ok(Timestamp::from_micros(read)));
        }
    }
}
