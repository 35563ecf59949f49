//! What a setting is set to.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use workflow_graph::{format_duration, nearest, parse_duration, parse_rate};

use super::given::Given;
use super::key::Kind;
use crate::options::{Priority, Rate};
use crate::schedule::{Cron, Rule, every};

/// The most that is counted to: what `concurrency` and the like are counted in.
const MOST: i64 = u32::MAX as i64;

/// What a setting is set to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Flag(bool),
    Text(Arc<str>),
    Time(Duration),
    Rate(Rate),
    Count(u32),
    Number(f64),
    Priority(Priority),
    Names(Vec<Arc<str>>),
    /// A rule, and how it was written.
    Rule(Rule, Arc<str>),
}

/// The priorities, as they are written.
const PRIORITIES: [(&str, Priority); 4] = [
    ("critical", Priority::Critical),
    ("high", Priority::High),
    ("low", Priority::Low),
    ("normal", Priority::Normal),
];

impl Value {
    /// Reads what was written.
    ///
    /// # Errors
    /// Says what should have been written.
    pub(super) fn read(kind: Kind, given: &Given) -> Result<Self, String> {
        let found = || format!("expected {}, found {}", kind.expected(), given.named());
        match (kind, given) {
            (Kind::Flag, Given::Flag(flag)) => Ok(Self::Flag(*flag)),
            (Kind::Flag, Given::Said(text)) => match text.as_str() {
                "true" => Ok(Self::Flag(true)),
                "false" => Ok(Self::Flag(false)),
                _ => Err(misread(kind, text)),
            },
            (Kind::Count | Kind::Amount, given) => count(kind, given).ok_or_else(|| match given {
                Given::Said(text) => misread(kind, text),
                Given::Integer(_) => format!("expected {}, and no more than {MOST}", kind.expected()),
                _ => found(),
            })?,
            (Kind::Factor | Kind::Share, given) => number(kind, given).ok_or_else(found),
            (Kind::Names, Given::List(items)) => {
                let name = |item: &Given| match item {
                    Given::Text(name) if !name.trim().is_empty() => Ok(Arc::from(name.as_str())),
                    _ => Err(format!("expected {}; one of these is no name", kind.expected())),
                };
                items.iter().map(name).collect::<Result<_, _>>().map(Self::Names)
            }
            (Kind::Names, Given::Said(text)) => {
                let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
                Ok(Self::Names(names.map(Arc::from).collect()))
            }
            (Kind::Names | Kind::Flag, _) => Err(found()),
            (_, Given::Text(text) | Given::Said(text)) => Self::of_text(kind, text),
            _ => Err(found()),
        }
    }

    fn of_text(kind: Kind, text: &str) -> Result<Self, String> {
        match kind {
            Kind::Time => parse_duration(text).map(Self::Time).map_err(|error| error.to_string()),
            Kind::Rate => rate(text),
            Kind::Priority => {
                let known = PRIORITIES.iter().find(|(name, _)| *name == text);
                let near = nearest(text, PRIORITIES.iter().map(|(name, _)| *name));
                let cure = near.map(|name| format!("; did you mean \"{name}\"?")).unwrap_or_default();
                let wrong = || format!("there is no priority \"{text}\"; write {}{cure}", kind.expected());
                known.map(|(_, priority)| Self::Priority(*priority)).ok_or_else(wrong)
            }
            Kind::Stall if matches!(text, "retry" | "cancel_job") => Ok(Self::Text(text.into())),
            Kind::All if text == "all" => Ok(Self::Text(text.into())),
            Kind::Rule => rule(text).map(|rule| Self::Rule(rule, text.into())),
            Kind::Zone => {
                let cron = Cron::parse("* * * * *").map_err(|error| error.to_string())?;
                let known = cron.in_zone(text).map_err(|error| error.to_string());
                known.map(|_| Self::Text(text.into()))
            }
            Kind::Name | Kind::Folder if !text.trim().is_empty() => Ok(Self::Text(text.into())),
            _ => Err(misread(kind, text)),
        }
    }
}

fn misread(kind: Kind, text: &str) -> String {
    format!("expected {}, found \"{text}\"", kind.expected())
}

fn count(kind: Kind, given: &Given) -> Option<Result<Value, String>> {
    let number = match given {
        Given::Integer(number) => (*number)?,
        Given::Said(text) => text.parse().ok()?,
        _ => return None,
    };
    let least = i64::from(kind == Kind::Count);
    if number < least {
        return Some(Err(format!("expected {}, found {number}", kind.expected())));
    }
    u32::try_from(number).ok().map(|number| Ok(Value::Count(number)))
}

#[expect(clippy::cast_precision_loss, reason = "a factor or a share is a small number")]
fn number(kind: Kind, given: &Given) -> Option<Value> {
    let number = match given {
        Given::Integer(number) => (*number)? as f64,
        Given::Float(number) => *number,
        Given::Said(text) => text.parse().ok()?,
        _ => return None,
    };
    let is_right = match kind {
        Kind::Share => (0.0..=1.0).contains(&number),
        _ => number.is_finite() && number >= 1.0,
    };
    is_right.then_some(Value::Number(number))
}

fn rate(text: &str) -> Result<Value, String> {
    let rate = parse_rate(text).map_err(|error| error.to_string())?;
    let count = NonZeroU32::new(rate.count).ok_or_else(|| misread(Kind::Rate, text))?;
    Ok(Value::Rate(Rate { count, per: rate.per }))
}

fn rule(text: &str) -> Result<Rule, String> {
    match text.trim().strip_prefix("every ") {
        Some(interval) => {
            let interval = parse_duration(interval).map_err(|error| error.to_string())?;
            every(interval).map(Rule::Every).map_err(|error| error.to_string())
        }
        None => Cron::parse(text).map(Rule::Cron).map_err(|error| error.to_string()),
    }
}

/// A rate as it is read: `10/1s`.
fn rate_text(rate: Rate) -> String {
    format!("{}/{}", rate.count, format_duration(rate.per))
}

/// As TOML.
impl fmt::Display for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(out, "{flag}"),
            Self::Text(text) | Self::Rule(_, text) => out.write_str(&quoted(text)),
            Self::Time(time) => write!(out, "\"{}\"", format_duration(*time)),
            Self::Rate(rate) => write!(out, "\"{}\"", rate_text(*rate)),
            Self::Count(count) => write!(out, "{count}"),
            Self::Number(number) => write!(out, "{number:?}"),
            Self::Priority(priority) => {
                let name = PRIORITIES.iter().find(|(_, known)| known == priority);
                write!(out, "\"{}\"", name.map_or("normal", |(name, _)| name))
            }
            Self::Names(names) => {
                let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
                write!(out, "[{}]", names.join(", "))
            }
        }
    }
}

/// A text as TOML writes it.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            letter if letter.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(letter))),
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}
