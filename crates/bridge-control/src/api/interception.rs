//! Interceptions: one recorded request each.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::UserRef;

/// Whether and how an interception ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InterceptionStatus {
    /// Its end has not been told.
    Running,
    /// The provider answered and the answer reached the caller whole.
    Completed,
    /// The provider refused, broke off or could not be reached.
    Failed,
    /// The caller went away.
    Aborted,
    /// The gateway was shut down.
    Cut,
}

impl InterceptionStatus {
    /// Every status there is.
    pub const ALL: [Self; 5] = [
        Self::Running,
        Self::Completed,
        Self::Failed,
        Self::Aborted,
        Self::Cut,
    ];

    /// The word for it in JSON and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
            Self::Cut => "cut",
        }
    }

    /// The status of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// Tokens by kind. The four counts exclude each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct TokenSums {
    /// Input without cache reads and writes.
    pub input: u64,
    /// Output, reasoning included.
    pub output: u64,
    /// Input read from the provider's cache.
    pub cache_read: u64,
    /// Input written to the provider's cache.
    pub cache_write: u64,
}

/// One row of the list of interceptions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InterceptionView {
    /// The interception's id.
    #[schema(value_type = String, format = "uuid")]
    pub id: Uuid,
    /// Who asked.
    pub user: UserRef,
    /// Format family of the provider: `anthropic`, `openai` or `copilot`.
    pub provider: String,
    /// Name of the provider.
    pub provider_name: String,
    /// As the caller wrote it.
    pub model: String,
    /// Name of the calling program, `Unknown` when it could not be told.
    pub client: String,
    /// Path after the provider's name.
    pub route: String,
    /// Whether the caller asked for a stream.
    pub streaming: bool,
    /// Whose credential was used with the provider: `centralized` or `byok`.
    pub credential_kind: String,
    /// The session it belongs to; see [`super::SessionView::session_id`].
    pub session_id: String,
    /// Conversation id as the client sent it.
    pub client_session_id: Option<String>,
    /// Which sub-agent of the client spoke.
    pub client_agent_id: Option<String>,
    /// Whether and how it ended.
    pub status: InterceptionStatus,
    /// When the request was about to leave for the provider.
    #[schema(value_type = String, format = "date-time")]
    pub started_at: Timestamp,
    /// When it ended; null while it runs.
    #[schema(value_type = Option<String>, format = "date-time")]
    pub ended_at: Option<Timestamp>,
    /// Milliseconds from start to end; null while it runs.
    pub duration_ms: Option<u64>,
    /// Sums over the answers of the provider.
    pub usage: TokenSums,
    /// The first 200 characters of what the caller asked.
    pub prompt: Option<String>,
    /// How many tools the model called.
    pub tool_calls: u64,
    /// HTTP status of the provider's answer, if there was one.
    pub provider_status: Option<u16>,
    /// What kind of failure it was.
    pub error_type: Option<String>,
    /// What the failure said, at most 1,024 characters.
    pub error_message: Option<String>,
}

/// An interception with everything that is remembered of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InterceptionDetail {
    /// The row of the list.
    #[serde(flatten)]
    pub interception: InterceptionView,
    /// The key that was presented.
    pub api_key_id: String,
    /// The caller's `User-Agent`.
    pub user_agent: String,
    /// The provider credential that was used in the end, masked.
    pub credential_hint: String,
    /// The workspace the key was made for.
    pub workspace_id: Option<String>,
    /// The interception whose tool call this one answers.
    #[schema(value_type = Option<String>, format = "uuid")]
    pub thread_parent_id: Option<Uuid>,
    /// The first interception of the thread; null when this one is it.
    #[schema(value_type = Option<String>, format = "uuid")]
    pub thread_root_id: Option<Uuid>,
    /// Call id of the last tool result in the request.
    pub correlating_tool_call_id: Option<String>,
    /// Session of the agent firewall in front of the caller.
    pub agent_firewall_session_id: Option<String>,
    /// Position within that session.
    pub agent_firewall_sequence_number: Option<i32>,
    /// Name of the host program in the gateway's process, for requests that came from one.
    pub source: Option<String>,
    /// Correlation id from a proxy in front of the gateway.
    pub correlation_id: Option<String>,
    /// Facts about the caller that have no field of their own.
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
    /// Tokens of each answer of the provider.
    pub tokens: Vec<TokenView>,
    /// What the caller asked.
    pub prompts: Vec<PromptView>,
    /// Tools that the model called.
    pub tools: Vec<ToolView>,
    /// Reasoning that the model showed.
    pub thoughts: Vec<ThoughtView>,
}

/// Tokens of one answer of the provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TokenView {
    /// The provider's own id of the answer.
    pub response_id: String,
    /// The four counts.
    #[serde(flatten)]
    pub usage: TokenSums,
    /// What the provider said beyond the four counts, by its name there; parts of them.
    pub extra: BTreeMap<String, i64>,
    /// Facts that have no field of their own: `partial` when the answer ended before the provider
    /// told its last figures, `estimated` when the gateway measured the output because of that.
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
    /// When the answer was complete.
    #[schema(value_type = String, format = "date-time")]
    pub created_at: Timestamp,
}

/// What the caller asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PromptView {
    /// The provider's own id of the answer; empty when there was none.
    pub response_id: String,
    /// The text of the last user turn.
    pub prompt: String,
    /// Facts that have no field of their own.
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
    /// When it was recorded.
    #[schema(value_type = String, format = "date-time")]
    pub created_at: Timestamp,
}

/// A tool that the model called.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ToolView {
    /// The provider's own id of the answer.
    pub response_id: String,
    /// What sort of call it is: `function`, `custom`, `server`, `web_search`, ...
    pub kind: String,
    /// The tool's name.
    pub tool: String,
    /// The name space it was offered in.
    pub namespace: Option<String>,
    /// The id that a tool result names.
    pub call_id: Option<String>,
    /// The provider's id of the output item, where it has one besides the call id.
    pub item_id: Option<String>,
    /// The arguments as the model wrote them: JSON, or plain text.
    pub input: String,
    /// Whether the gateway offered the tool.
    pub injected: bool,
    /// Name of the tool server of an injected tool, as operators called it at that time.
    pub server: Option<String>,
    /// Address of the tool server of an injected tool, without its query.
    pub server_url: Option<String>,
    /// Why calling an injected tool failed.
    pub invocation_error: Option<String>,
    /// How long the call of an injected tool took, in milliseconds; none when it was not made.
    pub duration_ms: Option<u64>,
    /// Facts that have no field of their own.
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
    /// When it was recorded.
    #[schema(value_type = String, format = "date-time")]
    pub created_at: Timestamp,
}

/// Reasoning that the model showed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ThoughtView {
    /// The provider's own id of the answer.
    pub response_id: String,
    /// The text.
    pub content: String,
    /// `thinking`, `reasoning_summary`, `reasoning` or `commentary`.
    pub source: String,
    /// Facts that have no field of their own.
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
    /// When it was recorded.
    #[schema(value_type = String, format = "date-time")]
    pub created_at: Timestamp,
}
