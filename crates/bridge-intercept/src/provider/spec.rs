//! A provider as the control plane describes it, not yet checked.

use std::time::Duration;

use bridge_auth::Secret;

/// A provider as the control plane describes it, not yet checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProviderSpec {
    /// The first segment of the paths that lead to it.
    pub name: String,
    /// `anthropic`, `openai`, `openai-compat` and so on.
    pub provider_type: String,
    /// Whether it may be used.
    pub enabled: bool,
    /// Where it lives. Of `bedrock` it may be empty: the region says it then.
    pub base_url: String,
    /// The operator's keys, in the order of preference.
    pub keys: Vec<Secret>,
    /// How it is connected to.
    pub manners: MannersSpec,
    /// Of providers that are reached through Amazon Bedrock.
    pub bedrock: Option<BedrockSpec>,
}

/// How a provider is connected to, not yet checked. What is absent is as the gateway's own
/// configuration says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MannersSpec {
    /// How long a connection may take, TLS included.
    pub connect_timeout: Option<Duration>,
    /// How long the head of an answer may take.
    pub first_byte_timeout: Option<Duration>,
    /// How long an answer may be silent.
    pub idle_timeout: Option<Duration>,
    /// How long an exchange may take as a whole; zero says that there is no such limit.
    pub total_timeout: Option<Duration>,
    /// How often a request is sent again after an attempt that failed; zero is never.
    pub max_retries: Option<u32>,
    /// The proxy's URL, which may hold a password; empty: no proxy, whatever the environment says.
    pub proxy_url: Option<Secret>,
    /// Certificates in PEM form that are trusted besides the gateway's own.
    pub ca_pem: Option<String>,
    /// `1.1` or `2`; absent: what both sides speak best.
    pub http_version: Option<String>,
    /// Private address ranges in CIDR form to which the host's name may resolve.
    pub allowed_private: Vec<String>,
}

/// Amazon Bedrock with Anthropic's models, not yet checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BedrockSpec {
    /// For example `eu-central-1`.
    pub region: String,
    /// `invoke` or `mantle`; absent is `invoke`.
    pub protocol: Option<String>,
    /// The model that is asked for in place of what the caller names.
    pub model: Option<String>,
    /// The same for callers that ask for a small and fast model.
    pub small_fast_model: Option<String>,
    /// Static credentials; absent: those that are found on the gateway's machine.
    pub access_key_id: Option<Secret>,
    /// Goes with `access_key_id`.
    pub secret_access_key: Option<Secret>,
    /// Goes with temporary ones.
    pub session_token: Option<Secret>,
    /// The role that is assumed with those credentials.
    pub role_arn: Option<String>,
    /// What is said when it is assumed.
    pub external_id: Option<String>,
    /// A profile of the machine's AWS configuration.
    pub profile: Option<String>,
}
