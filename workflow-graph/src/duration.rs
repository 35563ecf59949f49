//! Durations as people write them: `"30s"`, `"1h30m"`, `"1.5s"`.

use std::fmt;
use std::time::Duration;

/// The units, longest first, in nanoseconds.
const UNITS: [(&str, u64); 8] = [
    ("w", 604_800_000_000_000),
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Why a text is not a duration: the problem, then the cure.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DurationError {
    /// There is nothing.
    Empty,
    /// A number has no unit behind it.
    NoUnit(String),
    /// A unit has no number before it.
    NoNumber(String),
    /// There is no such unit.
    UnknownUnit(String),
    /// A unit comes behind a shorter one, or twice.
    Order(String),
    /// It is longer than can be counted.
    TooLong(String),
}

impl fmt::Display for DurationError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(out, "a duration is missing; write one like \"30s\", \"5m\" or \"1h30m\""),
            Self::NoUnit(text) => {
                write!(out, "\"{text}\" has no unit; write \"{text}s\", \"{text}m\" or \"{text}ms\", say")
            }
            Self::NoNumber(text) => {
                write!(out, "\"{text}\" is not a duration; write one like \"30s\", \"5m\" or \"1h30m\"")
            }
            Self::UnknownUnit(unit) => {
                write!(out, "there is no unit \"{unit}\"; there are ms, s, m, h, d and w")
            }
            Self::Order(unit) => {
                write!(out, "the unit \"{unit}\" comes too late; write longer units first, each once")
            }
            Self::TooLong(text) => write!(out, "\"{text}\" is longer than any machine will run; write less"),
        }
    }
}

impl std::error::Error for DurationError {}

/// Reads a duration: numbers with units, longer units first.
///
/// # Errors
/// Says what is wrong, and how to write it.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let whole = text.trim();
    if whole.is_empty() {
        return Err(DurationError::Empty);
    }
    let mut nanos = 0_u128;
    let mut longest = 0;
    let mut rest = whole;
    while !rest.is_empty() {
        let (number, behind) = split(rest, |letter| letter.is_ascii_digit() || letter == '.');
        let (unit, behind) =
            split(behind.trim_start(), |letter| !letter.is_ascii_digit() && letter != '.' && letter != ' ');
        let place = unit_place(whole, number, unit)?;
        if place < longest {
            return Err(DurationError::Order(unit.to_owned()));
        }
        longest = place + 1;
        let too_long = || DurationError::TooLong(whole.to_owned());
        nanos = scaled(number, UNITS[place].1)
            .ok_or_else(|| DurationError::NoNumber(whole.to_owned()))?
            .and_then(|part| nanos.checked_add(part))
            .ok_or_else(too_long)?;
        rest = behind.trim_start();
    }
    let too_long = |_| DurationError::TooLong(whole.to_owned());
    let seconds = u64::try_from(nanos / 1_000_000_000).map_err(too_long)?;
    Ok(Duration::new(seconds, u32::try_from(nanos % 1_000_000_000).unwrap_or(0)))
}

fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|letter| !belongs(letter)).unwrap_or(text.len()))
}

fn unit_place(whole: &str, number: &str, unit: &str) -> Result<usize, DurationError> {
    match (number, unit) {
        ("", _) => Err(DurationError::NoNumber(whole.to_owned())),
        (number, "") => Err(DurationError::NoUnit(number.to_owned())),
        (_, unit) => UNITS
            .iter()
            .position(|(name, _)| *name == unit)
            .ok_or_else(|| DurationError::UnknownUnit(unit.to_owned())),
    }
}

/// A decimal number of units, in nanoseconds: none when it is no number, none inside when it is too large.
fn scaled(number: &str, unit: u64) -> Option<Option<u128>> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return None;
    }
    let unit = u128::from(unit);
    let part = |digits: &str| if digits.is_empty() { Some(0) } else { digits.parse::<u128>().ok() };
    // Digits beyond the eighteenth are less than a nanosecond of any unit.
    let fraction = &fraction[..fraction.len().min(18)];
    let (Some(whole), Some(numerator)) = (part(whole), part(fraction)) else { return Some(None) };
    let power = u32::try_from(fraction.len()).unwrap_or(0);
    let below = numerator.saturating_mul(unit) / 10_u128.pow(power);
    Some(whole.checked_mul(unit).and_then(|above| above.checked_add(below)))
}

/// Writes a duration so that [`parse_duration`] reads the same: `1h30m`, `250ms`, `0s`.
pub fn format_duration(time: Duration) -> String {
    let mut nanos = time.as_nanos();
    let mut text = String::new();
    // Weeks can be read, but nobody thinks in them.
    for (unit, length) in &UNITS[1..] {
        let count = nanos / u128::from(*length);
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
            nanos %= u128::from(*length);
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        let millis = |text| parse_duration(text).unwrap().as_millis();
        assert_eq!(millis("30s"), 30_000);
        assert_eq!(millis("1h30m"), 5_400_000);
        assert_eq!(millis("1h 30m"), 5_400_000);
        assert_eq!(millis("1.5s"), 1_500);
        assert_eq!(millis("250ms"), 250);
        assert_eq!(millis("2w1d"), 15 * 86_400_000);
    }

    #[test]
    fn what_is_wrong_is_told_with_the_cure() {
        let told = |text| parse_duration(text).unwrap_err().to_string();
        assert_eq!(told("10"), "\"10\" has no unit; write \"10s\", \"10m\" or \"10ms\", say");
        assert_eq!(told("10 sec"), "there is no unit \"sec\"; there are ms, s, m, h, d and w");
        assert_eq!(told("3y"), "there is no unit \"y\"; there are ms, s, m, h, d and w");
        assert_eq!(told("30s1h"), "the unit \"h\" comes too late; write longer units first, each once");
        assert!(told("soon").contains("is not a duration"));
        assert!(told("").contains("is missing"));
        assert!(told("99999999999999999999999999999999999999999w").contains("longer than"));
        assert!(told("1..5s").contains("is not a duration"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(seconds in any::<u64>(), nanos in 0_u32..1_000_000_000) {
            let time = Duration::new(seconds, nanos);
            prop_assert_eq!(parse_duration(&format_duration(time)), Ok(time));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,20}|[0-9.smhdw ]{0,40}") {
            let _ = parse_duration(&text);
        }
    }
}
