//! The workflow.

use workflow_runtime::workflow;

use super::response::EmbeddingResponse;
use super::steps::{generate, publish, receive, validate};

workflow! {
    /// Makes a vector of a text: receives the query, validates it, generates the vector, and publishes that.
    /// What each of these does is told with the agent [`embed`](crate::embed()).
    #[role("embedding")]
    pub workflow Embedding(query_id: String, query: String, model: String) -> EmbeddingResponse {
        phase receive { received = receive(query_id.clone(), query, model); }
        phase validate { valid = validate(received); }
        phase generate { made = generate(valid); }
        phase publish { response = publish(query_id, made); }
        response
    }
}
