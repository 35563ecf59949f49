//! What is sent.

use base64::Engine as _;
use serde_json::Value as Json;
use workflow_runtime::data;

/// What is sent.
#[data]
#[derive(PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// A text.
    Text(String),
    /// A value, as JSON.
    Json(Json),
    /// Bytes, in base64.
    Base64(String),
}

impl Body {
    /// It, as it is sent.
    ///
    /// # Errors
    /// When it is no base64.
    pub(crate) fn bytes(&self) -> Result<Vec<u8>, String> {
        match self {
            Self::Text(text) => Ok(text.clone().into_bytes()),
            Self::Json(value) => Ok(value.to_string().into_bytes()),
            Self::Base64(text) => base64::engine::general_purpose::STANDARD
                .decode(text)
                .map_err(|error| format!("the body is no base64: {error}")),
        }
    }
}
