//! What is printed: text in columns for people, JSON for programs.

use std::borrow::Cow;
use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};
use unicode_width::UnicodeWidthStr;

use super::looks::{Looks, Paint};
use super::refusal::Refusal;
use crate::timestamp::Timestamp;

/// Where a command prints.
pub(super) struct Output<'a> {
    out: &'a mut dyn Write,
    /// Programs read it.
    pub(super) json: bool,
    looks: Looks,
}

impl<'a> Output<'a> {
    pub(super) fn new(out: &'a mut dyn Write, json: bool, looks: Looks) -> Self {
        Self { out, json, looks }
    }

    /// How wide it may be.
    pub(super) fn width(&self) -> usize {
        self.looks.width
    }

    /// Prints a line that begins with words and ends with a state, in its colour.
    pub(super) fn line_with(&mut self, words: &str, state: &str) -> io::Result<()> {
        let (words, state) = (plain(words), plain(state));
        writeln!(self.out, "{words}{}", self.looks.paint(Paint::of_state(&state), &state))
    }

    /// Prints what a program reads as one document, and people as they are shown it.
    pub(super) fn show<T: Serialize + ?Sized>(
        &mut self,
        value: &T,
        text: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> Result<(), Refusal> {
        if self.json {
            return self.document(value);
        }
        Ok(text(self)?)
    }

    /// Prints a document.
    pub(super) fn document<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refusal> {
        value.serialize(&mut Serializer::with_formatter(&mut *self.out, Quiet(PrettyFormatter::new())))?;
        Ok(writeln!(self.out)?)
    }

    /// Prints a document in one line.
    pub(super) fn in_a_line<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refusal> {
        value.serialize(&mut Serializer::with_formatter(&mut *self.out, Quiet(CompactFormatter)))?;
        Ok(writeln!(self.out)?)
    }

    /// What was printed is to be seen now.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Prints what is meant to be a file of its own, as it is.
    pub(super) fn raw(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        if text.ends_with('\n') { Ok(()) } else { writeln!(self.out) }
    }

    /// Prints a line.
    pub(super) fn line(&mut self, text: impl AsRef<str>) -> io::Result<()> {
        writeln!(self.out, "{}", plain(text.as_ref()).trim_end())
    }

    /// Prints rows in columns, each as wide as its widest cell.
    pub(super) fn columns<const N: usize>(&mut self, rows: &[[String; N]]) -> io::Result<()> {
        self.rows(rows, |_, _| None)
    }

    /// The same; the first row is their heads. States have their colours.
    pub(super) fn table<const N: usize>(&mut self, rows: &[[String; N]]) -> io::Result<()> {
        let states = rows.first().and_then(|heads| heads.iter().position(|head| head == "STATE"));
        self.rows(rows, |row, column| match row {
            0 => Some(Paint::Heading),
            _ if Some(column) == states => Paint::of_state(&rows[row][column]),
            _ => None,
        })
    }

    fn rows<const N: usize>(
        &mut self,
        rows: &[[String; N]],
        paint: impl Fn(usize, usize) -> Option<Paint>,
    ) -> io::Result<()> {
        let rows: Vec<[Cow<'_, str>; N]> =
            rows.iter().map(|row| std::array::from_fn(|column| one_line(&row[column]))).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].width()).max().unwrap_or(0);
        let widths: [usize; N] = std::array::from_fn(width);
        for (place, row) in rows.iter().enumerate() {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
                line.push_str(&self.looks.paint(paint(place, column), cell));
                line.extend(std::iter::repeat_n(' ', width - cell.width() + 2));
            }
            writeln!(self.out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// How long it took, in few signs.
pub(super) fn took(from: Timestamp, to: Timestamp) -> String {
    let time = to.since(from);
    if time < Duration::from_secs(1) {
        return format!("{} ms", time.as_millis());
    }
    if time < Duration::from_secs(100) {
        return format!("{:.1} s", time.as_secs_f64());
    }
    workflow_graph::format_duration(Duration::from_secs(time.as_secs()))
}

/// A text as a terminal may show it: nothing in it moves the cursor, colours, or rings.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    escaped(text, |character| character == '\n' || character == '\t')
}

/// The same, in one line.
pub(super) fn one_line(text: &str) -> Cow<'_, str> {
    escaped(text, |_| false)
}

/// JSON that people may look at on a terminal: in its texts, too, nothing moves the cursor.
struct Quiet<F>(F);

impl<F: Formatter> Formatter for Quiet<F> {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, text: &str) -> io::Result<()> {
        let mut plain = 0;
        for (at, letter) in text.char_indices().filter(|(_, letter)| is_bad(*letter)) {
            out.write_all(&text.as_bytes()[plain..at])?;
            let mut units = [0; 2];
            letter.encode_utf16(&mut units).iter().try_for_each(|unit| write!(out, "\\u{unit:04x}"))?;
            plain = at + letter.len_utf8();
        }
        out.write_all(&text.as_bytes()[plain..])
    }

    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_array(out)
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array(out)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(out, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array_value(out)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object(out)
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object(out)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(out, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object_value(out)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_value(out)
    }
}

/// Moves the cursor, rings, or turns around what stands beside it.
fn is_bad(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}'
        )
}

