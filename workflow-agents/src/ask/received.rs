//! What is asked, looked at.

use workflow_runtime::{AgentError, data, task_agent};

use crate::model::{Class, Message, Speaker};

/// The word by which somebody leaves a choice to us.
const AUTO: &str = "auto";

/// What is asked, once it was looked at.
#[data]
#[derive(PartialEq, Eq)]
pub struct Received {
    /// What it is called by who asks.
    pub request_id: String,
    /// How hard it is.
    pub class: Class,
    /// What was said so far.
    pub messages: Vec<Message>,
    /// Which model is to answer, if that was said.
    pub model: Option<String>,
    /// Whose model is to answer, if that was said.
    pub provider: Option<String>,
}

/// Looks at what is asked, and says how hard it is by what kind of task it is. What it does not know is neither simple nor complex.
#[task_agent(name = "llm_request.receive")]
pub async fn receive_request(
    request_id: String,
    task_type: String,
    messages: Vec<Message>,
    model: Option<String>,
    provider: Option<String>,
) -> Result<Received, AgentError> {
    if request_id.trim().is_empty() {
        return Err(AgentError::permanent("there is no `request_id`; give one, to know the answer by"));
    }
    if !messages.iter().any(|message| message.role == Speaker::User) {
        return Err(AgentError::permanent("there is nothing to answer; add a message of the role `user`"));
    }
    let said = |choice: Option<String>| choice.filter(|choice| choice != AUTO);
    let class = class(&task_type);
    Ok(Received { request_id, class, messages, model: said(model), provider: said(provider) })
}

/// How hard a task is.
fn class(task_type: &str) -> Class {
    match task_type {
        "classifier" | "parser" | "simple_chat" => Class::Simple,
        "architect" | "code_generation" | "qa" => Class::Complex,
        // "coder", "decomposition", "planning", and what nobody has thought of.
        _ => Class::Medium,
    }
}
