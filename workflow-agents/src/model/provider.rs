//! Who answers, and in which language it is spoken to.

use genai::adapter::AdapterKind;
use workflow_runtime::data;

/// Who answers: it decides how it is spoken to.
#[data]
#[derive(Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Provider {
    /// Anthropic's messages.
    Anthropic,
    /// Google's Gemini.
    Gemini,
    /// OpenAI's chat completions.
    OpenAi,
    /// Whoever speaks as OpenAI does, where the table says: Ollama, vLLM, llama.cpp, LM Studio and many others.
    Compatible,
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Anthropic, Self::Compatible, Self::Gemini, Self::OpenAi];

    /// Its name, as it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::OpenAi => "openai",
            Self::Compatible => "compatible",
        }
    }

    /// Where it is, unless it is said otherwise; nowhere, if that has to be said.
    pub(super) fn endpoint(self) -> &'static str {
        match self {
            Self::Anthropic => "https://api.anthropic.com/v1/",
            Self::Gemini => "https://generativelanguage.googleapis.com/v1beta/",
            Self::OpenAi => "https://api.openai.com/v1/",
            Self::Compatible => "",
        }
    }

    /// The variable of the environment that has the key, unless it is said otherwise.
    pub(super) fn key(self) -> Option<&'static str> {
        match self {
            Self::Anthropic => Some("ANTHROPIC_API_KEY"),
            Self::Gemini => Some("GEMINI_API_KEY"),
            Self::OpenAi => Some("OPENAI_API_KEY"),
            Self::Compatible => None,
        }
    }

    pub(super) fn adapter(self) -> AdapterKind {
        match self {
            Self::Anthropic => AdapterKind::Anthropic,
            Self::Gemini => AdapterKind::Gemini,
            Self::OpenAi | Self::Compatible => AdapterKind::OpenAI,
        }
    }

    /// Whether it speaks as OpenAI does.
    pub(super) fn is_like_openai(self) -> bool {
        matches!(self, Self::OpenAi | Self::Compatible)
    }
}
