//! What a tool writes, as much of it as is kept.

use std::collections::VecDeque;

use base64::Engine as _;
use workflow_runtime::data;

/// What a tool wrote.
#[data]
#[derive(Default, PartialEq, Eq)]
pub struct Output {
    /// The text; where something of it is left out, a line in the middle says so.
    pub text: String,
    /// How many bytes there were in all.
    pub bytes: u64,
    /// Whether something of it is left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    /// How the bytes became a text.
    #[serde(default, skip_serializing_if = "Encoding::is_text")]
    pub encoding: Encoding,
}

/// How bytes became a text.
#[data]
#[derive(Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// They are text.
    #[default]
    Text,
    /// They are text, but for some, of which each is U+FFFD.
    Lossy,
    /// They are none; it is those that are kept from the beginning, in base64.
    Base64,
}

impl Encoding {
    fn is_text(&self) -> bool {
        *self == Self::Text
    }
}

impl Output {
    /// What of it is said last, at most so many bytes.
    #[cfg(any(feature = "docker", feature = "http", feature = "shell"))]
    pub(crate) fn end(&self, most: usize) -> &str {
        let text = self.text.trim_end();
        let start = text.len().saturating_sub(most);
        &text[text.ceil_char_boundary(start)..]
    }
}

/// Keeps of what is written the beginning and the end, each up to half of what may be kept.
#[derive(Debug)]
pub(crate) struct Capture {
    half: usize,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    bytes: u64,
}

impl Capture {
    /// One that keeps at most so many bytes.
    pub(crate) fn new(most: u64) -> Self {
        let half = usize::try_from(most / 2).unwrap_or(usize::MAX).max(1);
        Self { half, head: Vec::new(), tail: VecDeque::new(), bytes: 0 }
    }

    pub(crate) fn add(&mut self, mut bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        let room = (self.half - self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..room]);
        bytes = &bytes[room..];
        bytes = &bytes[bytes.len().saturating_sub(self.half)..];
        let over = (self.tail.len() + bytes.len()).saturating_sub(self.half);
        self.tail.drain(..over);
        self.tail.extend(bytes);
    }

    /// How many bytes there were.
    #[cfg(any(feature = "docker", feature = "http", feature = "shell"))]
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The last line that is whole, or the last beginning of one.
    #[cfg(any(test, feature = "docker", feature = "shell"))]
    pub(crate) fn last_line(&self) -> String {
        let last: Vec<u8> = match self.tail.is_empty() {
            true => self.head.iter().rev().take(LINE).rev().copied().collect(),
            false => self.tail.iter().rev().take(LINE).rev().copied().collect(),
        };
        let text = String::from_utf8_lossy(&last);
        let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        line.chars().filter(|letter| !letter.is_control()).collect()
    }

    pub(crate) fn into_output(self) -> Output {
        let kept = (self.head.len() + self.tail.len()) as u64;
        let (bytes, truncated) = (self.bytes, self.bytes > kept);
        let mut whole = self.head;
        if whole.contains(&0) || self.tail.contains(&0) {
            if !truncated {
                whole.extend(self.tail);
            }
            let text = base64::engine::general_purpose::STANDARD.encode(&whole);
            return Output { text, bytes, truncated, encoding: Encoding::Base64 };
        }
        if !truncated {
            whole.extend(self.tail);
            let (text, encoding) = read(whole);
            return Output { text, bytes, truncated, encoding };
        }
        // A character may have been cut at either side of what is left out.
        let tail: Vec<u8> = self.tail.into_iter().skip_while(|byte| byte & 0xc0 == 0x80).collect();
        if let Err(error) = std::str::from_utf8(&whole)
            && error.error_len().is_none()
        {
            whole.truncate(error.valid_up_to());
        }
        let left_out = bytes - (whole.len() + tail.len()) as u64;
        let ((head, one), (tail, other)) = (read(whole), read(tail));
        let encoding = if one.is_text() { other } else { one };
        let text = format!("{head}\n… {left_out} bytes are left out here …\n{tail}");
        Output { text, bytes, truncated, encoding }
    }
}

/// How much of a line is told.
#[cfg(any(test, feature = "docker", feature = "shell"))]
const LINE: usize = 400;

fn read(bytes: Vec<u8>) -> (String, Encoding) {
    match String::from_utf8(bytes) {
        Ok(text) => (text, Encoding::Text),
        Err(error) => (String::from_utf8_lossy(error.as_bytes()).into_owned(), Encoding::Lossy),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(most: u64, parts: &[&[u8]]) -> Output {
        let mut capture = Capture::new(most);
        parts.iter().for_each(|part| capture.add(part));
        capture.into_output()
    }

    #[test]
    fn what_fits_is_whole_however_it_comes() {
        let text = "ein Zoll ist 2,54 cm — genau".as_bytes();
        for cut in 0..text.len() {
            let output = captured(64, &[&text[..cut], &text[cut..]]);
            assert_eq!(output.text.as_bytes(), text);
            assert!(!output.truncated && output.encoding == Encoding::Text);
        }
    }

    #[test]
    fn of_what_is_too_long_the_middle_is_left_out_and_no_character_torn() {
        for cut in 0..9 {
            let mut text = "x".repeat(cut);
            text.push_str(&"äöü€".repeat(1000));
            let output = captured(101, &[text.as_bytes()]);
            assert!(output.truncated && output.encoding == Encoding::Text, "{output:?}");
            assert_eq!(output.bytes, text.len() as u64);
            let (head, _) = output.text.split_once('…').unwrap();
            let (_, tail) = output.text.rsplit_once("…\n").unwrap();
            assert!(text.starts_with(head.trim_end()) && text.ends_with(tail) && tail.len() > 40);
            assert!(output.text.len() < 160);
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_told_from_text_with_a_slip() {
        assert_eq!(captured(64, &[b"a\0b"]).encoding, Encoding::Base64);
        assert_eq!(captured(64, &[b"a\0b"]).text, "YQBi");
        let slip = captured(64, &[b"a\xffb"]);
        assert_eq!((slip.text.as_str(), slip.encoding), ("a\u{fffd}b", Encoding::Lossy));
    }

    #[test]
    fn memory_stays_what_it_is() {
        let mut capture = Capture::new(1000);
        for _ in 0..1000 {
            capture.add(&[b'x'; 4096]);
        }
        assert!(capture.head.capacity() + capture.tail.capacity() < 10_000);
        assert_eq!(capture.last_line().len(), LINE);
    }
}
