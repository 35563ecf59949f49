//! New jobs in a transaction of the user's own, in the same file or database: they are there if and only if what else it
//! writes is.

use super::port::{Head, Lines};

/// What is written of a new job in such a transaction, and of its plan.
pub(crate) struct Within {
    pub(crate) head: Head,
    pub(crate) lines: Lines,
    /// A topic, a name and a text, noted if they are not yet.
    pub(crate) note: Option<(&'static str, String, String)>,
}
