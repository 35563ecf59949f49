//! What was made of it.

use workflow_runtime::data;

/// The vector of a text.
#[data]
#[derive(PartialEq)]
pub struct EmbeddingResponse {
    /// What the query is called by who asked.
    pub query_id: String,
    /// The vector.
    pub embedding: Vec<f32>,
    /// How many numbers it has.
    pub embedding_dim: u32,
    /// When it was made, like `2026-11-21T07:16:53Z`.
    pub timestamp: String,
}