fn escaped(text: &str, is_fine: impl Fn(char) -> bool) -> Cow<'_, str> {
    let is_bad = |character: char| is_bad(character) && !is_fine(character);
    if !text.contains(is_bad) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_bad(character) {
            safe.extend(character.escape_default());
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_printed_reaches_a_terminal_as_a_command() {
        let mut out = Vec::new();
        let mut output = Output::new(&mut out, false, Looks::plain());
        output.line("red \u{1b}[31m, bell \u{7}, back \u{8}, turned \u{202e}").unwrap();
        output.table(&[["a\nb".to_owned(), "\u{9b}2J".to_owned()]]).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "red \\u{1b}[31m, bell \\u{7}, back \\u{8}, turned \\u{202e}\na\\nb  \\u{9b}2J\n");
    }

    #[test]
    fn columns_are_as_wide_as_what_is_in_them() {
        let mut out = Vec::new();
        let rows = [["name", "what"], ["寿司", "rice"], ["é", ""]].map(|row| row.map(str::to_owned));
        Output::new(&mut out, false, Looks::plain()).table(&rows).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "name  what\n寿司  rice\né\n");
    }

    #[test]
    fn states_have_colours_and_columns_stay_straight() {
        let mut out = Vec::new();
        let rows = [["STATE", "WHY"], ["failed", "no\u{1b}[0m"], ["failed, settled", ""]];
        let looks = Looks { width: 80, colours: true };
        Output::new(&mut out, false, looks).table(&rows.map(|row| row.map(str::to_owned))).unwrap();
        let text = String::from_utf8(out).unwrap();
        let (bold, red, end) = ("\u{1b}[1m", "\u{1b}[31m", "\u{1b}[0m");
        let wanted = format!(
            "{bold}STATE{end}            {bold}WHY{end}\n{red}failed{end}           no\\u{{1b}}[0m\n{red}failed, settled{end}\n"
        );
        assert_eq!(text, wanted);
    }

    #[test]
    fn json_says_the_same_and_moves_no_cursor() {
        let said = serde_json::json!({ "a\u{9b}": ["\u{202e}\u{1b}\"\\", 1.5, null, {}], "é寿": "\u{7f}" });
        for pretty in [true, false] {
            let mut out = Vec::new();
            let mut output = Output::new(&mut out, true, Looks::plain());
            if pretty { output.document(&said) } else { output.in_a_line(&said) }.unwrap();
            let text = String::from_utf8(out).unwrap();
            assert!(
                !text.contains(|letter| is_bad(letter) && letter != '\n') && text.contains("é寿"),
                "{text:?}"
            );
            assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), said);
        }
    }
}
