//! How a history is written: a line for each event, with a checksum, for who is killed may have written half of one.

use serde::{Deserialize, Serialize};

use super::event::Event;

/// An event, and the process that told it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The process. Who is started again is another.
    pub process: u32,
    /// What it told.
    #[serde(flatten)]
    pub event: Event,
}

/// A history that was read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Parsed {
    /// The lines that are whole, in order.
    pub lines: Vec<Line>,
    /// How many are not: one for each process that was killed, at most.
    pub torn: usize,
}

impl Line {
    /// The line as bytes, which are to be written at once. It begins with a new line, so that it stands by itself
    /// though the line before may have been cut.
    pub fn to_bytes(&self) -> Vec<u8> {
        let json = serde_json::to_string(self).unwrap_or_default();
        format!("\n{:016x} {json}\n", checksum(json.as_bytes())).into_bytes()
    }

    /// A line that is whole.
    pub fn parse(text: &str) -> Option<Self> {
        let (sum, json) = text.split_once(' ')?;
        let is_whole = sum.len() == 16 && u64::from_str_radix(sum, 16) == Ok(checksum(json.as_bytes()));
        if is_whole { serde_json::from_str(json).ok() } else { None }
    }
}

impl Parsed {
    /// Reads a history.
    pub fn of(bytes: &[u8]) -> Self {
        let mut parsed = Self::default();
        for text in bytes.split(|byte| *byte == b'\n').filter(|text| !text.is_empty()) {
            match std::str::from_utf8(text).ok().and_then(Line::parse) {
                Some(line) => parsed.lines.push(line),
                None => parsed.torn += 1,
            }
        }
        parsed
    }
}

/// FNV-1a.
fn checksum(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}
