//! What is peculiar to a provider's type: Amazon Bedrock.

use bridge_auth::{Secret, SecretHint};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::SecretText;
use super::given::given;
use crate::store::Bedrock;

/// The word for settings of Bedrock.
pub(crate) const BEDROCK: &str = "bedrock";
/// The version of these settings.
pub(crate) const VERSION: u32 = 1;

/// Settings of Amazon Bedrock, without their secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BedrockView {
    /// `bedrock`.
    #[serde(rename = "_type")]
    pub kind: String,
    /// 1.
    #[serde(rename = "_version")]
    pub version: u32,
    /// For example `eu-central-1`.
    pub region: String,
    /// `invoke` or `mantle`.
    pub protocol: String,
    /// The model that is asked for in place of what the caller names.
    pub model: Option<String>,
    /// The same for callers that ask for a small and fast model.
    pub small_fast_model: Option<String>,
    /// First and last characters of the id of static credentials; null when the gateway's own are
    /// used.
    pub access_key_masked: Option<String>,
    /// Whether there is a session token.
    pub has_session_token: bool,
    /// The role that is assumed with those credentials.
    pub role_arn: Option<String>,
    /// What the role's trust policy has to ask for as `sts:ExternalId`; made by the server.
    pub external_id: Option<String>,
    /// A profile of the gateway's own AWS configuration.
    pub profile: Option<String>,
}

/// What is to change of settings of Amazon Bedrock. What is not given stays as it is, null takes it
/// away.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BedrockChange {
    /// `bedrock`, if it is given.
    #[serde(rename = "_type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// 1, if it is given.
    #[serde(rename = "_version", default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// For example `eu-central-1`; needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// `invoke`, which is the default, or `mantle`.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>)]
    pub protocol: Option<Option<String>>,
    /// The model that is asked for in place of what the caller names.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>)]
    pub model: Option<Option<String>>,
    /// The same for callers that ask for a small and fast model.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>)]
    pub small_fast_model: Option<Option<String>>,
    /// Static credentials: given, or taken away, together with `secret_access_key`. A session token
    /// that is not given with them is taken away.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>)]
    pub access_key_id: Option<Option<SecretText>>,
    /// Goes with `access_key_id`.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>)]
    pub secret_access_key: Option<Option<SecretText>>,
    /// Goes with temporary ones.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>)]
    pub session_token: Option<Option<SecretText>>,
    /// The role that is assumed with those credentials.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>)]
    pub role_arn: Option<Option<String>>,
    /// Made by the server: given here, it has to be the one that was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// A profile of the gateway's own AWS configuration, in place of static credentials.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>)]
    pub profile: Option<Option<String>>,
}

impl From<&Bedrock> for BedrockView {
    fn from(bedrock: &Bedrock) -> Self {
        let masked = |text: &SecretText| {
            let secret = Secret::new(text.expose().to_owned());
            SecretHint::of(&secret).to_string()
        };
        Self {
            kind: BEDROCK.to_owned(),
            version: VERSION,
            region: bedrock.region.clone(),
            protocol: bedrock
                .protocol
                .clone()
                .unwrap_or_else(|| "invoke".to_owned()),
            model: bedrock.model.clone(),
            small_fast_model: bedrock.small_fast_model.clone(),
            access_key_masked: bedrock.access_key_id.as_ref().map(masked),
            has_session_token: bedrock.session_token.is_some(),
            role_arn: bedrock.role_arn.clone(),
            external_id: bedrock.external_id.clone(),
            profile: bedrock.profile.clone(),
        }
    }
}

impl BedrockChange {
    /// These settings, with what is given changed.
    pub(crate) fn onto(&self, mut to: Bedrock) -> Bedrock {
        let given = self.clone();
        if let Some(region) = given.region {
            to.region = region;
        }
        if given.access_key_id.is_some() {
            // A token belongs to the credentials it was given with.
            to.session_token = None;
        }
        put(&mut to.protocol, given.protocol);
        put(&mut to.model, given.model);
        put(&mut to.small_fast_model, given.small_fast_model);
        put(&mut to.access_key_id, given.access_key_id);
        put(&mut to.secret_access_key, given.secret_access_key);
        put(&mut to.session_token, given.session_token);
        put(&mut to.role_arn, given.role_arn);
        put(&mut to.profile, given.profile);
        to
    }
}

pub(super) fn put<T>(to: &mut Option<T>, given: Option<Option<T>>) {
    if let Some(given) = given {
        *to = given;
    }
}
