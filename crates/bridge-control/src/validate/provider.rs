//! The rules for providers: type, address, keys and settings.

use std::collections::HashSet;
use std::net::IpAddr;

use url::Url;

use super::{Checked, ensure, provider_name};
use crate::api::{BEDROCK, BedrockChange, ProviderType, SecretText, VERSION};
use crate::error::ControlError;
use crate::store::{Bedrock, StoredProvider, Upstream};

/// Keys that a provider may have.
pub(crate) const MOST_PROVIDER_KEYS: usize = 5;

const BASE_URL: usize = 2_048;
const PROVIDER_KEY: usize = 4_096;
/// Of names for people, icons, models, profiles.
const TEXT: usize = 256;
/// The longest icon: an address, or a small picture as a data URL.
const ICON: usize = 16 << 10;
/// A role's ARN, which holds a path of at most 512 and a name of at most 64 characters:
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html>.
const ARN: usize = 640;
/// A few certificates; a request's body may be 64 KiB.
const CA_PEM: usize = 48 << 10;
const RANGES: usize = 32;
/// A day: nobody waits longer for one answer.
const LONGEST_MS: u64 = 24 * 60 * 60 * 1_000;
const MOST_RETRIES: u32 = 10;

/// A whole provider.
pub(crate) fn provider(provider: &StoredProvider) -> Checked {
    provider_name(&provider.name)?;
    short("display_name", &provider.display_name, TEXT)?;
    short("icon", &provider.icon, ICON)?;
    if !(provider.kind == ProviderType::Bedrock && provider.base_url.is_empty()) {
        base_url(provider.kind, &provider.base_url)?;
    }
    let keys = provider.keys.iter();
    let keys: Vec<_> = keys
        .map(|key| SecretText::from(key.secret.clone()))
        .collect();
    provider_keys(provider.kind, &keys)?;
    match (&provider.bedrock, provider.kind) {
        (None, ProviderType::Bedrock) => {
            return Err(ControlError::invalid(
                "settings",
                "are required for bedrock providers",
            ));
        }
        (Some(bedrock), ProviderType::Bedrock) => self::bedrock(bedrock)?,
        (Some(_), _) => {
            return Err(ControlError::invalid(
                "settings",
                "of bedrock are only for providers of type anthropic and bedrock",
            ));
        }
        (None, _) => {}
    }
    provider.upstream.as_ref().map_or(Ok(()), upstream)
}

/// It was the operator's own word, and no secret.
pub(crate) fn provider_type(name: &str) -> Checked<ProviderType> {
    ProviderType::from_name(name).ok_or_else(|| {
        let name: String = name.chars().take(64).collect();
        ControlError::invalid("type", format!("unsupported provider type {name:?}"))
    })
}

/// Azure's addresses of old say the version of the API in their query.
pub(crate) fn base_url(kind: ProviderType, text: &str) -> Checked {
    if kind == ProviderType::Azure {
        address("base_url", text, Query::Allowed)
    } else {
        address("base_url", text, Query::Refused)
    }
}

/// Whether an address may have a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Query {
    Allowed,
    Refused,
}

/// An address as gateways take it.
pub(super) fn address(field: &'static str, text: &str, query: Query) -> Checked {
    ensure(text.len() <= BASE_URL, field, "at most 2,048 characters")?;
    let url = Url::parse(text).ok();
    // Browsers, and so the parser, repair a missing host, single slashes, backslashes and letters
    // beyond ASCII. Gateways do not.
    let is_whole = |url: &Url| {
        let parts = text.split_once("://");
        parts.is_some_and(|(scheme, rest)| {
            scheme.eq_ignore_ascii_case(url.scheme()) && !rest.starts_with('/')
        })
    };
    let is_web = url.as_ref().is_some_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && is_visible(text)
            && !text.contains('\\')
            && is_whole(url)
    });
    ensure(
        is_web,
        field,
        "must be an absolute http or https address in ASCII",
    )?;
    let is_bare = url.is_some_and(|url| {
        let has_user = !url.username().is_empty() || url.password().is_some();
        let may_ask = query == Query::Allowed || url.query().is_none();
        !has_user && may_ask && url.fragment().is_none()
    });
    let rule = match query {
        Query::Allowed => "must have no fragment or user information",
        Query::Refused => "must have no query, fragment or user information",
    };
    ensure(is_bare, field, rule)
}

