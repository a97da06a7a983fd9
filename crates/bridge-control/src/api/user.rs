//! Users: the people whose keys are presented.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Whether a user may use the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UserStatus {
    /// Their keys are honoured.
    Active,
    /// Their keys are refused until the operator says otherwise.
    Suspended,
    /// They have been away; their keys are refused as if suspended.
    Dormant,
    /// They are gone for good. Their records stay.
    Deleted,
}

impl UserStatus {
    /// The word for it in JSON and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Dormant => "dormant",
            Self::Deleted => "deleted",
        }
    }
}

/// A user to be made.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// Login name: 1 to 64 letters, digits and `. _ - @ +`, the first one a letter or digit, and
    /// not of the form of a UUID. Unique among users who are not deleted, ignoring case.
    pub username: String,
    /// E-mail address, at most 254 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Name for people, at most 128 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What is to change of a user. At least one field is given.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserPatch {
    /// The new status; `deleted` is refused, deleting is a call of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<UserStatus>,
    /// The new e-mail address; an empty text takes it away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserView {
    /// The user's id.
    #[schema(value_type = String, format = "uuid")]
    pub id: Uuid,
    /// Login name.
    pub username: String,
    /// E-mail address, when known.
    pub email: Option<String>,
    /// Name for people, when known.
    pub name: Option<String>,
    /// Whether they may use the gateway.
    pub status: UserStatus,
    /// Whether it is no person but a part of the system; its keys are refused.
    pub is_system: bool,
    /// When it was made.
    #[schema(value_type = String, format = "date-time")]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = String, format = "date-time")]
    pub updated_at: Timestamp,
}

/// A user, mentioned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserRef {
    /// The user's id.
    #[schema(value_type = String, format = "uuid")]
    pub id: Uuid,
    /// Login name.
    pub username: String,
}
