//! What was looked at, and how it is.

use serde::Serialize;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Level {
    Ok,
    /// Somebody may want to look at it.
    Warning,
    /// Something does not work.
    Error,
}

impl Level {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What was looked at, and how it is.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    pub(super) level: Level,
    pub(super) about: &'static str,
    pub(super) what: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cure: Option<String>,
}

/// All that was found.
#[derive(Debug, Default)]
pub(super) struct Findings(pub(super) Vec<Finding>);

impl Findings {
    pub(super) fn ok(&mut self, about: &'static str, what: impl Into<String>) {
        self.add(Level::Ok, about, what.into(), None);
    }

    pub(super) fn warning(&mut self, about: &'static str, what: impl Into<String>, cure: impl Into<String>) {
        self.add(Level::Warning, about, what.into(), Some(cure.into()));
    }

    pub(super) fn error(&mut self, about: &'static str, what: impl Into<String>, cure: impl Into<String>) {
        self.add(Level::Error, about, what.into(), Some(cure.into()));
    }

    fn add(&mut self, level: Level, about: &'static str, what: String, cure: Option<String>) {
        self.0.push(Finding { level, about, what, cure });
    }

    pub(super) fn count(&self, level: Level) -> usize {
        self.0.iter().filter(|finding| finding.level == level).count()
    }
}
