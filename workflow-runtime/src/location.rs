//! Where in the user's code something was declared.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A line of a source file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Location {
    /// The file, as the compiler names it.
    pub file: Cow<'static, str>,
    /// The line, from 1.
    pub line: u32,
}

impl Location {
    /// A line of a file.
    pub const fn new(file: &'static str, line: u32) -> Self {
        Self { file: Cow::Borrowed(file), line }
    }

    /// Where this function's caller stands.
    #[track_caller]
    pub fn caller() -> Self {
        let caller = std::panic::Location::caller();
        Self { file: Cow::Owned(caller.file().to_owned()), line: caller.line() }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.file, self.line)
    }
}
