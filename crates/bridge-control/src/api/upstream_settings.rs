//! How a provider is connected to.

use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use super::SecretText;
use super::given::given;
use super::provider_settings::put;
use crate::store::Upstream;

/// How a provider is connected to, without secrets. What is null is as the gateway's own
/// configuration says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct UpstreamView {
    /// How long a connection may take, TLS included, in milliseconds.
    pub connect_timeout_ms: Option<u64>,
    /// How long the head of an answer may take, in milliseconds.
    pub first_byte_timeout_ms: Option<u64>,
    /// How long an answer may be silent, in milliseconds.
    pub idle_timeout_ms: Option<u64>,
    /// How long an exchange may take as a whole, in milliseconds; 0 is no limit.
    pub total_timeout_ms: Option<u64>,
    /// How often a request is sent again after an attempt that failed.
    pub max_retries: Option<u32>,
    /// The proxy, without user name and password; `none` when none is used whatever the gateway's
    /// environment says.
    pub proxy: Option<String>,
    /// Certificates in PEM form that are trusted besides the gateway's own.
    pub ca_pem: Option<String>,
    /// `auto`, `1.1` or `2`.
    pub http_version: Option<String>,
    /// Private address ranges in CIDR form to which the host's name may resolve.
    pub allowed_private: Vec<String>,
}

/// What is to change of how a provider is connected to. What is not given stays as it is, null takes
/// it away.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpstreamChange {
    /// How long a connection may take, TLS included, in milliseconds.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<u64>)]
    pub connect_timeout_ms: Option<Option<u64>>,
    /// How long the head of an answer may take, in milliseconds.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<u64>)]
    pub first_byte_timeout_ms: Option<Option<u64>>,
    /// How long an answer may be silent, in milliseconds.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<u64>)]
    pub idle_timeout_ms: Option<Option<u64>>,
    /// How long an exchange may take as a whole, in milliseconds; 0 is no limit.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<u64>)]
    pub total_timeout_ms: Option<Option<u64>>,
    /// How often a request is sent again after an attempt that failed, at most 10.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<u32>)]
    pub max_retries: Option<Option<u32>>,
    /// The http or https URL of a proxy, with user name and password if it asks for them; an empty
    /// text: no proxy, whatever the gateway's environment says.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>)]
    pub proxy_url: Option<Option<SecretText>>,
    /// Certificates in PEM form that are trusted besides the gateway's own.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>)]
    pub ca_pem: Option<Option<String>>,
    /// `auto`, `1.1` or `2`.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>)]
    pub http_version: Option<Option<String>>,
    /// Private address ranges in CIDR form to which the host's name may resolve; replaces all.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<Vec<String>>)]
    pub allowed_private: Option<Option<Vec<String>>>,
}

impl From<&Upstream> for UpstreamView {
    fn from(upstream: &Upstream) -> Self {
        Self {
            connect_timeout_ms: upstream.connect_timeout_ms,
            first_byte_timeout_ms: upstream.first_byte_timeout_ms,
            idle_timeout_ms: upstream.idle_timeout_ms,
            total_timeout_ms: upstream.total_timeout_ms,
            max_retries: upstream.max_retries,
            proxy: upstream.proxy_url.as_ref().map(place),
            ca_pem: upstream.ca_pem.clone(),
            http_version: upstream.http_version.clone(),
            allowed_private: upstream.allowed_private.clone(),
        }
    }
}

/// Scheme, host and port of a proxy. Nothing else of it is shown.
fn place(proxy: &SecretText) -> String {
    if proxy.expose().is_empty() {
        return "none".to_owned();
    }
    let url = Url::parse(proxy.expose()).ok();
    let place = url.as_ref().and_then(|url| {
        let host = url.host_str()?;
        let port = url.port().map(|port| format!(":{port}"));
        Some(format!(
            "{}://{host}{}",
            url.scheme(),
            port.unwrap_or_default()
        ))
    });
    place.unwrap_or_else(|| "unreadable".to_owned())
}

impl UpstreamChange {
    /// These settings, with what is given changed.
    pub(crate) fn onto(&self, mut to: Upstream) -> Upstream {
        let given = self.clone();
        put(&mut to.connect_timeout_ms, given.connect_timeout_ms);
        put(&mut to.first_byte_timeout_ms, given.first_byte_timeout_ms);
        put(&mut to.idle_timeout_ms, given.idle_timeout_ms);
        put(&mut to.total_timeout_ms, given.total_timeout_ms);
        put(&mut to.max_retries, given.max_retries);
        put(&mut to.proxy_url, given.proxy_url);
        put(&mut to.ca_pem, given.ca_pem);
        put(&mut to.http_version, given.http_version);
        if let Some(ranges) = given.allowed_private {
            to.allowed_private = ranges.unwrap_or_default();
        }
        to
    }
}
