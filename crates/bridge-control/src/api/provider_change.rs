//! Providers to be made, and what is to change of them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::given::{given, yes};
use super::{BedrockChange, SecretText, UpstreamChange};

/// A provider as it is to be. What is not given stays as it is when there is one already; address
/// and settings do so only as long as the type is the same.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderSpec {
    /// The first segment of the path: lower-case letters, digits and single hyphens. Given when it is
    /// made without a name in the path; otherwise it may be left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its type, one of the words of [`ProviderType`](super::ProviderType).
    #[serde(rename = "type")]
    pub kind: String,
    /// Absolute, http or https, without fragment or user information; a query only for Azure. Not
    /// needed for types whose place is known, nor for Bedrock, where the region says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Its name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// A picture's name or address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// Whether requests may go there.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// The operator's keys in the order of preference, at most five; replaces all.
    #[serde(default, rename = "api_keys", skip_serializing_if = "Option::is_none")]
    pub keys: Option<Vec<SecretText>>,
    /// What is peculiar to its type; null takes it away.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<BedrockChange>)]
    pub settings: Option<Option<BedrockChange>>,
    /// How it is connected to; null takes it away.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<UpstreamChange>)]
    pub upstream: Option<Option<UpstreamChange>>,
}

/// What is to change of a provider. At least one field is given; what is not stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderPatch {
    /// The new name, and with it the first segment of the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// A picture's name or address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// Whether requests may go there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// All keys that it is to have, in the order of preference: those that stay by their ids, new
    /// ones as they are. Keys that are not in the list are deleted.
    #[serde(default, rename = "api_keys", skip_serializing_if = "Option::is_none")]
    pub keys: Option<Vec<KeyEntry>>,
    /// Changes field by field; null takes all of it away.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<BedrockChange>)]
    pub settings: Option<Option<BedrockChange>>,
    /// Changes field by field; null takes all of it away.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<UpstreamChange>)]
    pub upstream: Option<Option<UpstreamChange>>,
}

/// A key in the list of those that a provider is to have: exactly one of the two.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyEntry {
    /// The id of a key that stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "uuid")]
    pub id: Option<Uuid>,
    /// A key that is added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<SecretText>,
}

/// One more key for a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProviderKey {
    /// The key: not empty, without white space.
    pub key: SecretText,
}
