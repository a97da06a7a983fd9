//! Which credential goes to the provider: exactly one, or none.

use bridge_api::{Format, ProviderType};
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
    let name = || provider.name.to_string();
    let Some(style) = style(provider.provider_type) else {
        return Err(InterceptError::OwnKeyRequired { provider: name() });
    };
    match provider.keys.first() {
        None => Err(InterceptError::NoKey { provider: name() }),
        Some(key) => Ok(chosen(provider, key.clone(), style, KeySource::Centralized)),
    }
}

/// How the operator's key is presented; none where callers bring their own. Azure takes a bearer
/// token for an identity of its own kind, and a key in a header of its own name:
/// <https://learn.microsoft.com/azure/ai-foundry/openai/reference>.
fn style(provider_type: ProviderType) -> Option<CredentialStyle> {
    match provider_type {
        ProviderType::Copilot | ProviderType::ChatGpt => None,
        ProviderType::Anthropic | ProviderType::Bedrock => Some(CredentialStyle::XApiKey),
        ProviderType::Azure => Some(CredentialStyle::ApiKey),
        ProviderType::OpenAi
        | ProviderType::Google
        | ProviderType::OpenRouter
        | ProviderType::Vercel
        | ProviderType::OpenAiCompat => Some(CredentialStyle::Bearer),
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
