//! Tool servers and users' tokens as they are kept: what is secret of them is sealed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Upstream;
use crate::api::{ClientAuth, ToolCredentialKind, UserRef};

/// All tool servers at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToolServerSet {
    /// Grows with every change of a tool server.
    pub generation: u64,
    /// The servers by name.
    pub servers: Vec<StoredToolServer>,
}

/// A tool server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredToolServer {
    /// Names it for ever.
    pub id: Uuid,
    /// What it is called; no other has the name.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// Whether its tools are offered.
    pub enabled: bool,
    /// Where its credential comes from.
    pub credential: ToolCredentialKind,
    /// The rest of what is not secret.
    pub settings: ToolServerSettings,
    /// Its secrets, sealed; none when it has none.
    pub sealed: Option<Vec<u8>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What is not secret of a tool server. The form in which it is kept as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ToolServerSettings {
    /// Regular expressions of the tools that are offered; none: all are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    /// Of those that are not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<String>,
    /// Names of the headers that are sent with every request; their values are secrets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<String>,
    /// How users' tokens are got anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oauth: Option<OAuth>,
    /// How it is connected to, without the URL of a proxy, which is among the secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream: Option<Upstream>,
    /// Whether there is such a URL.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub has_proxy: bool,
}

/// How tokens are got anew, without the client's secret.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OAuth {
    /// The token endpoint of the authorization server.
    pub token_url: String,
    /// Who the control plane is there.
    pub client_id: String,
    /// Whether it has a secret there.
    pub has_client_secret: bool,
    /// How it proves who it is.
    pub client_auth: ClientAuth,
    /// What is asked for; none: what was granted before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
}

/// A user's token for a tool server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredUserToken {
    /// The server.
    pub server: Uuid,
    /// The user.
    pub user: Uuid,
    /// Which of all tokens that there ever were; the store gives it.
    pub revision: u64,
    /// Token and refresh token, sealed.
    pub sealed: Vec<u8>,
    /// Whether there is a refresh token.
    pub is_renewable: bool,
    /// When it stops being good; none when that is not known.
    pub expires_at: Option<Timestamp>,
    /// When its server, or the authorization server, did not take it.
    pub refused_at: Option<Timestamp>,
    /// When the operator gave it.
    pub set_at: Timestamp,
    /// When it was last got anew.
    pub refreshed_at: Option<Timestamp>,
}

/// A user's token, with the names of both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedUserToken {
    /// The token.
    pub token: StoredUserToken,
    /// Name of the server.
    pub server_name: String,
    /// The user.
    pub user: UserRef,
}

/// Whose tokens. What is none does not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UserTokenFilter {
    /// For this server.
    pub server: Option<Uuid>,
    /// Of this user.
    pub user: Option<Uuid>,
}
