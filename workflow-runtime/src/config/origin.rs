//! Where something was said.

use std::fmt;
use std::sync::Arc;

/// Where something of a [`Configuration`](crate::Configuration) was said.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Origin {
    /// In a file, or in a text that was given a name.
    File {
        /// Its name.
        name: Arc<str>,
        /// The line, from 1; 0 if it is about the file as a whole.
        line: usize,
        /// The character in the line, from 1.
        column: usize,
    },
    /// In a variable of the environment.
    Variable(Arc<str>),
}

impl Origin {
    /// A file as a whole.
    pub(super) fn whole(name: &str) -> Self {
        Self::File { name: Arc::from(name), line: 0, column: 0 }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { name, line: 0, .. } => out.write_str(name),
            Self::File { name, line, column } => write!(out, "{name}:{line}:{column}"),
            Self::Variable(name) => write!(out, "env {name}"),
        }
    }
}
