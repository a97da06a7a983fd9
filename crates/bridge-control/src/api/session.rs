//! Sessions: conversations, as far as they can be told.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{InterceptionView, TokenSums, UserRef};

/// A conversation of one user. Equal session ids of two users are two sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionView {
    /// The client's conversation id when it sent one; else the id of the first interception of the
    /// thread.
    pub session_id: String,
    /// Who spoke.
    pub user: UserRef,
    /// Name of the calling program of the first interception.
    pub client: String,
    /// Start of the first interception.
    #[schema(value_type = String, format = "date-time")]
    pub started_at: Timestamp,
    /// End of the last interception; null while one runs.
    #[schema(value_type = Option<String>, format = "date-time")]
    pub ended_at: Option<Timestamp>,
    /// The last time an interception started or ended.
    #[schema(value_type = String, format = "date-time")]
    pub last_active_at: Timestamp,
    /// How many interceptions it has.
    pub interceptions: u64,
    /// How many threads: a prompt and the tool loop that followed it.
    pub thread_count: u64,
    /// Sums over its interceptions.
    pub usage: TokenSums,
    /// Models that were used, in the order of their first use, at most 32.
    pub models: Vec<String>,
    /// The first 200 characters of the latest prompt.
    pub last_prompt: Option<String>,
}

/// A session with its threads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionDetail {
    /// The row of the list.
    #[serde(flatten)]
    pub session: SessionView,
    /// The threads in the order in which they began.
    pub threads: Vec<ThreadView>,
    /// Whether the session has more interceptions than the newest 1,000 shown here.
    pub truncated: bool,
}

/// A prompt and the tool loop that followed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ThreadView {
    /// The first interception of the thread.
    #[schema(value_type = String, format = "uuid")]
    pub root_id: Uuid,
    /// The first 200 characters of the first prompt.
    pub prompt: Option<String>,
    /// Start of the first interception shown.
    #[schema(value_type = String, format = "date-time")]
    pub started_at: Timestamp,
    /// End of the last interception; null while one runs.
    #[schema(value_type = Option<String>, format = "date-time")]
    pub ended_at: Option<Timestamp>,
    /// Sums over the interceptions shown.
    pub usage: TokenSums,
    /// The interceptions, oldest first.
    pub interceptions: Vec<InterceptionView>,
}
