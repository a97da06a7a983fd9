//! The six records of an interception.
//!
//! The fields are those of the control-plane contract; `proto/bridge/control/v1/record.proto`
//! says what each means on the wire.

use std::time::SystemTime;

use bridge_auth::{ActorId, KeySource};

use crate::{InterceptionId, RecordId};

/// One thing to remember.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Decides whether the record was seen before.
    pub id: RecordId,
    /// What it belongs to.
    pub interception: InterceptionId,
    /// When it happened.
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
#[derive(Debug, Clone, PartialEq)]
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
#[derive(Debug, Clone, PartialEq)]
pub struct Started {
    /// The user who owns the key.
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
    pub client_session_id: Option<String>,
    /// Which sub-agent of the client is speaking.
    pub client_agent_id: Option<String>,
    /// Call id of the last tool result in the request.
    pub correlating_tool_call_id: Option<String>,
    /// Which credential is used with the provider.
    pub credential_kind: KeySource,
    /// That credential, masked.
    pub credential_hint: String,
    /// The workspace the key was minted for.
    pub workspace_id: Option<String>,
    /// Session of the agent firewall in front of the caller.
    pub agent_firewall_session_id: Option<String>,
    /// Position within that session.
    pub agent_firewall_sequence_number: Option<i32>,
    /// Name of the host program in this process, for delegated requests.
    pub source: Option<String>,
    /// Correlation id from a proxy in front of the gateway.
    pub correlation_id: Option<String>,
    /// Facts about the caller that have no field of their own.
    pub metadata: Vec<(String, String)>,
}

/// Tokens of one answer of the provider. The four counts exclude each other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
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
    pub extra: Vec<(String, u64)>,
    /// Whether the answer ended before the provider told its final figures.
    pub partial: bool,
}

/// What the caller asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptUsage {
    /// The provider's id of the answer; empty when there was none.
    pub response_id: String,
    /// The text of the last user turn.
    pub prompt: String,
}

/// A tool that the model called.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToolUsage {
    /// The provider's id of the answer.
    pub response_id: String,
    /// What sort of call it is: `function`, `custom`, `server`, `web_search`, ...
    pub kind: String,
    /// The tool's name.
    pub tool: String,
    /// The name space it was offered in.
    pub namespace: Option<String>,
    /// The id that a tool result will name.
    pub call_id: String,
    /// The provider's id of the output item, where it has one besides the call id.
    pub item_id: Option<String>,
    /// The arguments as the model wrote them: JSON, or plain text.
    pub input: String,
    /// Server of an injected tool.
    pub server_url: Option<String>,
    /// Whether the gateway offered the tool.
    pub injected: bool,
    /// Why calling an injected tool failed.
    pub invocation_error: Option<String>,
}

/// Reasoning that the model showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelThought {
    /// The provider's id of the answer.
    pub response_id: String,
    /// The text.
    pub content: String,
    /// `thinking`, `reasoning_summary`, `reasoning` or `commentary`.
    pub source: String,
}

/// The end of an interception. Only the first one counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// How it ended.
    pub outcome: Outcome,
    /// The credential that was used in the end, masked.
    pub credential_hint: String,
    /// HTTP status of the provider's answer, if there was one.
    pub provider_status: Option<u16>,
    /// What kind of failure it was; only with [`Outcome::Failed`].
    pub error_type: Option<ErrorType>,
    /// At most 1,024 characters; only with [`Outcome::Failed`].
    pub error_message: Option<String>,
}

/// How an interception ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The provider answered and the answer reached the caller whole.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
