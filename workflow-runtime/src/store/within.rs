//! New jobs in a transaction of the user's own, in the same file or database: they are there if and only if what else it
//! writes is.

use super::port::{Head, Lines};
use crate::timestamp::Timestamp;

/// What is written of a new job in such a transaction, and of its plan.
pub(crate) struct Within {
    pub(crate) head: Head,
    pub(crate) lines: Lines,
    /// By when it should begin, so to speak.
    #[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "one node takes all jobs in"))]
    pub(crate) due: Timestamp,
    /// A topic, a name and a text, noted if they are not yet.
    pub(crate) note: Option<(&'static str, String, String)>,
}
