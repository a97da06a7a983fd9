//! Tool servers to be made, and what is to change of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::given::{given, yes};
use super::{ClientAuth, SecretText, ToolCredentialKind, UpstreamChange};

/// A tool server to be made.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToolServer {
    /// 1 to 32 lower-case letters, digits and single hyphens between them.
    pub name: String,
    /// Absolute, http or https, without fragment or user information.
    pub url: String,
    /// Whether its tools are offered.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Regular expressions: tools in whose names one is found are offered; none: all are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    /// The same for those that are not offered, whatever `allow` says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<String>,
    /// What is sent with every request; values are never shown again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, String>)]
    pub headers: BTreeMap<String, SecretText>,
    /// Where the credential comes from: `none`, `token`, `caller` or `user`.
    #[serde(default)]
    pub credential: ToolCredentialKind,
    /// The fixed token; goes with the credential `token`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<SecretText>,
    /// How users' tokens are got anew; goes with the credential `user`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oauth: Option<OAuthChange>,
    /// How it is connected to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<UpstreamChange>,
}

/// What is to change of a tool server. At least one field is given; what is not stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolServerPatch {
    /// The new name, and with it what the names of its tools begin with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Whether its tools are offered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Regular expressions of the tools that are offered; replaces all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow: Option<Vec<String>>,
    /// The same for those that are not; replaces all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deny: Option<Vec<String>>,
    /// Headers that are sent with every request, one by one: a value sets one, null takes it away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, Option<String>>>)]
    pub headers: Option<BTreeMap<String, Option<SecretText>>>,
    /// Where the credential comes from. Another kind takes away what belongs to the one before: the
    /// token, or `oauth` and the tokens of users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<ToolCredentialKind>,
    /// The fixed token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<SecretText>,
    /// Changes field by field; null takes all of it away.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<OAuthChange>)]
    pub oauth: Option<Option<OAuthChange>>,
    /// Changes field by field; null takes all of it away.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<UpstreamChange>)]
    pub upstream: Option<Option<UpstreamChange>>,
}

/// What is to change of how users' tokens are got anew. What is not given stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OAuthChange {
    /// The token endpoint: https, or http on the control plane's own machine; needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_url: Option<String>,
    /// Who the control plane is there; needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Its secret there; null: it has none.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>)]
    pub client_secret: Option<Option<SecretText>>,
    /// How it proves who it is: `basic`, which is the default, or `post`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_auth: Option<ClientAuth>,
    /// What is asked for; none: what was granted before. Replaces all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
}
