//! The workflow.

use workflow_runtime::workflow;

use super::received::receive_request;
use super::response::{Response, publish_result};
use super::selected::select_model;
use crate::llm;
use crate::model::Message;

workflow! {
    /// Has a question answered by the language model that fits it, by the kind of task: receives it, selects a model, calls that, and
    /// publishes what it answered.
    #[role("llm_request")]
    pub workflow LlmRequest(
        request_id: String,
        task_type: String,
        messages: Vec<Message>,
        model: Option<String>,
        provider: Option<String>,
    ) -> Response {
        phase receive {
            received = receive_request(request_id, task_type, messages, model, provider);
        }
        phase select {
            question = select_model(received);
        }
        phase call {
            reply = llm(question);
        }
        phase publish {
            response = publish_result(request_id, reply);
        }
        response
    }
}
