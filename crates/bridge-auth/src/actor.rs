//! Who a request turned out to belong to.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use uuid::Uuid;

/// The id of a user, as the control plane knows them: a UUID.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ActorId(Uuid);

impl ActorId {
    /// The id with these sixteen bytes, in network order.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// The sixteen bytes of the id, in network order.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

/// Text that is no user id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID")]
pub struct ParseActorIdError;

impl FromStr for ActorId {
    type Err = ParseActorIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text)
            .map(Self)
            .map_err(|_| ParseActorIdError)
    }
}

impl fmt::Display for ActorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for ActorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ActorId({self})")
    }
}

/// The user a request belongs to. Nothing in it is secret: it is recorded, and may be sent to
/// a provider when the operator asks for that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The user's id.
    pub id: ActorId,
    /// The user's login name.
    pub username: String,
    /// The user's e-mail address, when known.
    pub email: Option<String>,
}

/// Whose credential is used with the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeySource {
    /// The operator's key.
    Centralized,
    /// The caller's own.
    Byok,
}

impl KeySource {
    /// `centralized` or `byok`, the words used in logs and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Centralized => "centralized",
            Self::Byok => "byok",
        }
    }
}

/// Whose word a grant is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// The control plane's, as fresh as the authorizer wants it.
    Confirmed,
    /// The authorizer's own, from what the control plane said earlier: it cannot be asked now.
    Grace,
}

impl Standing {
    /// `confirmed` or `grace`, the words used in logs and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Grace => "grace",
        }
    }
}

/// What an authorizer knows once it has said yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Who is asking.
    pub actor: Actor,
    /// The id of the key that was presented; safe to log.
    pub api_key_id: String,
    /// The workspace the key was minted for, when the control plane says so.
    pub workspace_id: Option<String>,
    /// When the key itself stops being good. A cached grant must not outlive it.
    pub expires_at: Option<SystemTime>,
    /// Whether it was confirmed, or is used on grace while the control plane is away.
    pub standing: Standing,
}
