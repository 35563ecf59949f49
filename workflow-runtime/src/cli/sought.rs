//! Which jobs are meant, as the command line says it.

use std::str::FromStr;

use clap::Args;

use super::arguments::StateName;
use crate::state::JobState;
use crate::store::Filter;
use crate::timestamp::Timestamp;

/// Which jobs are meant.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Sought {
    /// Only those in this state; said again, in one of these
    #[arg(long, value_enum)]
    pub(super) state: Vec<StateName>,
    /// Only those that run this agent or workflow
    #[arg(long)]
    pub(super) name: Option<String>,
    /// Only those with this tag
    #[arg(long)]
    pub(super) tag: Option<String>,
    /// Only those that have these words in their name, a tag, or in why they failed or are parked
    #[arg(long, value_name = "WORDS")]
    pub(super) text: Option<String>,
    /// Only those that were submitted since then: a moment, or an age such as 2h
    #[arg(long, value_name = "WHEN")]
    pub(super) since: Option<When>,
    /// Only those that were submitted before then: a moment, or an age such as 2h
    #[arg(long, value_name = "WHEN")]
    pub(super) until: Option<When>,
}

/// A moment, as it is written here: one, or so long ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct When(pub(super) Timestamp);

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(age) = workflow_graph::parse_duration(text) {
            return Ok(Self(Timestamp::now() - age));
        }
        let day = format!("{text}T00:00:00Z");
        match text.parse().or_else(|_| day.parse()) {
            Ok(moment) => Ok(Self(moment)),
            Err(_) => {
                Err("write an age such as 90s, 2h or 7d, a day such as 2026-11-21, or a moment such as \
                           2026-11-21T07:16:53Z"
                    .to_owned())
            }
        }
    }
}

impl Sought {
    /// As a store reads it.
    pub(super) fn filter(&self) -> Filter {
        Filter {
            states: self.state.iter().map(|state| state.0).collect(),
            name: self.name.clone(),
            tag: self.tag.clone(),
            text: self.text.clone(),
            since: self.since.map(|since| since.0),
            until: self.until.map(|until| until.0),
            ..Filter::default()
        }
    }

    /// Whether nothing is said.
    pub(super) fn is_all(&self) -> bool {
        self.filter() == Filter::default()
    }

    /// Those in one of these states, if no state is said.
    pub(super) fn or_in(mut self, is_meant: impl Fn(JobState) -> bool) -> Self {
        if self.state.is_empty() {
            self.state =
                JobState::ALL.iter().copied().filter(|state| is_meant(*state)).map(StateName).collect();
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_ages_days_or_moments() {
        let moment = |text: &str| text.parse::<When>().map(|when| when.0.to_string());
        assert_eq!(moment("2026-11-21").as_deref(), Ok("2026-11-21T00:00:00.000000Z"));
        assert_eq!(moment("2026-11-21T07:16:53Z").as_deref(), Ok("2026-11-21T07:16:53.000000Z"));
        let age = Timestamp::now().since("2h".parse::<When>().unwrap().0);
        assert!((7199..7210).contains(&age.as_secs()), "{age:?}");
        for wrong in ["", "yesterday", "2026-13-01", "-2h", "\u{1b}[2J"] {
            assert!(moment(wrong).is_err(), "{wrong}");
        }
    }
}
