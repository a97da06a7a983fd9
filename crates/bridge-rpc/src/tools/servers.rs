//! Tool servers and credentials as plain data.

use std::time::SystemTime;

use bridge_auth::Secret;
use bridge_proto::v1;
use bridge_proto::v1::tool_credential::Kind;

use crate::MannersSettings;

/// All enabled tool servers, as one user sees them. Nothing in it was validated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToolServers {
    /// The set that these are; see [`ToolServerSet`](super::ToolServerSet).
    pub generation: u64,
    /// By name.
    pub servers: Vec<ToolServerSnapshot>,
}

/// One tool server of [`ToolServers`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolServerSnapshot {
    /// Names it for ever, also when its name changes.
    pub id: String,
    /// Its name: lower-case letters, digits and hyphens.
    pub name: String,
    /// Where the streamable HTTP transport is spoken.
    pub url: String,
    /// Regular expressions of the tools that are offered; empty: all are.
    pub allow: Vec<String>,
    /// The same for those that are not, whatever `allow` says.
    pub deny: Vec<String>,
    /// Sent with every request.
    pub headers: Vec<(String, Secret)>,
    /// How it is connected to.
    pub manners: MannersSettings,
    /// What is presented there, or why the server cannot be used by this user now.
    pub credential: Result<ToolCredential, ToolServerProblem>,
}

/// What is presented to a tool server as a bearer token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolCredential {
    /// Nothing.
    None,
    /// The same token for all users.
    Token(Secret),
    /// The organisation's key by which the caller came in.
    CallersKey,
    /// A token of this user.
    User(UserToken),
}

/// A user's token for one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserToken {
    /// The token.
    pub token: Secret,
    /// Which of all tokens it is; what [`RefusedToken`] names.
    pub revision: u64,
    /// When it stops being good; none when that is not known.
    pub expires_at: Option<SystemTime>,
}

/// A user's token that its server did not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedToken {
    /// [`ToolServerSnapshot::id`].
    pub server_id: String,
    /// [`UserToken::revision`].
    pub revision: u64,
}

/// Why a server cannot be used by a user now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolServerProblem {
    /// Which sort of problem.
    pub kind: ToolServerProblemKind,
    /// For operators: what is wrong and what to do. It holds no secret.
    pub message: String,
}

/// Which sort of problem a server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ToolServerProblemKind {
    /// The user has no token of this server.
    NoToken,
    /// The user's token expired or was refused, and no other is to be had.
    Expired,
    /// The token expired, and no other could be got. That may pass.
    NotRefreshed,
    /// The control plane cannot decrypt what belongs to the server.
    Unreadable,
    /// The control plane names a problem, or a kind of credential, of a later version.
    Unknown,
}

impl ToolServerProblemKind {
    /// `no_token`, `expired`, `not_refreshed`, `unreadable` or `unknown`, for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoToken => "no_token",
            Self::Expired => "expired",
            Self::NotRefreshed => "not_refreshed",
            Self::Unreadable => "unreadable",
            Self::Unknown => "unknown",
        }
    }
}

impl From<&RefusedToken> for v1::RefusedToken {
    fn from(refused: &RefusedToken) -> Self {
        Self {
            server_id: refused.server_id.clone(),
            revision: refused.revision,
        }
    }
}

impl From<v1::GetToolServersResponse> for ToolServers {
    fn from(response: v1::GetToolServersResponse) -> Self {
        Self {
            generation: response.generation,
            servers: response.servers.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<v1::ToolServer> for ToolServerSnapshot {
    fn from(server: v1::ToolServer) -> Self {
        let headers = server.headers.into_iter();
        Self {
            id: server.id,
            name: server.name,
            url: server.url,
            allow: server.allow,
            deny: server.deny,
            headers: headers
                .map(|header| (header.name, Secret::new(header.value)))
                .collect(),
            manners: server.manners.map(Into::into).unwrap_or_default(),
            credential: credential(server.credential),
        }
    }
}

fn credential(credential: Option<v1::ToolCredential>) -> Result<ToolCredential, ToolServerProblem> {
    match credential.and_then(|credential| credential.kind) {
        Some(Kind::None(v1::NoToken {})) => Ok(ToolCredential::None),
        Some(Kind::Token(fixed)) => Ok(ToolCredential::Token(Secret::new(fixed.token))),
        Some(Kind::Caller(v1::CallersKey {})) => Ok(ToolCredential::CallersKey),
        Some(Kind::User(token)) => Ok(ToolCredential::User(user_token(token))),
        Some(Kind::Problem(problem)) => Err(ToolServerProblem {
            kind: kind(problem.kind()),
            message: problem.message,
        }),
        None => Err(ToolServerProblem {
            kind: ToolServerProblemKind::Unknown,
            message: "its kind of credential is of a later version: upgrade this gateway"
                .to_owned(),
        }),
    }
}

/// A time that no clock has is none: the token is used until its server refuses it.
fn user_token(token: v1::UserToken) -> UserToken {
    let expires_at = token.expires_at.map(SystemTime::try_from);
    UserToken {
        token: Secret::new(token.token),
        revision: token.revision,
        expires_at: expires_at.and_then(Result::ok),
    }
}

fn kind(kind: v1::ToolServerProblemKind) -> ToolServerProblemKind {
    match kind {
        v1::ToolServerProblemKind::Unspecified => ToolServerProblemKind::Unknown,
        v1::ToolServerProblemKind::NoToken => ToolServerProblemKind::NoToken,
        v1::ToolServerProblemKind::Expired => ToolServerProblemKind::Expired,
        v1::ToolServerProblemKind::NotRefreshed => ToolServerProblemKind::NotRefreshed,
        v1::ToolServerProblemKind::Unreadable => ToolServerProblemKind::Unreadable,
    }
}
