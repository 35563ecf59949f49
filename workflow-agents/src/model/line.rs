//! One question to one model.

use std::pin::pin;
use std::sync::Arc;

use futures_util::StreamExt;
use genai::chat::{ChatOptions, ChatRequest, ChatStreamEvent, ReasoningEffort};
use genai::resolver::Endpoint;
use genai::{ModelIden, ServiceTarget};
use workflow_runtime::{AgentError, TaskContext};

use super::asked::Llm;
use super::catalogue::Model;
use super::fault::fault;
use super::hearing::{Heard, Hearing, cut};
use super::provider::Provider;
use super::quiet::{Panicked, Quiet};
use super::secret::Key;

/// A line to one model.
pub(super) struct Line<'a> {
    pub(super) model: &'a Model,
    pub(super) client: &'a genai::Client,
    pub(super) key: Key,
    pub(super) context: &'a TaskContext,
    /// How long an answer may be, in bytes.
    pub(super) most: u64,
}

impl Line<'_> {
    /// Asks, and hears all that is answered.
    ///
    /// # Errors
    /// When nothing is answered, or no whole, or too much.
    pub(super) async fn ask(&self, request: ChatRequest, options: &ChatOptions) -> Result<Heard, AgentError> {
        let Self { model, client, key, context, most } = self;
        let asked = client.exec_chat_stream(self.target(), request, Some(options)).await;
        let mut stream = Quiet(asked.map_err(|error| fault(error, key))?.stream);
        let mut hearing = Hearing::new(model, key, context, *most, options.max_tokens);
        let mut heard_at = context.now();
        let mut alarm = pin!(context.sleep(model.silence));
        loop {
            tokio::select! {
                event = stream.next() => match event {
                    Some(Ok(Ok(ChatStreamEvent::End(end)))) => return hearing.end(end),
                    Some(Ok(Ok(event))) => hearing.hear(event)?,
                    Some(Ok(Err(error))) => return Err(fault(error, key)),
                    Some(Err(Panicked)) => return Err(AgentError::retry("it answered what the library panics at")),
                    None => return Err(cut()),
                },
                () = &mut alarm => {
                    let silent = context.now().since(heard_at);
                    if silent >= model.silence {
                        let time = workflow_graph::format_duration(model.silence);
                        return Err(AgentError::retry(format!("it said nothing for {time}")));
                    }
                    alarm.set(context.sleep(model.silence - silent));
                    continue;
                }
            }
            heard_at = context.now();
        }
    }

    fn target(&self) -> ServiceTarget {
        ServiceTarget {
            endpoint: Endpoint::from_owned(Arc::<str>::from(self.model.endpoint.as_str())),
            auth: self.key.auth(),
            model: ModelIden::new(self.model.provider.adapter(), self.model.name.clone()),
        }
    }
}

/// How a model is to answer, as the library is told.
pub(super) fn options(llm: &Llm, model: &Model) -> ChatOptions {
    let is_like_openai = model.provider.is_like_openai();
    let mut options = ChatOptions::default()
        .with_capture_usage(true)
        .with_capture_content(!is_like_openai)
        .with_capture_tool_calls(!is_like_openai)
        // What it has thought is to be repeated to Anthropic's models with what came of it.
        .with_capture_reasoning_content(model.provider == Provider::Anthropic);
    // A name may end like `-max` without meaning that: the library would take it off, and have the model think so much.
    match model.provider {
        Provider::OpenAi | Provider::Compatible => {
            options = options.with_reasoning_effort(ReasoningEffort::Budget(0));
        }
        Provider::Gemini => options = options.with_reasoning_effort(ReasoningEffort::Zero),
        // To some of Anthropic's this says not to think at all, which is said only where the name makes it necessary.
        Provider::Anthropic if ReasoningEffort::from_model_name(&model.name).0.is_some() => {
            options = options.with_reasoning_effort(ReasoningEffort::Zero);
        }
        Provider::Anthropic => {}
    }
    options.max_tokens = llm.max_tokens;
    options.temperature = llm.temperature;
    options
}
