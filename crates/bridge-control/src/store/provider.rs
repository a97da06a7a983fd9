//! Providers as they are kept, with their secrets.

use bridge_auth::Secret;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::api::{ProviderType, SecretText};

/// All providers at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProviderSet {
    /// Grows with every change.
    pub generation: u64,
    /// The providers by name.
    pub providers: Vec<StoredProvider>,
    /// Those whose settings cannot be read, without these. They are in no other list of the set.
    pub unreadable: Vec<StoredProvider>,
}

/// A provider with its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredProvider {
    /// Names it for ever.
    pub id: Uuid,
    /// The first segment of the path; no other provider that is not deleted has it.
    pub name: String,
    /// Its type.
    pub kind: ProviderType,
    /// Its name for people; may be empty.
    pub display_name: String,
    /// A picture's name or address; may be empty.
    pub icon: String,
    /// Where it is. Empty: where its region says.
    pub base_url: String,
    /// Whether requests may go there.
    pub enabled: bool,
    /// Its keys in the order of preference.
    pub keys: Vec<StoredProviderKey>,
    /// Of Amazon Bedrock.
    pub bedrock: Option<Bedrock>,
    /// How it is connected to.
    pub upstream: Option<Upstream>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed, its keys included.
    pub updated_at: Timestamp,
}

/// A provider's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredProviderKey {
    /// Its id.
    pub id: Uuid,
    /// The key.
    pub secret: Secret,
    /// When it was given.
    pub created_at: Timestamp,
}

/// What it takes to reach Amazon Bedrock. The form in which it is kept as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Bedrock {
    /// For example `eu-central-1`.
    pub region: String,
    /// `invoke` or `mantle`; none is `invoke`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// The model that is asked for in place of what the caller names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The same for callers that ask for a small and fast model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub small_fast_model: Option<String>,
    /// Static credentials; none: those of the gateway's machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<SecretText>,
    /// Goes with `access_key_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_access_key: Option<SecretText>,
    /// Goes with temporary ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_token: Option<SecretText>,
    /// The role that is assumed with those credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// What is said when it is assumed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// A profile of the gateway's own AWS configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
}

/// How a provider is connected to. What is none is as the gateway's own configuration says. The
/// form in which it is kept as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Upstream {
    /// How long a connection may take, TLS included, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect_timeout_ms: Option<u64>,
    /// How long the head of an answer may take, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_byte_timeout_ms: Option<u64>,
    /// How long an answer may be silent, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_timeout_ms: Option<u64>,
    /// How long an exchange may take as a whole, in milliseconds; 0 is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_timeout_ms: Option<u64>,
    /// How often a request is sent again after an attempt that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_retries: Option<u32>,
    /// The proxy's URL, which may hold a password; empty: no proxy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_url: Option<SecretText>,
    /// Certificates in PEM form that are trusted besides the gateway's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_pem: Option<String>,
    /// `auto`, `1.1` or `2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_version: Option<String>,
    /// Private address ranges in CIDR form to which the host's name may resolve.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_private: Vec<String>,
}
