//! Who answers, and in which language it is spoken to.

use genai::adapter::AdapterKind;
use workflow_runtime::data;

/// Who answers: it decides how it is spoken to.
#[data]
#[derive(Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Provider {
    /// Anthropic's messages.
    Anthropic,
    /// Google's Gemini.
    Gemini,
    /// OpenAI's chat completions, and whoever speaks as they do: vLLM, llama.cpp, LM Studio and many others.
    OpenAi,
    /// Ollama's own language.
    Ollama,
}

impl Provider {
    /// The names by which it is written.
    pub(super) const NAMES: [(&'static str, Self); 4] =
        [("anthropic", Self::Anthropic), ("gemini", Self::Gemini), ("ollama", Self::Ollama), ("openai", Self::OpenAi)];

    pub(super) fn name(self) -> &'static str {
        Self::NAMES.into_iter().find(|(_, provider)| *provider == self).map_or("", |(name, _)| name)
    }

    /// Where it is, unless it is said otherwise.
    pub(super) fn endpoint(self) -> &'static str {
        match self {
            Self::Anthropic => "https://api.anthropic.com/v1/",
            Self::Gemini => "https://generativelanguage.googleapis.com/v1beta/",
            Self::OpenAi => "https://api.openai.com/v1/",
            Self::Ollama => "http://localhost:11434/",
        }
    }

    /// The variable of the environment that has the key, unless it is said otherwise.
    pub(super) fn key(self) -> Option<&'static str> {
        match self {
            Self::Anthropic => Some("ANTHROPIC_API_KEY"),
            Self::Gemini => Some("GEMINI_API_KEY"),
            Self::OpenAi => Some("OPENAI_API_KEY"),
            Self::Ollama => None,
        }
    }

    pub(super) fn adapter(self) -> AdapterKind {
        match self {
            Self::Anthropic => AdapterKind::Anthropic,
            Self::Gemini => AdapterKind::Gemini,
            Self::OpenAi => AdapterKind::OpenAI,
            Self::Ollama => AdapterKind::Ollama,
        }
    }
}
