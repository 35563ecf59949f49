//! What a component works on, and within which limits.

use std::path::PathBuf;

use serde_json::Value as Json;

use crate::policy::Limits;

/// How a component is run.
#[derive(Debug)]
pub(super) struct Ambit {
    /// The file, as the file system knows it.
    pub(super) file: PathBuf,
    pub(super) input: Json,
    pub(super) limits: Limits,
}
