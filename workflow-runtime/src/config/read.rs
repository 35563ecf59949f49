//! A configuration as TOML: read into a list of what is set, each with its place.

use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::given::{Given, Item, Segment};
use super::mistake::Mistake;
use super::origin::Origin;

/// Reads a text; gives what it sets, and what is wrong with it.
pub(super) fn read(text: &str, name: &str) -> (Vec<Item>, Vec<Mistake>) {
    let file = File::new(text, name);
    let (table, errors) = DeTable::parse_recoverable(text);
    let wrong = |error: &toml::de::Error| {
        let at = file.at(error.span().map_or(text.len(), |span| span.start));
        Mistake::new(&at, one_line(error.message()))
    };
    let mistakes: Vec<Mistake> = errors.iter().map(wrong).collect();
    let mut items = Vec::new();
    // What could be made of a text that cannot be read says nothing about what was meant.
    if mistakes.is_empty() {
        file.flatten(table.get_ref(), &mut Vec::new(), &mut items);
    }
    (items, mistakes)
}

fn one_line(message: &str) -> String {
    message.lines().map(str::trim).collect::<Vec<_>>().join(", ")
}

/// A text, and where its lines begin.
struct File<'a> {
    text: &'a str,
    name: Arc<str>,
    lines: Vec<usize>,
}

impl<'a> File<'a> {
    fn new(text: &'a str, name: &str) -> Self {
        let behind = text.match_indices('\n').map(|(place, _)| place + 1);
        Self { text, name: Arc::from(name), lines: std::iter::once(0).chain(behind).collect() }
    }

    /// The line and the column of a byte.
    fn at(&self, byte: usize) -> Origin {
        let line = self.lines.partition_point(|start| *start <= byte);
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let before = self.text.get(start..byte).unwrap_or_default();
        Origin::File { name: Arc::clone(&self.name), line, column: before.chars().count() + 1 }
    }

    fn flatten(&self, table: &DeTable<'_>, path: &mut Vec<Segment>, items: &mut Vec<Item>) {
        for (key, value) in table {
            let at = self.at(key.span().start);
            path.push(Segment { text: key.get_ref().to_string(), is_folded: false, at: at.clone() });
            match value.get_ref() {
                DeValue::Table(inner) if inner.is_empty() => {
                    items.push(Item { path: path.clone(), value: Given::Table, at });
                }
                DeValue::Table(inner) => self.flatten(inner, path, items),
                other => {
                    let at = self.at(value.span().start);
                    items.push(Item { path: path.clone(), value: given(other), at });
                }
            }
            path.pop();
        }
    }
}

fn given(value: &DeValue<'_>) -> Given {
    match value {
        DeValue::String(text) => Given::Text(text.to_string()),
        DeValue::Integer(number) => Given::Integer(i64::from_str_radix(number.as_str(), number.radix()).ok()),
        DeValue::Float(number) => Given::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(flag) => Given::Flag(*flag),
        DeValue::Datetime(_) => Given::Moment,
        DeValue::Array(items) => Given::List(items.iter().map(Spanned::get_ref).map(given).collect()),
        DeValue::Table(_) => Given::Table,
    }
}
