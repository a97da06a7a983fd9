//! Users' tokens for tool servers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{SecretText, UserRef};

/// A user's token to be set, in place of the one before. A token, a refresh token or both are given.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUserToken {
    /// The token: visible ASCII, no white space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<SecretText>,
    /// With what another one is got; for tool servers with `oauth`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<SecretText>,
    /// When the token stops being good, when that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    pub expires_at: Option<Timestamp>,
}

/// How things stand with a user's token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UserTokenState {
    /// It is used.
    Good,
    /// It has expired, and another one is got when it is needed.
    Renewable,
    /// It has expired: set a new one.
    Expired,
    /// It was refused, by its server or by the authorization server: set a new one.
    Refused,
    /// It cannot be decrypted.
    Unreadable,
}

impl UserTokenState {
    /// The word for it in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Renewable => "renewable",
            Self::Expired => "expired",
            Self::Refused => "refused",
            Self::Unreadable => "unreadable",
        }
    }
}

/// A user's token, masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserTokenView {
    /// The tool server it is for.
    pub server: ToolServerRef,
    /// Whose it is.
    pub user: UserRef,
    /// First and last characters of the token; null when only a refresh token was given, or it cannot
    /// be decrypted.
    pub masked: Option<String>,
    /// How things stand with it.
    pub state: UserTokenState,
    /// What is wrong and what to do; null when nothing is.
    pub problem: Option<String>,
    /// Whether there is a refresh token.
    pub has_refresh_token: bool,
    /// When the token stops being good; null when that is not known.
    #[schema(value_type = Option<String>, format = "date-time")]
    pub expires_at: Option<Timestamp>,
    /// When it was set by an operator.
    #[schema(value_type = String, format = "date-time")]
    pub set_at: Timestamp,
    /// When it was last got anew; null when it never was.
    #[schema(value_type = Option<String>, format = "date-time")]
    pub refreshed_at: Option<Timestamp>,
}

/// A tool server, mentioned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ToolServerRef {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    pub id: Uuid,
    /// Its name.
    pub name: String,
}
