//! The seam to whoever knows which tool servers a user may use, and with which tokens.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use bridge_auth::{ActorId, Secret};

use crate::Server;

/// Whose catalogue it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Caller {
    /// The user.
    pub actor: ActorId,
    /// The key that was presented; safe to log.
    pub api_key_id: String,
    /// That key itself, for servers that take it. None where a host program vouched for the user:
    /// such servers are left out then.
    pub own_key: Option<Secret>,
}

/// Answers which tool servers a user may use. It answers for all of them at once.
///
/// A failure is told, tried again in the background, and costs the user nothing but the tools; what
/// was granted before stays, unless the user is refused.
#[async_trait]
pub trait ToolAuthority: Send + Sync {
    /// The servers for this user, and the user's tokens for those that want one.
    ///
    /// Dropping the future must be harmless.
    ///
    /// # Errors
    /// When there is no answer now.
    async fn servers(&self, caller: &Caller) -> Result<Granted, AuthorityError>;

    /// The user's token for one server again: it expires, or the server has refused it. `had` is
    /// the one to be replaced; the answer may be the same one if there is none newer.
    ///
    /// # Errors
    /// When there is no answer now, or no token any more.
    async fn token(
        &self,
        caller: &Caller,
        server: &Server,
        had: &UserToken,
        why: Renewal,
    ) -> Result<UserToken, AuthorityError>;
}

/// What a user may use.
#[derive(Debug, Clone, Default)]
pub struct Granted {
    /// The servers. Those with the same name as one before them are left out.
    pub servers: Vec<GrantedServer>,
}

/// One server for one user.
#[derive(Debug, Clone)]
pub struct GrantedServer {
    /// The server. The same one for all users, so that what is known of it is kept once; see
    /// [`Servers`](crate::Servers).
    pub server: Arc<Server>,
    /// The user's token, where the server wants one of the user's own.
    pub token: Option<UserToken>,
    /// Why there is no token, for the log: a sentence without secrets. With one, the authority is
    /// asked again after a while.
    pub problem: Option<String>,
}

/// A token of a user's own for a tool server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserToken {
    /// The token.
    pub secret: Secret,
    /// Which of all tokens it is, as the authority counts them. It means nothing here.
    pub revision: u64,
    /// When it stops being good, if anybody knows. It is asked for again shortly before.
    pub expires_at: Option<SystemTime>,
}

/// Why a token is asked for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// The server answered 401.
    Refused,
    /// It stops being good within half a minute, or has.
    Expiring,
}

impl Renewal {
    /// A word for logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Expiring => "expiring",
        }
    }
}

/// Why an authority does not answer.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// It cannot be asked now.
    #[error("it is not known which tool servers the user may use")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// The user is let in no more, or came with a key that is not good any more: what was granted
    /// before is granted no longer.
    #[error("the user may use no tool servers")]
    Refused(#[source] Box<dyn Error + Send + Sync>),
    /// There is no token any more.
    #[error("the user has no token for this tool server: {0}")]
    NoToken(String),
}

impl AuthorityError {
    /// Whether this is the answer, and not the lack of one.
    pub(crate) const fn is_final(&self) -> bool {
        match self {
            Self::Refused(_) | Self::NoToken(_) => true,
            Self::Unavailable(_) => false,
        }
    }
}

/// The key itself is nobody's business.
impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("actor", &self.actor)
            .field("api_key_id", &self.api_key_id)
            .field("has_own_key", &self.own_key.is_some())
            .finish()
    }
}
