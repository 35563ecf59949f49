//! The workflow.

use workflow_runtime::workflow;

use super::received::receive;
use super::response::{Response, publish};
use super::selected::select;
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
            received = receive(request_id, task_type, messages, model, provider);
        }
        phase select {
            question = select(received);
        }
        phase call {
            reply = llm(question);
        }
        phase publish {
            response = publish(request_id, reply);
        }
        response
    }
}
