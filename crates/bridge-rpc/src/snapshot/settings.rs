//! What is peculiar to one provider, as the control plane has it.

use std::time::Duration;

use bridge_auth::Secret;
use bridge_proto::v1;

/// What is peculiar to one provider. Nothing in it was validated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProviderSettings {
    /// How it is connected to.
    pub manners: MannersSettings,
    /// Of providers that are reached through Amazon Bedrock.
    pub bedrock: Option<BedrockSettings>,
}

/// How a provider is connected to. What is absent is as the gateway's own configuration says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MannersSettings {
    /// How long a connection may take, TLS included.
    pub connect_timeout: Option<Duration>,
    /// How long the head of an answer may take.
    pub first_byte_timeout: Option<Duration>,
    /// How long an answer may be silent.
    pub idle_timeout: Option<Duration>,
    /// How long an exchange may take as a whole; zero says that there is no such limit.
    pub total_timeout: Option<Duration>,
    /// How often a request is sent again after an attempt that failed.
    pub max_retries: Option<u32>,
    /// The proxy's URL, which may hold a password; empty: no proxy.
    pub proxy_url: Option<Secret>,
    /// Certificates in PEM form that are trusted besides the gateway's own.
    pub ca_pem: Option<String>,
    /// `1.1` or `2`.
    pub http_version: Option<String>,
    /// Private address ranges in CIDR form to which the host's name may resolve.
    pub allowed_private: Vec<String>,
}

/// Amazon Bedrock with Anthropic's models.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BedrockSettings {
    /// For example `eu-central-1`.
    pub region: String,
    /// `invoke` or `mantle`; absent is `invoke`.
    pub protocol: Option<String>,
    /// The model that is asked for in place of what the caller names.
    pub model: Option<String>,
    /// The same for callers that ask for a small and fast model.
    pub small_fast_model: Option<String>,
    /// Static credentials; absent: those of the gateway's machine.
    pub access_key_id: Option<Secret>,
    /// Goes with `access_key_id`.
    pub secret_access_key: Option<Secret>,
    /// Goes with temporary ones.
    pub session_token: Option<Secret>,
    /// The role that is assumed with those credentials.
    pub role_arn: Option<String>,
    /// What is said when it is assumed.
    pub external_id: Option<String>,
    /// A profile of the gateway's own AWS configuration.
    pub profile: Option<String>,
}

impl From<v1::ProviderSettings> for ProviderSettings {
    fn from(settings: v1::ProviderSettings) -> Self {
        Self {
            manners: settings.manners.map(Into::into).unwrap_or_default(),
            bedrock: settings.bedrock.map(Into::into),
        }
    }
}

impl From<v1::Manners> for MannersSettings {
    fn from(manners: v1::Manners) -> Self {
        Self {
            connect_timeout: manners.connect_timeout_ms.map(Duration::from_millis),
            first_byte_timeout: manners.first_byte_timeout_ms.map(Duration::from_millis),
            idle_timeout: manners.idle_timeout_ms.map(Duration::from_millis),
            total_timeout: manners.total_timeout_ms.map(Duration::from_millis),
            max_retries: manners.max_retries,
            proxy_url: manners.proxy_url.map(Secret::new),
            ca_pem: manners.ca_pem,
            http_version: manners.http_version,
            allowed_private: manners.allowed_private,
        }
    }
}

impl From<v1::Bedrock> for BedrockSettings {
    fn from(bedrock: v1::Bedrock) -> Self {
        Self {
            region: bedrock.region,
            protocol: bedrock.protocol,
            model: bedrock.model,
            small_fast_model: bedrock.small_fast_model,
            access_key_id: bedrock.access_key_id.map(Secret::new),
            secret_access_key: bedrock.secret_access_key.map(Secret::new),
            session_token: bedrock.session_token.map(Secret::new),
            role_arn: bedrock.role_arn,
            external_id: bedrock.external_id,
            profile: bedrock.profile,
        }
    }
}

impl ProviderSettings {
    /// Nothing when nothing is set: as a control plane sends it.
    pub(super) fn to_wire(&self) -> Option<v1::ProviderSettings> {
        (*self != Self::default()).then(|| v1::ProviderSettings {
            manners: (self.manners != MannersSettings::default()).then(|| self.manners.to_wire()),
            bedrock: self.bedrock.as_ref().map(BedrockSettings::to_wire),
        })
    }
}

impl MannersSettings {
    fn to_wire(&self) -> v1::Manners {
        v1::Manners {
            connect_timeout_ms: self.connect_timeout.map(millis),
            first_byte_timeout_ms: self.first_byte_timeout.map(millis),
            idle_timeout_ms: self.idle_timeout.map(millis),
            total_timeout_ms: self.total_timeout.map(millis),
            max_retries: self.max_retries,
            proxy_url: self.proxy_url.as_ref().map(exposed),
            ca_pem: self.ca_pem.clone(),
            http_version: self.http_version.clone(),
            allowed_private: self.allowed_private.clone(),
        }
    }
}

impl BedrockSettings {
    fn to_wire(&self) -> v1::Bedrock {
        v1::Bedrock {
            region: self.region.clone(),
            protocol: self.protocol.clone(),
            model: self.model.clone(),
            small_fast_model: self.small_fast_model.clone(),
            access_key_id: self.access_key_id.as_ref().map(exposed),
            secret_access_key: self.secret_access_key.as_ref().map(exposed),
            session_token: self.session_token.as_ref().map(exposed),
            role_arn: self.role_arn.clone(),
            external_id: self.external_id.clone(),
            profile: self.profile.clone(),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn exposed(secret: &Secret) -> String {
    secret.expose().to_owned()
}
