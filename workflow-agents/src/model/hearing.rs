//! An answer, as it comes.

use std::time::{Duration, Instant};

use genai::chat::{ChatStreamEvent, ContentPart, MessageContent, StopReason, StreamEnd, ToolCall};
use workflow_runtime::{AgentError, TaskContext};

use super::catalogue::Model;
use super::pieces::{MOST, Pieces, read, too_many};
use super::reply::{Stop, Tokens};
use super::secret::Key;

/// How often it is told how far an answer has come.
const TOLD: Duration = Duration::from_millis(100);

/// How much of what comes is told.
const LINE: usize = 400;

/// What a model answered.
pub(super) struct Heard {
    pub(super) text: String,
    pub(super) calls: Vec<ToolCall>,
    /// The answer, as the model is reminded of it.
    pub(super) content: MessageContent,
    pub(super) tokens: Tokens,
    pub(super) stop: Stop,
}

/// An answer, as it comes.
pub(super) struct Hearing<'a> {
    pub(super) model: &'a Model,
    pub(super) key: &'a Key,
    pub(super) context: &'a TaskContext,
    /// How long it may be, in bytes: text, thoughts and calls.
    pub(super) most: u64,
    /// How long it may be at most as the provider was told, for what is told of how far it is.
    pub(super) expected: Option<u32>,
    text: String,
    bytes: u64,
    /// The call that comes, and how long it is so far, where all of it is repeated with every piece.
    growing: (String, usize),
    pieces: Pieces,
    told: Option<Instant>,
}

impl<'a> Hearing<'a> {
    pub(super) fn new(
        model: &'a Model,
        key: &'a Key,
        context: &'a TaskContext,
        most: u64,
        expected: Option<u32>,
    ) -> Self {
        let (text, growing, pieces) = (String::new(), (String::new(), 0), Pieces::default());
        Self { model, key, context, most, expected, text, bytes: 0, growing, pieces, told: None }
    }

    /// Takes what has come.
    ///
    /// # Errors
    /// When it is too much.
    pub(super) fn hear(&mut self, event: ChatStreamEvent) -> Result<(), AgentError> {
        let length = match event {
            ChatStreamEvent::Chunk(chunk) => {
                self.text.push_str(&chunk.content);
                chunk.content.len()
            }
            ChatStreamEvent::ReasoningChunk(chunk) | ChatStreamEvent::ThoughtSignatureChunk(chunk) => {
                chunk.content.len()
            }
            ChatStreamEvent::ToolCallChunk(chunk) => self.call(chunk.tool_call)?,
            ChatStreamEvent::Start | ChatStreamEvent::Heartbeat | ChatStreamEvent::End(_) => 0,
        };
        self.bytes += length as u64;
        if self.bytes > self.most {
            let most = self.most;
            return Err(AgentError::permanent(format!(
                "it answers more than {most} bytes, which is the limit"
            )));
        }
        if length > 0 && self.told.is_none_or(|told| told.elapsed() > TOLD) {
            self.tell();
        }
        Ok(())
    }

    /// Takes a piece of a call; says how much of it is new.
    fn call(&mut self, call: ToolCall) -> Result<usize, AgentError> {
        let length = call.fn_arguments.as_str().map_or_else(|| call.size(), str::len);
        if self.model.provider.is_like_openai() {
            self.pieces.add(call).map_err(AgentError::permanent)?;
            return Ok(length + 1);
        }
        let (id, before) = std::mem::replace(&mut self.growing, (call.call_id, length));
        let known = if id == self.growing.0 { before } else { 0 };
        Ok(length.saturating_sub(known) + 1)
    }

    /// Tells how far it has come, and the last line of it.
    fn tell(&mut self) {
        let line = self.text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let line = self.key.strip(line.to_owned());
        let line = self.key.strip_end(&line);
        let line = &line[line.ceil_char_boundary(line.len().saturating_sub(LINE))..];
        let share = self.expected.map_or(0.0, |tokens| {
            // A token is about four bytes.
            let expected = f64::from(tokens.max(1)) * 4.0;
            let bytes = f64::from(u32::try_from(self.bytes).unwrap_or(u32::MAX));
            (bytes / expected).min(0.99)
        });
        self.context.progress(share, line);
        self.told = Some(Instant::now());
    }

    /// The answer, once it has ended.
    ///
    /// # Errors
    /// When it was cut, or is none.
    pub(super) fn end(mut self, end: StreamEnd) -> Result<Heard, AgentError> {
        let tokens = end.captured_usage.as_ref().map(Tokens::of).unwrap_or_default();
        self.tell();
        let text = self.key.strip(self.text);
        let (calls, content) = match self.model.provider.is_like_openai() {
            true => said(&text, self.pieces.into_calls()),
            false => repeated(end.captured_content.unwrap_or_default()).map_err(AgentError::permanent)?,
        };
        let calls: Vec<ToolCall> = calls.into_iter().map(|call| stripped(call, self.key)).collect();
        let is_empty = text.trim().is_empty() && calls.is_empty();
        let stop = stop(end.captured_stop_reason, self.model, is_empty)?;
        Ok(Heard { text, calls, content, tokens, stop })
    }
}

/// A call as a journal may have it.
fn stripped(call: ToolCall, key: &Key) -> ToolCall {
    ToolCall { fn_arguments: key.strip_value(call.fn_arguments), ..call }
}

/// What was said, where the library does not keep it.
fn said(text: &str, calls: Vec<ToolCall>) -> (Vec<ToolCall>, MessageContent) {
    let text = (!text.is_empty()).then(|| ContentPart::Text(text.to_owned()));
    let parts: Vec<_> = text.into_iter().chain(calls.iter().cloned().map(ContentPart::ToolCall)).collect();
    (calls, MessageContent::from_parts(parts))
}

/// What was said, as the library keeps it: with signatures, which the provider wants to see again.
fn repeated(content: MessageContent) -> Result<(Vec<ToolCall>, MessageContent), String> {
    let calls: Vec<ToolCall> = content.tool_calls().into_iter().cloned().map(read).collect();
    if calls.len() > MOST {
        return Err(too_many());
    }
    Ok((calls, content))
}

/// Why it stopped, if that is how an answer ends.
fn stop(reason: Option<StopReason>, model: &Model, is_empty: bool) -> Result<Stop, AgentError> {
    match reason {
        Some(StopReason::ContentFilter(why)) => {
            Err(AgentError::permanent(format!("it will not answer that: {}", short(&why))))
        }
        Some(StopReason::MaxTokens(_)) => Ok(Stop::Length),
        // Gemini's answers end by saying why; nothing else says that they are whole.
        None if !model.provider.is_like_openai() => Err(cut()),
        Some(StopReason::Other(why)) if is_empty => {
            Err(AgentError::retry(format!("it stopped without an answer: {}", short(&why))))
        }
        _ if is_empty => Err(AgentError::retry("it answered nothing")),
        _ => Ok(Stop::Done),
    }
}

/// An answer that was cut.
pub(super) fn cut() -> AgentError {
    AgentError::retry("its answer was cut off")
}

/// A word of a provider's, which may be of any length.
fn short(word: &str) -> &str {
    &word[..word.floor_char_boundary(100)]
}
