//! What kinds of providers there are.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What kind of provider it is; decides the wire format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProviderType {
    /// Anthropic's Messages API.
    Anthropic,
    /// OpenAI's Chat Completions and Responses APIs.
    #[serde(rename = "openai")]
    OpenAi,
    /// GitHub Copilot; each caller brings a token of their own.
    Copilot,
    /// Azure's OpenAI service.
    Azure,
    /// Google's OpenAI-compatible API.
    Google,
    /// OpenRouter.
    #[serde(rename = "openrouter")]
    OpenRouter,
    /// Vercel's gateway.
    Vercel,
    /// Anything else that speaks OpenAI's formats.
    #[serde(rename = "openai-compat")]
    OpenAiCompat,
    /// Anthropic's models on Amazon Bedrock; requests are signed with AWS credentials.
    Bedrock,
    /// ChatGPT's subscriptions; each caller brings their own.
    #[serde(rename = "chatgpt")]
    ChatGpt,
}

impl ProviderType {
    /// Every type there is.
    pub const ALL: [Self; 10] = [
        Self::Anthropic,
        Self::OpenAi,
        Self::Copilot,
        Self::Azure,
        Self::Google,
        Self::OpenRouter,
        Self::Vercel,
        Self::OpenAiCompat,
        Self::Bedrock,
        Self::ChatGpt,
    ];

    /// The word for it in JSON, in the contract and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::OpenAi => "openai",
            Self::Copilot => "copilot",
            Self::Azure => "azure",
            Self::Google => "google",
            Self::OpenRouter => "openrouter",
            Self::Vercel => "vercel",
            Self::OpenAiCompat => "openai-compat",
            Self::Bedrock => "bedrock",
            Self::ChatGpt => "chatgpt",
        }
    }

    /// Whether an operator's keys are used with it. Callers of Copilot and ChatGPT bring tokens of
    /// their own, and Bedrock has credentials of another kind.
    #[must_use]
    pub const fn takes_keys(self) -> bool {
        match self {
            Self::Copilot | Self::ChatGpt | Self::Bedrock => false,
            Self::Anthropic
            | Self::OpenAi
            | Self::Azure
            | Self::Google
            | Self::OpenRouter
            | Self::Vercel
            | Self::OpenAiCompat => true,
        }
    }

    /// Where the public API is, for types that have one place:
    /// <https://docs.anthropic.com/en/api>, <https://platform.openai.com/docs/api-reference>,
    /// Copilot's address for individuals, and what Codex uses with a subscription. Bedrock's is
    /// empty: its region says where it is.
    #[must_use]
    pub const fn default_base_url(self) -> Option<&'static str> {
        match self {
            Self::Anthropic => Some("https://api.anthropic.com"),
            Self::OpenAi => Some("https://api.openai.com/v1"),
            Self::Copilot => Some("https://api.individual.githubcopilot.com"),
            Self::ChatGpt => Some("https://chatgpt.com/backend-api/codex"),
            Self::Bedrock => Some(""),
            Self::Azure | Self::Google | Self::OpenRouter | Self::Vercel | Self::OpenAiCompat => {
                None
            }
        }
    }

    /// The type of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}
