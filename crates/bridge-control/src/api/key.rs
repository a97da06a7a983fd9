//! Keys: what a user presents to the gateway.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{SecretText, UserRef};

/// A key to be made.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    /// Id or login name of its owner.
    pub user: String,
    /// What it is for, at most 64 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How long it is good, in seconds, at least 1. For ever when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime_seconds: Option<u64>,
    /// The workspace it is made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "uuid")]
    pub workspace_id: Option<Uuid>,
}

/// A key that was made, with its secret: the only time it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreatedKey {
    /// The key.
    pub key: KeyView,
    /// The whole credential, `<id>-<secret>`, as a client presents it.
    pub secret: SecretText,
}

/// A key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyView {
    /// The first part of the credential, safe to show: ten letters and digits.
    pub id: String,
    /// Its owner.
    pub user: UserRef,
    /// What it is for.
    pub name: Option<String>,
    /// The workspace it was made for.
    #[schema(value_type = Option<String>, format = "uuid")]
    pub workspace_id: Option<Uuid>,
    /// When it was made.
    #[schema(value_type = String, format = "date-time")]
    pub created_at: Timestamp,
    /// When it stops being good; null when it does not.
    #[schema(value_type = Option<String>, format = "date-time")]
    pub expires_at: Option<Timestamp>,
    /// When a gateway last asked for it, to about a minute; null when none did.
    #[schema(value_type = Option<String>, format = "date-time")]
    pub last_used_at: Option<Timestamp>,
}
