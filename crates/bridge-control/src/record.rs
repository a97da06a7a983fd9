//! Records as a store takes them: every id read, every count in range, every text cut to size.

mod parse;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::api::{InterceptionStatus, TokenSums};

pub(crate) use parse::{cut, parse};

/// One thing to remember of an interception.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRecord {
    /// Decides whether the record was seen before.
    pub id: Uuid,
    /// What it belongs to.
    pub interception: Uuid,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub event: RecordEvent,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum RecordEvent {
    /// A request was about to leave for a provider.
    Started(Box<Started>),
    /// What an answer of the provider cost.
    Tokens(Tokens),
    /// What the caller asked.
    Prompt(Prompt),
    /// A tool that the model called.
    Tool(Box<Tool>),
    /// Reasoning that the model showed.
    Thought(Thought),
    /// Nothing more will come.
    Ended(Ended),
}

/// The start of an interception; [`crate::api::InterceptionDetail`] explains the fields.
#[derive(Debug, Clone, PartialEq)]
pub struct Started {
    /// The user who owns the key.
    pub user: Uuid,
    /// The key that was presented.
    pub api_key_id: String,
    /// Format family.
    pub provider: String,
    /// Name of the provider.
    pub provider_name: String,
    /// As the caller wrote it.
    pub model: String,
    /// Path after the provider's name.
    pub route: String,
    /// Whether the caller asked for a stream.
    pub streaming: bool,
    /// Name of the calling program.
    pub client: String,
    /// The caller's `User-Agent`.
    pub user_agent: String,
    /// Conversation id as the client sent it.
    pub client_session_id: Option<String>,
    /// Which sub-agent spoke.
    pub client_agent_id: Option<String>,
    /// Call id of the last tool result in the request.
    pub correlating_tool_call_id: Option<String>,
    /// `centralized` or `byok`.
    pub credential_kind: &'static str,
    /// The credential, masked.
    pub credential_hint: String,
    /// The workspace of the key.
    pub workspace_id: Option<String>,
    /// Session of the agent firewall.
    pub agent_firewall_session_id: Option<String>,
    /// Position within that session.
    pub agent_firewall_sequence_number: Option<i32>,
    /// Host program in the gateway's process.
    pub source: Option<String>,
    /// Correlation id from a proxy.
    pub correlation_id: Option<String>,
    /// Whatever else is known.
    pub metadata: Map<String, Value>,
}

/// Tokens of one answer of the provider.
#[derive(Debug, Clone, PartialEq)]
pub struct Tokens {
    /// The provider's id of the answer.
    pub response_id: String,
    /// The four counts, each at most 10^12.
    pub usage: TokenSums,
    /// Parts of the counts, by the provider's names.
    pub extra: BTreeMap<String, i64>,
    /// Whatever else is known.
    pub metadata: Map<String, Value>,
}

/// What the caller asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompt {
    /// The provider's id of the answer.
    pub response_id: String,
    /// The text of the last user turn.
    pub prompt: String,
    /// Whatever else is known.
    pub metadata: Map<String, Value>,
}

/// A tool that the model called.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    /// The provider's id of the answer.
    pub response_id: String,
    /// What sort of call it is.
    pub kind: String,
    /// The tool's name.
    pub tool: String,
    /// The name space it was offered in.
    pub namespace: Option<String>,
    /// The id that a tool result names.
    pub call_id: Option<String>,
    /// The provider's id of the output item.
    pub item_id: Option<String>,
    /// The arguments as the model wrote them.
    pub input: String,
    /// Whether the gateway offered the tool.
    pub injected: bool,
    /// Name of the tool server of an injected tool.
    pub server: Option<String>,
    /// Address of the tool server of an injected tool.
    pub server_url: Option<String>,
    /// Why calling an injected tool failed.
    pub invocation_error: Option<String>,
    /// How long the call of an injected tool took, in milliseconds.
    pub duration_ms: Option<u64>,
    /// Whatever else is known.
    pub metadata: Map<String, Value>,
}

/// Reasoning that the model showed.
#[derive(Debug, Clone, PartialEq)]
pub struct Thought {
    /// The provider's id of the answer.
    pub response_id: String,
    /// The text.
    pub content: String,
    /// What sort of reasoning it is.
    pub source: String,
    /// Whatever else is known.
    pub metadata: Map<String, Value>,
}

/// The end of an interception.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// How it ended; never [`InterceptionStatus::Running`].
    pub status: InterceptionStatus,
    /// The credential that was used in the end, masked; empty when it is the one of the start.
    pub credential_hint: String,
    /// HTTP status of the provider's answer.
    pub provider_status: Option<u16>,
    /// What kind of failure it was.
    pub error_type: Option<&'static str>,
    /// What the failure said.
    pub error_message: Option<String>,
}

/// A record that can never be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The id of the record.
    pub record_id: String,
    /// What is wrong with it: names fields, never contents.
    pub reason: String,
}
