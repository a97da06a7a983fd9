//! Providers: where requests go, and with which of the operator's keys.

use bridge_auth::SecretHint;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{BedrockView, ProviderType, UpstreamView};
use crate::store::{StoredProvider, StoredProviderKey};

/// A provider, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProviderView {
    /// Names it for ever, also when its name changes.
    #[schema(value_type = String, format = "uuid")]
    pub id: Uuid,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ProviderType,
    /// The first segment of the path: lower-case letters, digits and single hyphens.
    pub name: String,
    /// Its name for people; may be empty.
    pub display_name: String,
    /// A picture's name or address, for pages that show one; may be empty.
    pub icon: String,
    /// Whether requests may go there.
    pub enabled: bool,
    /// Where it is. Empty for Bedrock when the region says it.
    pub base_url: String,
    /// The operator's keys in the order of preference.
    #[serde(rename = "api_keys")]
    pub keys: Vec<ProviderKeyView>,
    /// What is peculiar to its type; null when there is nothing.
    pub settings: Option<BedrockView>,
    /// How it is connected to; null when everything is as the gateway's configuration says.
    pub upstream: Option<UpstreamView>,
    /// When it was made.
    #[schema(value_type = String, format = "date-time")]
    pub created_at: Timestamp,
    /// When it was last changed, its keys included.
    #[schema(value_type = String, format = "date-time")]
    pub updated_at: Timestamp,
}

/// A provider's key, masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProviderKeyView {
    /// Names the key in calls that keep or delete it.
    #[schema(value_type = String, format = "uuid")]
    pub id: Uuid,
    /// First and last characters of the key.
    #[serde(rename = "masked")]
    pub hint: String,
    /// When it was given.
    #[schema(value_type = String, format = "date-time")]
    pub created_at: Timestamp,
}

impl From<&StoredProvider> for ProviderView {
    fn from(stored: &StoredProvider) -> Self {
        Self {
            id: stored.id,
            kind: stored.kind,
            name: stored.name.clone(),
            display_name: stored.display_name.clone(),
            icon: stored.icon.clone(),
            enabled: stored.enabled,
            base_url: stored.base_url.clone(),
            keys: stored.keys.iter().map(Into::into).collect(),
            settings: stored.bedrock.as_ref().map(Into::into),
            upstream: stored.upstream.as_ref().map(Into::into),
            created_at: stored.created_at,
            updated_at: stored.updated_at,
        }
    }
}

impl From<&StoredProviderKey> for ProviderKeyView {
    fn from(key: &StoredProviderKey) -> Self {
        Self {
            id: key.id,
            hint: SecretHint::of(&key.secret).to_string(),
            created_at: key.created_at,
        }
    }
}
