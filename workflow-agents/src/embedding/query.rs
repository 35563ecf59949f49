//! What is asked.

use workflow_runtime::data;

/// A text of which a vector is to be made.
#[data]
#[derive(PartialEq, Eq)]
pub struct Query {
    /// What it is called by who asks.
    pub query_id: String,
    /// The text.
    pub query: String,
    /// By which model, by its name in the table.
    pub model: String,
}
