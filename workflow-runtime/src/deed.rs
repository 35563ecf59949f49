//! What somebody had done, as it is kept.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::timestamp::Timestamp;

/// What somebody had done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(schemars::JsonSchema))]
pub(crate) struct Deed {
    pub(crate) at: Timestamp,
    /// Who.
    pub(crate) who: String,
    /// What, as it was asked for; what jobs were given only as far as nothing of the program is secret.
    pub(crate) act: Json,
    /// What came of it.
    pub(crate) came: String,
}
