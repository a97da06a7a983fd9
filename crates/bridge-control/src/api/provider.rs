//! Providers: where requests go, and with which of the operator's keys.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::SecretText;

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

    /// The type of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A provider as it is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderSpec {
    /// Its type, one of the words of [`ProviderType`].
    #[serde(rename = "type")]
    pub kind: String,
    /// Absolute, http or https, without query, fragment or user information.
    pub base_url: String,
    /// Whether requests may go there.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// The operator's keys in the order of preference, at most five; replaces all when given, and
    /// leaves them as they are when not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<Vec<SecretText>>,
}

fn yes() -> bool {
    true
}

/// One more key for a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProviderKey {
    /// The key: not empty, without white space.
    pub key: SecretText,
}

/// A provider, with its keys masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProviderView {
    /// The first segment of the path: lower-case letters, digits and single hyphens.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ProviderType,
    /// Where it is.
    pub base_url: String,
    /// Whether requests may go there.
    pub enabled: bool,
    /// The operator's keys in the order of preference.
    pub keys: Vec<ProviderKeyView>,
    /// When it was made.
    #[schema(value_type = String, format = "date-time")]
    pub created_at: Timestamp,
    /// When it was last changed, its keys included.
    #[schema(value_type = String, format = "date-time")]
    pub updated_at: Timestamp,
}

/// A provider's key, masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProviderKeyView {
    /// Names the key in calls that delete it.
    #[schema(value_type = String, format = "uuid")]
    pub id: Uuid,
    /// First and last characters of the key.
    pub hint: String,
    /// When it was given.
    #[schema(value_type = String, format = "date-time")]
    pub created_at: Timestamp,
}
