//! Time zones: when the clocks of a place are put forward and back.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use workflow_graph::nearest;

/// A time zone, from the data that is built into the program: the same on every machine that runs it.
#[derive(Clone)]
pub(super) struct Zone(TimeZone);

/// A moment at which clocks are put forward or back, in seconds since 1970 began in UTC.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change {
    pub(super) at: i64,
    /// What the clocks show less what UTC shows, before it.
    pub(super) before: i64,
    /// And after it.
    pub(super) after: i64,
}

/// A name that no time zone has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no time zone \"{name}\"; {}", cure(.nearest))]
pub struct UnknownZone {
    name: String,
    nearest: Option<String>,
}

fn cure(nearest: &Option<String>) -> String {
    match nearest {
        Some(nearest) => format!("did you mean \"{nearest}\"?"),
        None => "write one as in \"Europe/Berlin\", or \"UTC\"".to_owned(),
    }
}

impl UnknownZone {
    /// The name that was asked for.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The zone that was meant, if one is near enough.
    pub fn nearest(&self) -> Option<&str> {
        self.nearest.as_deref()
    }
}

impl Zone {
    pub(super) const UTC: Self = Self(TimeZone::UTC);

    pub(super) fn named(name: &str) -> Result<Self, UnknownZone> {
        let known = TimeZoneDatabase::bundled();
        match known.get(name) {
            Ok(zone) if !zone.is_unknown() => Ok(Self(zone)),
            _ => {
                let names: Vec<String> = known.available().map(|name| name.to_string()).collect();
                let city = names.iter().find(|zone| {
                    zone.rsplit('/')
                        .next()
                        .is_some_and(|city| city.eq_ignore_ascii_case(&name.replace(' ', "_")))
                });
                let near =
                    city.map(String::as_str).or_else(|| nearest(name, names.iter().map(String::as_str)));
                Err(UnknownZone { name: name.to_owned(), nearest: near.map(str::to_owned) })
            }
        }
    }

    pub(super) fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    pub(super) fn is_utc(&self) -> bool {
        self.0 == TimeZone::UTC
    }

    /// What the clocks show less what UTC shows, at a moment.
    pub(super) fn offset(&self, at: i64) -> i64 {
        moment(at).map_or(0, |at| i64::from(self.0.to_offset(at).seconds()))
    }

    /// The first change after a moment at which the offset is `before`.
    pub(super) fn change_after(&self, at: i64, before: i64) -> Option<Change> {
        let change = self.0.following(moment(at)?).next()?;
        Some(Change {
            at: change.timestamp().as_second(),
            before,
            after: i64::from(change.offset().seconds()),
        })
    }

    /// The last change up to a moment at which the offset is `after`.
    pub(super) fn change_until(&self, at: i64, after: i64) -> Option<Change> {
        let at = self.0.preceding(moment(at + 1)?).next()?.timestamp().as_second();
        let before = self.0.to_offset(moment(at - 1)?).seconds();
        Some(Change { at, before: i64::from(before), after })
    }
}

fn moment(at: i64) -> Option<Timestamp> {
    Timestamp::from_second(at).ok()
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Zone {}

impl fmt::Debug for Zone {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}
