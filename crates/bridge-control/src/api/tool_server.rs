//! Tool servers: MCP servers whose tools every agent is offered.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::UpstreamView;

/// Where the credential comes from that is presented to a tool server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolCredentialKind {
    /// Nothing is presented.
    #[default]
    None,
    /// The same token for all users.
    Token,
    /// The organisation's key by which the caller came in.
    Caller,
    /// A token of each user.
    User,
}

impl ToolCredentialKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::None, Self::Token, Self::Caller, Self::User];

    /// The word for it in JSON and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Token => "token",
            Self::Caller => "caller",
            Self::User => "user",
        }
    }

    /// The kind of this word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// How the control plane proves to an authorization server who it is (RFC 6749, section 2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// By HTTP Basic authentication.
    #[default]
    Basic,
    /// In the body of the request.
    Post,
}

impl ClientAuth {
    /// The word for it in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Post => "post",
        }
    }
}

/// A tool server, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ToolServerView {
    /// Names it for ever, also when its name changes.
    #[schema(value_type = String, format = "uuid")]
    pub id: Uuid,
    /// What it is called, and what the names of its tools begin with.
    pub name: String,
    /// Where it speaks the streamable HTTP transport.
    pub url: String,
    /// Whether its tools are offered.
    pub enabled: bool,
    /// Regular expressions: tools in whose names one is found are offered; none: all are.
    pub allow: Vec<String>,
    /// The same for those that are not offered, whatever `allow` says.
    pub deny: Vec<String>,
    /// What is sent with every request.
    pub headers: Vec<ToolHeaderView>,
    /// Where the credential comes from.
    pub credential: ToolCredentialKind,
    /// First and last characters of the fixed token; null when there is none.
    pub token_masked: Option<String>,
    /// How users' tokens are got anew; null when they are not.
    pub oauth: Option<OAuthView>,
    /// How it is connected to; null when everything is as the gateway's configuration says.
    pub upstream: Option<UpstreamView>,
    /// Why its secrets cannot be decrypted, and what to do; null when they can.
    pub problem: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = "date-time")]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = String, format = "date-time")]
    pub updated_at: Timestamp,
}

/// A header that is sent to a tool server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ToolHeaderView {
    /// Its name, in lower case.
    pub name: String,
    /// First and last characters of its value; null when it cannot be decrypted.
    pub masked: Option<String>,
}

/// How users' tokens are got anew: by their refresh tokens, from an authorization server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OAuthView {
    /// The token endpoint.
    pub token_url: String,
    /// Who the control plane is there.
    pub client_id: String,
    /// First and last characters of its secret there; null when it has none or it cannot be
    /// decrypted.
    pub client_secret_masked: Option<String>,
    /// How it proves who it is.
    pub client_auth: ClientAuth,
    /// What is asked for; none: what was granted before.
    pub scopes: Vec<String>,
}
