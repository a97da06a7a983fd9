//! The JSON that operators send and receive; a command line reads into the same types.
//!
//! Times are RFC 3339 in UTC, ids are UUIDs except those of keys. What an operator sends refuses
//! fields it does not know; what the control plane answers may grow.

mod gateway_key;
mod given;
mod interception;
mod key;
mod provider;
mod provider_change;
mod provider_settings;
mod provider_type;
mod secret_text;
mod session;
mod tool_server;
mod tool_server_change;
mod upstream_settings;
mod user;
mod user_token;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use gateway_key::{CreatedGatewayKey, GatewayKeyView, NewGatewayKey};
pub use interception::{
    InterceptionDetail, InterceptionStatus, InterceptionView, PromptView, ThoughtView, TokenSums,
    TokenView, ToolView,
};
pub use key::{CreatedKey, KeyView, NewKey};
pub use provider::{ProviderKeyView, ProviderView};
pub use provider_change::{KeyEntry, NewProviderKey, ProviderPatch, ProviderSpec};
pub(crate) use provider_settings::{BEDROCK, VERSION};
pub use provider_settings::{BedrockChange, BedrockView};
pub use provider_type::ProviderType;
pub use secret_text::SecretText;
pub use session::{SessionDetail, SessionView, ThreadView};
pub use tool_server::{ClientAuth, OAuthView, ToolCredentialKind, ToolHeaderView, ToolServerView};
pub use tool_server_change::{NewToolServer, OAuthChange, ToolServerPatch};
pub use upstream_settings::{UpstreamChange, UpstreamView};
pub use user::{NewUser, UserPatch, UserRef, UserStatus, UserView};
pub use user_token::{NewUserToken, ToolServerRef, UserTokenState, UserTokenView};

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The items, in the order of the list.
    pub items: Vec<T>,
    /// Where the next page begins: the `after` of the next call. Null on the last page.
    pub next: Option<String>,
}

/// The body of every answer that is not a success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// What went wrong.
    pub error: ProblemDetail,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProblemDetail {
    /// A closed name of the failure: `invalid`, `unauthorized`, `not_found`, `method_not_allowed`,
    /// `conflict`, `too_large`, `internal` or `unavailable`.
    pub code: String,
    /// The failure in a sentence for people.
    pub message: String,
    /// The field or query parameter that was wrong, when it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}
