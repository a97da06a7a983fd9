//! Which credential goes to the provider: exactly one, or none.

use bridge_api::Format;
use bridge_auth::{KeySource, Scrubbed, Secret, SecretHint};
use bridge_upstream::{BoundCredential, CredentialStyle};
use http::header::{AUTHORIZATION, HeaderName};

use crate::{InterceptError, Provider};

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// The credential of one exchange.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) credential: BoundCredential,
    pub(crate) kind: KeySource,
    pub(crate) hint: SecretHint,
}

/// Takes the caller's own credential out of the headers, or the operator's key.
///
/// Anthropic's format takes a key or a bearer token, and the key wins when both are there, as
/// Claude Code does it; the other formats take a bearer token. A caller in own-key mode who brings
/// nothing is served with the operator's key.
pub(crate) fn choose(
    provider: &Provider,
    headers: &mut Scrubbed,
) -> Result<Chosen, InterceptError> {
    let own = own(provider.format, headers);
    headers.remove(&AUTHORIZATION);
    headers.remove(&X_API_KEY);
    if let Some((secret, style)) = own {
        return Ok(chosen(provider, secret, style, KeySource::Byok));
    }
    match (provider.format, provider.keys.first()) {
        (Format::Copilot, _) => Err(InterceptError::OwnKeyRequired {
            provider: provider.name.to_string(),
        }),
        (_, None) => Err(InterceptError::NoKey {
            provider: provider.name.to_string(),
        }),
        (Format::Anthropic, Some(key)) => Ok(chosen(
            provider,
            key.clone(),
            CredentialStyle::XApiKey,
            KeySource::Centralized,
        )),
        (Format::OpenAi, Some(key)) => Ok(chosen(
            provider,
            key.clone(),
            CredentialStyle::Bearer,
            KeySource::Centralized,
        )),
    }
}

fn own(format: Format, headers: &Scrubbed) -> Option<(Secret, CredentialStyle)> {
    let bearer = || {
        headers
            .own_bearer()
            .map(|secret| (secret, CredentialStyle::Bearer))
    };
    match format {
        Format::Anthropic => headers
            .own_api_key()
            .map(|secret| (secret, CredentialStyle::XApiKey))
            .or_else(bearer),
        Format::OpenAi | Format::Copilot => bearer(),
    }
}

fn chosen(provider: &Provider, secret: Secret, style: CredentialStyle, kind: KeySource) -> Chosen {
    let hint = SecretHint::of(&secret);
    Chosen {
        credential: provider.endpoint.bind(secret, style),
        kind,
        hint,
    }
}
