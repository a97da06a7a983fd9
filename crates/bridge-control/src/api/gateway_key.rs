//! Gateway keys: by which a gateway on another machine proves itself.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::SecretText;

/// A gateway key to be made.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGatewayKey {
    /// What it is called: 1 to 64 lower-case letters, digits and single hyphens between them. No
    /// two have the same name.
    pub name: String,
}

/// A gateway key that was made, with its secret: the only time it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreatedGatewayKey {
    /// The key.
    pub key: GatewayKeyView,
    /// The whole of it, 43 letters and digits, as a gateway presents it.
    pub secret: SecretText,
}

/// A gateway key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GatewayKeyView {
    /// The first eleven characters of the key, safe to show.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// When it was made.
    #[schema(value_type = String, format = "date-time")]
    pub created_at: Timestamp,
    /// When a gateway was last connected with it, to about a minute; null when none ever was.
    #[schema(value_type = Option<String>, format = "date-time")]
    pub last_seen_at: Option<Timestamp>,
}
