//! The closed list of dialects.

use crate::{Envelope, RequestFacts, anthropic, openai_chat, openai_responses};

/// A wire format of requests and answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DialectId {
    /// Anthropic's Messages API.
    AnthropicMessages,
    /// OpenAI's Chat Completions API.
    OpenAiChat,
    /// OpenAI's Responses API.
    OpenAiResponses,
}

impl DialectId {
    /// What is worth knowing of a request. Whatever is missing or of another shape than the API's
    /// reference describes is simply not there: judging requests is the provider's business.
    #[must_use]
    pub fn facts(self, envelope: &Envelope) -> RequestFacts {
        match self {
            Self::AnthropicMessages => anthropic::request::facts(envelope),
            Self::OpenAiChat => openai_chat::request::facts(envelope),
            Self::OpenAiResponses => openai_responses::request::facts(envelope),
        }
    }
    /// Whether the history of a request may have calls of tools that it does not offer. Where a
    /// provider keeps the history itself it has them anyway; others refuse calls in a request
    /// without tools.
    #[must_use]
    pub const fn remembers_without_tools(self) -> bool {
        match self {
            Self::AnthropicMessages | Self::OpenAiChat => false,
            Self::OpenAiResponses => true,
        }
    }
}
