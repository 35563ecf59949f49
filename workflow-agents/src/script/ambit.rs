//! What a script works on, and within which limits.

use serde_json::Value as Json;

use super::source::Source;
use crate::policy::Limits;

/// How a script is run.
#[derive(Debug)]
pub(super) struct Ambit {
    pub(super) source: Source,
    pub(super) input: Json,
    pub(super) limits: Limits,
    /// Why it has no library `os`, unless it has.
    pub(super) without_os: Option<String>,
}
