//! What is wrong with what was written in a file: all of it, each at its place.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Where a rule was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) file: Arc<str>,
    /// From 1; 0 if it is about the file as a whole.
    pub(super) line: usize,
    pub(super) column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => out.write_str(&self.file),
            line => write!(out, "{}:{line}:{}", self.file, self.column),
        }
    }
}

/// Something that is wrong with a policy, or with a table of models.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Mistake {
    pub(super) at: Place,
    /// The problem, then the cure.
    pub problem: String,
}

impl Mistake {
    /// The line that it is in, from 1; none if it is about the file as a whole.
    pub fn line(&self) -> Option<usize> {
        (self.at.line > 0).then_some(self.at.line)
    }

    /// The character in the line, from 1.
    pub fn column(&self) -> Option<usize> {
        (self.at.line > 0).then_some(self.at.column)
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.at, self.problem)
    }
}

/// All that is wrong with a policy, or with a table of models, in the order of its places.
#[derive(Clone, PartialEq, Eq)]
pub struct Mistakes(pub(super) Vec<Mistake>);

impl Mistakes {
    /// A file that cannot be read.
    pub(crate) fn of_file(file: &Path, error: &std::io::Error) -> Self {
        let at = Place { file: file.display().to_string().into(), line: 0, column: 0 };
        Self(vec![Mistake { at, problem: format!("it cannot be read: {error}") }])
    }

    /// One after the other.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Mistake> {
        self.0.iter()
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        let plural = if count == 1 { "" } else { "s" };
        write!(out, "{count} mistake{plural}:")?;
        self.0.iter().try_for_each(|mistake| write!(out, "\n  {mistake}"))
    }
}

/// As people read it, for that is what `unwrap` shows them.
impl fmt::Debug for Mistakes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl std::error::Error for Mistakes {}
