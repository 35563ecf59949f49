//! Why a text is not a cron pattern.

use std::fmt;
use std::ops::Range;

use super::field::CronField;

/// Why a text is not a cron pattern: what is wrong, where, and what to write instead.
///
/// ```
/// use workflow_runtime::schedule::{Cron, CronField};
///
/// let error = Cron::parse("0 25 * * *").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "\"25\" is no hour, at character 3 of \"0 25 * * *\"; hours go from 0 to 23, and 0 is midnight"
/// );
/// assert_eq!(error.field(), Some(CronField::Hour));
/// assert_eq!(error.place(), 2..4);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronError {
    whole: String,
    place: Range<usize>,
    field: Option<CronField>,
    problem: String,
    cure: String,
}

impl CronError {
    /// An error at `part`, which is a part of `whole`.
    pub(super) fn new(
        whole: &str,
        part: &str,
        field: Option<CronField>,
        problem: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        let start = part.as_ptr().addr().wrapping_sub(whole.as_ptr().addr()).min(whole.len());
        Self {
            whole: whole.to_owned(),
            place: start..(start + part.len()).min(whole.len()),
            field,
            problem: problem.into(),
            cure: cure.into(),
        }
    }

    /// The field in which it is; none, if it is the pattern as a whole.
    pub fn field(&self) -> Option<CronField> {
        self.field
    }

    /// The bytes of the text that are wrong.
    pub fn place(&self) -> Range<usize> {
        self.place.clone()
    }
}

impl fmt::Display for CronError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { whole, place, problem, cure, .. } = self;
        if self.field.is_some() {
            let character = whole[..place.start].chars().count() + 1;
            write!(out, "{problem}, at character {character} of \"{whole}\"; {cure}")
        } else {
            write!(out, "{problem}; {cure}")
        }
    }
}

impl std::error::Error for CronError {}