/// Callers of Copilot and ChatGPT bring tokens of their own, and Bedrock has credentials of another
/// kind.
pub(crate) fn provider_keys(kind: ProviderType, keys: &[SecretText]) -> Checked {
    let field = "api_keys";
    let takes_keys = kind.takes_keys() || keys.is_empty();
    ensure(takes_keys, field, "this type of provider takes no keys")?;
    ensure(keys.len() <= MOST_PROVIDER_KEYS, field, "at most 5 keys")?;
    for key in keys {
        provider_key(field, key)?;
    }
    let different: HashSet<_> = keys.iter().map(SecretText::expose).collect();
    ensure(different.len() == keys.len(), field, "a key is given twice")
}

/// A key is sent in a header: visible ASCII only.
pub(crate) fn provider_key(field: &'static str, key: &SecretText) -> Checked {
    ensure(
        is_visible(key.expose()) && key.expose().len() <= PROVIDER_KEY,
        field,
        "a key has 1 to 4,096 characters of visible ASCII, no white space",
    )
}

/// What only the server may say, and what says of which form the settings are.
pub(crate) fn bedrock_change(change: &BedrockChange, external_id: Option<&str>) -> Checked {
    let is_ours = change.kind.as_deref().is_none_or(|kind| kind == BEDROCK);
    ensure(is_ours, "settings._type", "must be \"bedrock\"")?;
    let is_known = change.version.is_none_or(|version| version == VERSION);
    ensure(is_known, "settings._version", "must be 1")?;
    ensure(
        change.access_key_id.is_some() == change.secret_access_key.is_some(),
        "settings.secret_access_key",
        "goes together with access_key_id: give both or none",
    )?;
    let given = change.external_id.as_deref();
    ensure(
        given.is_none() || given == external_id,
        "settings.external_id",
        "is generated by the server and cannot be set",
    )
}

fn bedrock(bedrock: &Bedrock) -> Checked {
    ensure(
        is_region(&bedrock.region),
        "settings.region",
        "must be an AWS region like eu-central-1",
    )?;
    let protocol = bedrock.protocol.as_deref();
    ensure(
        matches!(protocol, None | Some("invoke" | "mantle")),
        "settings.protocol",
        "must be \"invoke\" or \"mantle\"",
    )?;
    for (field, text) in [
        ("settings.model", &bedrock.model),
        ("settings.small_fast_model", &bedrock.small_fast_model),
        ("settings.profile", &bedrock.profile),
    ] {
        let is_good = |text: &String| is_visible(text) && text.len() <= TEXT;
        let rule = "1 to 256 characters of visible ASCII, no white space";
        ensure(text.as_ref().is_none_or(is_good), field, rule)?;
    }
    credentials(bedrock)?;
    let is_role = |arn: &String| is_role_arn(arn);
    ensure(
        bedrock.role_arn.as_ref().is_none_or(is_role),
        "settings.role_arn",
        "must be the ARN of an IAM role, like arn:aws:iam::123456789012:role/name",
    )
}

