//! A text of TOML whose tables are read key by key, each mistake with its place.

use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mistake::{Mistake, Mistakes, Place};

/// A text, where its lines begin, and what is wrong with it.
pub(crate) struct Text<'a> {
    text: &'a str,
    file: Arc<str>,
    lines: Vec<usize>,
    mistakes: Vec<Mistake>,
}

impl<'a> Text<'a> {
    pub(crate) fn new(text: &'a str, file: &str) -> Self {
        let behind = text.match_indices('\n').map(|(place, _)| place + 1);
        let lines = std::iter::once(0).chain(behind).collect();
        Self { text, file: file.into(), lines, mistakes: Vec::new() }
    }

    /// The text as a table; empty when it cannot be read.
    pub(crate) fn table(&mut self) -> DeTable<'a> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            let byte = error.span().map_or(self.text.len(), |span| span.start);
            let message = error.message().lines().map(str::trim).collect::<Vec<_>>().join(", ");
            self.wrong(byte, message);
        }
        if errors.is_empty() { table.into_inner() } else { DeTable::default() }
    }

    pub(super) fn at(&self, byte: usize) -> Place {
        let line = self.lines.partition_point(|start| *start <= byte);
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let before = self.text.get(start..byte).unwrap_or_default();
        Place { file: Arc::clone(&self.file), line, column: before.chars().count() + 1 }
    }

    /// Notes something that is wrong at a byte: the problem, then the cure.
    pub(crate) fn wrong(&mut self, byte: usize, problem: impl Into<String>) {
        self.mistakes.push(Mistake { at: self.at(byte), problem: problem.into() });
    }

    /// What was wrong, if anything was.
    pub(crate) fn done(mut self) -> Result<(), Mistakes> {
        self.mistakes.sort();
        self.mistakes.dedup();
        if self.mistakes.is_empty() { Ok(()) } else { Err(Mistakes(self.mistakes)) }
    }

    /// Notes what should have been there.
    pub(crate) fn expected(&mut self, expected: &str, value: &Spanned<DeValue<'_>>) {
        let found = value.get_ref().type_str();
        self.wrong(value.span().start, format!("expected {expected}, found {found}"));
    }

    /// Notes a key that nothing takes.
    pub(crate) fn unknown(&mut self, byte: usize, key: &str, known: &[&str]) {
        let near = workflow_graph::nearest(key, known.iter().copied());
        let cure = near.map_or_else(
            || format!("the keys are {}", known.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        self.wrong(byte, format!("unknown key `{key}`; {cure}"));
    }

    pub(crate) fn string(&mut self, value: &Spanned<DeValue<'_>>, expected: &str) -> Option<String> {
        match value.get_ref() {
            DeValue::String(text) if !text.trim().is_empty() && !text.contains('\0') => {
                Some(text.to_string())
            }
            _ => {
                self.expected(expected, value);
                None
            }
        }
    }

    /// A list of texts, each with where it is.
    pub(crate) fn strings(&mut self, value: &Spanned<DeValue<'_>>, expected: &str) -> Vec<(String, usize)> {
        let items = self.items(value, expected).iter();
        items.filter_map(|item| Some((self.string(item, expected)?, item.span().start))).collect()
    }

    pub(crate) fn items<'v, 't>(
        &mut self,
        value: &'v Spanned<DeValue<'t>>,
        expected: &str,
    ) -> &'v [Spanned<DeValue<'t>>] {
        match value.get_ref() {
            DeValue::Array(items) => items,
            _ => {
                self.expected(expected, value);
                &[]
            }
        }
    }

    pub(crate) fn flag(&mut self, value: &Spanned<DeValue<'_>>) -> bool {
        match value.get_ref() {
            DeValue::Boolean(flag) => *flag,
            _ => {
                self.expected("true or false", value);
                false
            }
        }
    }

    /// A number, from one.
    pub(crate) fn count(&mut self, value: &Spanned<DeValue<'_>>) -> Option<u64> {
        let number = match value.get_ref() {
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        if number.is_none_or(|number| number == 0) {
            self.expected("a number, from 1", value);
            return None;
        }
        number
    }

    /// A number of bytes: as a number, or like `"64 MiB"`.
    pub(crate) fn bytes(&mut self, value: &Spanned<DeValue<'_>>) -> Option<u64> {
        let DeValue::String(text) = value.get_ref() else { return self.count(value) };
        let size = size(text);
        if size.is_none() {
            self.wrong(
                value.span().start,
                format!("`{text}` is no size; write one like \"64 MiB\" or \"500 kB\""),
            );
        }
        size
    }

    /// A time like `"90s"`, in milliseconds.
    pub(crate) fn time(&mut self, value: &Spanned<DeValue<'_>>) -> Option<u64> {
        let text = self.string(value, "a time like \"90s\"")?;
        match workflow_graph::parse_duration(&text) {
            Ok(time) if !time.is_zero() => u64::try_from(time.as_millis()).ok(),
            Ok(_) => {
                self.wrong(value.span().start, "no time is too little; leave it out for no limit");
                None
            }
            Err(error) => {
                self.wrong(value.span().start, error.to_string());
                None
            }
        }
    }
}

fn size(text: &str) -> Option<u64> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit: u64 = match unit.trim() {
        "" | "B" => 1,
        "kB" => 1000,
        "KiB" => 1 << 10,
        "MB" => 1_000_000,
        "MiB" => 1 << 20,
        "GB" => 1_000_000_000,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit).filter(|size| *size > 0)
}
