//! The six records of an interception.
//!
//! The fields are those of the control-plane contract; `proto/bridge/control/v1/record.proto`
//! says what each means on the wire.
//!
//! The journal writes them as JSON, and a later version must read what an earlier one wrote: a new
//! field has a default, and neither field nor variant changes its name. A committed sample of the
//! format is read by a test.

mod wire;

use std::time::SystemTime;

use bridge_auth::{ActorId, KeySource};
use serde::{Deserialize, Serialize};

use crate::{InterceptionId, RecordId};

/// One thing to remember.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Decides whether the record was seen before.
    pub id: RecordId,
    /// What it belongs to.
    pub interception: InterceptionId,
    /// When it happened.
    #[serde(with = "wire::time")]
    pub at: SystemTime,
    /// What happened.
    pub event: Event,
}

impl Record {
    /// A record with a new id.
    #[must_use]
    pub fn new(interception: InterceptionId, at: SystemTime, event: Event) -> Self {
        Self {
            id: RecordId::generate(),
            interception,
            at,
            event,
        }
    }
}

/// What happened. Of one interception, [`Event::Started`] comes first and [`Event::Ended`] last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A request is about to leave for a provider.
    Started(Box<Started>),
    /// What an answer of the provider cost.
    Tokens(Box<TokenUsage>),
    /// What the caller asked.
    Prompt(PromptUsage),
    /// A tool that the model called.
    Tool(Box<ToolUsage>),
    /// Reasoning that the model showed.
    Thought(ModelThought),
    /// Nothing more will come.
    Ended(Box<Ended>),
}

/// A request is about to leave for a provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Started {
    /// The user who owns the key.
    #[serde(with = "wire::actor")]
    pub initiator: ActorId,
    /// The key that was presented.
    pub api_key_id: String,
    /// Format family of the provider: `anthropic`, `openai` or `copilot`.
    pub provider: String,
    /// Name of the provider instance.
    pub provider_name: String,
    /// As the caller wrote it.
    pub model: String,
    /// Path after the provider's name, without the query.
    pub route: String,
    /// Whether the caller asked for a stream.
    pub streaming: bool,
    /// Name of the calling program, `Unknown` when it could not be told.
    pub client: String,
    /// The caller's `User-Agent`, empty when there was none.
    pub user_agent: String,
    /// Conversation id as the client sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_session_id: Option<String>,
    /// Which sub-agent of the client is speaking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_agent_id: Option<String>,
    /// Call id of the last tool result in the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlating_tool_call_id: Option<String>,
    /// Which credential is used with the provider.
    #[serde(with = "wire::key_source")]
    pub credential_kind: KeySource,
    /// That credential, masked.
    pub credential_hint: String,
    /// The workspace the key was minted for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace_id: Option<String>,
    /// Session of the agent firewall in front of the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_firewall_session_id: Option<String>,
    /// Position within that session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_firewall_sequence_number: Option<i32>,
    /// Name of the host program in this process, for delegated requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Correlation id from a proxy in front of the gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// Facts about the caller that have no field of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metadata: Vec<(String, String)>,
}

/// Tokens of one answer of the provider. The four counts exclude each other.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenUsage {
    /// The provider's id of the answer.
    pub response_id: String,
    /// Input without cache reads and writes.
    pub input: u64,
    /// Output, reasoning included.
    pub output: u64,
    /// Input read from the provider's cache.
    pub cache_read: u64,
    /// Input written to the provider's cache.
    pub cache_write: u64,
    /// What the provider said beyond the four counts; parts of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<(String, u64)>,
    /// Whether the answer ended before the provider told its final figures.
    pub partial: bool,
    /// Whether `output` was measured by the gateway; only with `partial`. Input that the provider
    /// had not told by then is zero.
    pub estimated: bool,
}

/// What the caller asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptUsage {
    /// The provider's id of the answer; empty when there was none.
    pub response_id: String,
    /// The text of the last user turn.
    pub prompt: String,
}

/// A tool that the model called.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ToolUsage {
    /// The provider's id of the answer.
    pub response_id: String,
    /// What sort of call it is: `function`, `custom`, `server`, `web_search`, ...
    pub kind: String,
    /// The tool's name.
    pub tool: String,
    /// The name space it was offered in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The id that a tool result will name.
    pub call_id: String,
    /// The provider's id of the output item, where it has one besides the call id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_id: Option<String>,
    /// The arguments as the model wrote them: JSON, or plain text.
    pub input: String,
    /// Name of the tool server; only of an injected tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Address of the tool server without its query; only of an injected tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_url: Option<String>,
    /// Whether the gateway offered the tool.
    pub injected: bool,
    /// Why calling an injected tool failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invocation_error: Option<String>,
    /// How long the call of an injected tool took, in milliseconds; none when it was not made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
}

/// Reasoning that the model showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelThought {
    /// The provider's id of the answer.
    pub response_id: String,
    /// The text.
    pub content: String,
    /// `thinking`, `reasoning_summary`, `reasoning` or `commentary`.
    pub source: String,
}

/// The end of an interception. Only the first one counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// How it ended.
    pub outcome: Outcome,
    /// The credential that was used in the end, masked.
    pub credential_hint: String,
    /// HTTP status of the provider's answer, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_status: Option<u16>,
    /// What kind of failure it was; only with [`Outcome::Failed`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_type: Option<ErrorType>,
    /// At most 1,024 characters; with [`Outcome::Failed`], and when the gateway's process ended
    /// before the answer did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
}

/// How an interception ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The provider answered to its end, and that went on to the caller. Who left behind the last
    /// word, or while the last bytes waited for the records to be safe, counts as served.
    Completed,
    /// The provider refused, broke off or could not be reached.
    Failed,
    /// The caller went away.
    Aborted,
    /// The gateway was shut down.
    Cut,
}

impl Outcome {
    /// The word for it in logs and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
            Self::Cut => "cut",
        }
    }
}

/// What kind of failure it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorType {
    /// The provider did not accept the request (400 and other 4xx without a word of their own).
    BadRequest,
    /// The provider did not accept the credential (401, 403).
    Unauthorized,
    /// 429.
    RateLimited,
    /// 503, and 529 of Anthropic.
    Overloaded,
    /// Other 5xx.
    ServerError,
    /// No answer in time.
    Timeout,
    /// Anything else: unreachable, broken off, garbage.
    Unknown,
}

impl ErrorType {
    /// The word for it in traces and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::Unauthorized => "unauthorized",
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::ServerError => "server_error",
            Self::Timeout => "timeout",
            Self::Unknown => "unknown",
        }
    }
}