fn credentials(bedrock: &Bedrock) -> Checked {
    for (field, secret) in [
        ("settings.access_key_id", &bedrock.access_key_id),
        ("settings.secret_access_key", &bedrock.secret_access_key),
        ("settings.session_token", &bedrock.session_token),
    ] {
        if let Some(secret) = secret {
            provider_key(field, secret)?;
        }
    }
    let has_id = bedrock.access_key_id.is_some();
    ensure(
        has_id == bedrock.secret_access_key.is_some(),
        "settings.secret_access_key",
        "goes together with access_key_id: give both or none",
    )?;
    ensure(
        has_id || bedrock.session_token.is_none(),
        "settings.session_token",
        "needs access_key_id and secret_access_key",
    )?;
    ensure(
        !(has_id && bedrock.profile.is_some()),
        "settings.profile",
        "is another way than access_key_id: give one of them",
    )
}

/// It becomes a part of a host name.
fn is_region(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=32).contains(&name.len()) && name.bytes().all(is_plain)
}

/// `arn:PARTITION:iam::ACCOUNT:role/PATH-AND-NAME`.
fn is_role_arn(text: &str) -> bool {
    let parts: Vec<_> = text.splitn(6, ':').collect();
    let [arn, partition, service, region, account, role] = parts.as_slice() else {
        return false;
    };
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let name = role.strip_prefix("role/");
    let is_named = name.is_some_and(|name| is_visible(name) && !name.ends_with('/'));
    *arn == "arn"
        && partition.starts_with("aws")
        && *service == "iam"
        && region.is_empty()
        && is_account
        && is_named
        && text.len() <= ARN
}

pub(super) fn upstream(upstream: &Upstream) -> Checked {
    for (field, span, least) in [
        (
            "upstream.connect_timeout_ms",
            upstream.connect_timeout_ms,
            1,
        ),
        (
            "upstream.first_byte_timeout_ms",
            upstream.first_byte_timeout_ms,
            1,
        ),
        ("upstream.idle_timeout_ms", upstream.idle_timeout_ms, 1),
        ("upstream.total_timeout_ms", upstream.total_timeout_ms, 0),
    ] {
        let is_good = span.is_none_or(|span| (least..=LONGEST_MS).contains(&span));
        let rule = format!("must be a number of milliseconds from {least} to {LONGEST_MS}");
        ensure(is_good, field, &rule)?;
    }
    let retries = upstream.max_retries.unwrap_or_default();
    ensure(
        retries <= MOST_RETRIES,
        "upstream.max_retries",
        "at most 10",
    )?;
    if let Some(proxy) = &upstream.proxy_url {
        ensure(
            is_proxy(proxy.expose()),
            "upstream.proxy_url",
            "must be an http or https address, or empty for no proxy",
        )?;
    }
    let is_pem = |pem: &String| pem.contains("-----BEGIN CERTIFICATE-----") && pem.len() <= CA_PEM;
    ensure(
        upstream.ca_pem.as_ref().is_none_or(is_pem),
        "upstream.ca_pem",
        "must hold certificates in PEM form, at most 48 KiB",
    )?;
    ensure(
        matches!(
            upstream.http_version.as_deref(),
            None | Some("auto" | "1.1" | "2")
        ),
        "upstream.http_version",
        "must be \"auto\", \"1.1\" or \"2\"",
    )?;
    let ranges = &upstream.allowed_private;
    ensure(
        ranges.len() <= RANGES && ranges.iter().all(|range| is_range(range)),
        "upstream.allowed_private",
        "at most 32 address ranges like 10.0.0.0/8 or fd00::/8",
    )
}

fn is_proxy(text: &str) -> bool {
    let is_web = |url: Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    text.is_empty() || (text.len() <= BASE_URL && Url::parse(text).is_ok_and(is_web))
}

/// An address and the length of its prefix.
fn is_range(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else {
        return false;
    };
    let most = match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    length.parse::<u8>().is_ok_and(|length| length <= most)
}

pub(super) fn is_visible(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn short(field: &'static str, text: &str, most: usize) -> Checked {
    let is_plain = !text.chars().any(char::is_control);
    let rule = format!("at most {most} characters, no control characters");
    ensure(is_plain && text.chars().count() <= most, field, &rule)
}

#[cfg(test)]
mod tests;
