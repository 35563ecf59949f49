//! Rates as people write them: `"10/s"`, `"100/1m"`.

use std::fmt;
use std::time::Duration;

use crate::duration::{DurationError, parse_duration};

/// So many in so much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many; at least one.
    pub count: u32,
    /// In how much time; never none.
    pub per: Duration,
}

/// Why a text is not a rate: the problem, then the cure.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RateError {
    /// There is no `/`.
    NoSlash(String),
    /// What stands before the `/` is not a number from 1.
    Count(String),
    /// What stands behind the `/` is not a duration.
    Per(DurationError),
    /// The time is none.
    NoTime,
}

impl fmt::Display for RateError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSlash(text) => {
                write!(out, "\"{text}\" is not a rate; write one like \"10/s\" or \"100/1m\"")
            }
            Self::Count(count) => {
                write!(out, "\"{count}\" is not a count; write a whole number from 1, as in \"10/s\"")
            }
            Self::Per(error) => error.fmt(out),
            Self::NoTime => write!(out, "a rate is per some time; write one like \"10/s\""),
        }
    }
}

impl std::error::Error for RateError {}

/// Reads a rate: a count, a `/`, and a duration or only its unit.
///
/// # Errors
/// Says what is wrong, and how to write it.
pub fn parse_rate(text: &str) -> Result<Rate, RateError> {
    let (count, per) = text.split_once('/').ok_or_else(|| RateError::NoSlash(text.to_owned()))?;
    let (count, per) = (count.trim(), per.trim());
    let number =
        count.parse().ok().filter(|count| *count > 0).ok_or_else(|| RateError::Count(count.to_owned()))?;
    let per = if per.starts_with(|first: char| first.is_ascii_digit()) || per.is_empty() {
        parse_duration(per)
    } else {
        parse_duration(&format!("1{per}"))
    };
    let per = per.map_err(RateError::Per)?;
    if per.is_zero() {
        return Err(RateError::NoTime);
    }
    Ok(Rate { count: number, per })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_as_people_write_them() {
        assert_eq!(parse_rate("10/s"), Ok(Rate { count: 10, per: Duration::from_secs(1) }));
        assert_eq!(parse_rate("100 / 1m"), Ok(Rate { count: 100, per: Duration::from_secs(60) }));
    }

    #[test]
    fn what_is_wrong_is_told() {
        let told = |text| parse_rate(text).unwrap_err().to_string();
        assert!(told("10").contains("is not a rate"));
        assert!(told("0/s").contains("whole number from 1"));
        assert!(told("x/s").contains("\"x\" is not a count"));
        assert!(told("1/y").contains("there is no unit \"y\""));
        assert!(told("1/0s").contains("per some time"));
    }
}
