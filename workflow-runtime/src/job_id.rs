//! Identities of jobs.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::apart::{Apart, PARTS, own_part};
use crate::timestamp::Timestamp;

/// The identity of a job: a UUID of version 7, so that ids of later jobs sort later.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(u128);

impl JobId {
    /// The id as a number.
    pub const fn as_u128(self) -> u128 {
        self.0
    }

    /// When the id was made, to the millisecond.
    pub fn made_at(self) -> Timestamp {
        Timestamp::from_micros(u64::try_from(self.0 >> 80).unwrap_or(0) * 1000)
    }

    /// The part of the index that it belongs to.
    pub(crate) fn part(self) -> usize {
        usize::try_from(self.0 % PARTS as u128).unwrap_or(0)
    }

    /// The id of this number, as a store may have kept it.
    pub const fn from_u128(number: u128) -> Self {
        Self(number)
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without a detour through other texts: each job is written down under its id.
        let mut text = [b'-'; 36];
        let places = (0..36).filter(|place| ![8, 13, 18, 23].contains(place));
        for (digit, place) in (0..32).zip(places) {
            let value = (self.0 >> (124 - 4 * digit)) & 0xf;
            text[place] = b"0123456789abcdef"[value as usize];
        }
        out.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// A text that is no job's id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a job's id, which looks like 019ac5c4-6f3a-7000-8000-000000000001")]
pub struct NotAJobId(String);

impl FromStr for JobId {
    type Err = NotAJobId;

    fn from_str(text: &str) -> Result<Self, NotAJobId> {
        let wrong = || NotAJobId(text.to_owned());
        let groups: Vec<usize> = text.split('-').map(str::len).collect();
        if groups != [8, 4, 4, 4, 12] || text.contains('+') {
            return Err(wrong());
        }
        u128::from_str_radix(&text.replace('-', ""), 16).map(Self).map_err(|_| wrong())
    }
}

impl Serialize for JobId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for JobId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Makes ids, each greater than those before it in the same millisecond.
#[derive(Debug)]
pub(crate) struct JobIds {
    next: Apart<AtomicU64>,
    /// What tells this maker of ids from every other, but for its last bits, which tell a part of the index.
    maker: u32,
    /// Whether that is the part of the thread that makes the id.
    in_parts: bool,
}

impl JobIds {
    pub(crate) fn new() -> Self {
        // The standard library's hasher is keyed by the operating system's randomness.
        let maker = (RandomState::new().hash_one(std::process::id()) >> 32) as u32;
        Self { in_parts: true, ..Self::of_maker(maker) }
    }

    /// Ids that are the same in every run, for tests.
    pub(crate) fn of_maker(maker: u32) -> Self {
        Self { next: Apart::default(), maker, in_parts: false }
    }

    pub(crate) fn make(&self, now: Timestamp) -> JobId {
        let count = u128::from(self.next.fetch_add(1, Ordering::Relaxed));
        let millis = u128::from(now.as_micros() / 1000);
        let part = if self.in_parts { own_part() as u128 } else { count % PARTS as u128 };
        let maker = u128::from(self.maker) & !(PARTS as u128 - 1) | part;
        // 48 bits of time, the version, 12 + 30 bits of the count, the variant, 32 bits of the maker.
        let id = (millis & 0xffff_ffff_ffff) << 80
            | 7 << 76
            | ((count >> 30) & 0xfff) << 64
            | 0b10 << 62
            | (count & 0x3fff_ffff) << 32
            | maker;
        JobId(id)
    }
}

#[cfg(feature = "http")]
impl schemars::JsonSchema for JobId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "JobId".into()
    }

    fn json_schema(_generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "uuid" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_different_sorted_and_read_as_written() {
        let ids = JobIds::new();
        let now = Timestamp::now();
        let made: Vec<JobId> = (0..1000).map(|_| ids.make(now)).collect();
        assert!(made.is_sorted_by(|one, other| one < other));
        for id in made {
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        assert!("019ac5c4-6f3a-7000-8000".parse::<JobId>().is_err());
        assert!("019ac5c4-6f3a-7000-8000-00000000000g".parse::<JobId>().is_err());
    }
}
