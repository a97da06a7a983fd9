//! Which credential goes to the provider: the caller's own, one of the operator's keys, or none.

use bridge_api::{Format, ProviderType};
use bridge_auth::{KeySource, Scrubbed, Secret, SecretHint};
use bridge_guard::{KeyId, KeyRing, Walk};
use bridge_upstream::{BoundCredential, CredentialStyle};
use http::header::{AUTHORIZATION, HeaderName};
use tokio::time::Instant;

use crate::guard::ProviderKey;
use crate::{InterceptError, Provider};

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// With what a call presents itself.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) keys: Keys,
    pub(crate) kind: KeySource,
    /// Of the credential that will be presented first, masked.
    pub(crate) hint: String,
}

/// The credentials that one call may present, one after the other.
#[derive(Debug)]
pub(crate) enum Keys {
    /// None: Copilot answers some probes without a credential.
    Absent,
    /// The caller's own. It is theirs to look after: there is no other, and no mark is kept of it.
    Own(BoundCredential),
    /// The operator's, with which each attempt is signed anew.
    Signer(BoundCredential),
    /// The operator's.
    Ring(RingWalk),
}

/// The way of one call along the operator's keys.
#[derive(Debug)]
pub(crate) struct RingWalk {
    walk: Walk,
    style: CredentialStyle,
    /// The key that is presented now.
    pub(crate) current: Option<KeyId>,
    /// How many were.
    pub(crate) tried: u32,
    /// The conversation, where there is more than one key.
    conversation: Option<String>,
}

/// Takes the caller's own credential out of the headers, or begins with the operator's keys: with
/// the one that the conversation last used, while it is good.
///
/// Anthropic's format takes a key or a bearer token, and the key wins when both are there, as
/// Claude Code does it; the other formats take a bearer token. A caller in own-key mode who brings
/// nothing is served with the operator's key. Bedrock is always signed with the operator's
/// credentials, whatever a caller brings. Beside the operator's nothing stands in which a provider
/// may see another credential.
pub(crate) fn choose(
    provider: &Provider,
    headers: &mut Scrubbed,
    conversation: Option<&str>,
) -> Result<Chosen, InterceptError> {
    let own = own(provider.format, headers);
    headers.remove(&AUTHORIZATION);
    headers.remove(&X_API_KEY);
    if let Some(bedrock) = &provider.bedrock {
        headers.remove_credentials();
        // With these a caller could interfere with the signature.
        headers.remove_all("x-amz-");
        headers.remove_all("x-amzn-");
        let signer = bedrock.signer.clone();
        return Ok(Chosen {
            hint: signer.hint(),
            keys: Keys::Signer(provider.endpoint.bind_signer(signer)),
            kind: KeySource::Centralized,
        });
    }
    if let Some((secret, style)) = own {
        return Ok(Chosen {
            hint: SecretHint::of(&secret).as_str().to_owned(),
            keys: Keys::Own(provider.endpoint.bind(secret, style)),
            kind: KeySource::Byok,
        });
    }
    headers.remove_credentials();
    let name = || provider.name.to_string();
    let Some(style) = style(provider.provider_type) else {
        return Err(InterceptError::OwnKeyRequired { provider: name() });
    };
    match &provider.guard.ring {
        None => Err(InterceptError::NoKey { provider: name() }),
        Some(ring) => Ok(along(provider, ring, style, conversation)),
    }
}

/// How the operator's key is presented; none where callers bring their own. Azure takes a bearer
/// token for an identity of its own kind, and a key in a header of its own name:
/// <https://learn.microsoft.com/azure/ai-foundry/openai/reference>.
fn style(provider_type: ProviderType) -> Option<CredentialStyle> {
    match provider_type {
        // Bedrock has a signer, and never comes here.
        ProviderType::Copilot | ProviderType::ChatGpt | ProviderType::Bedrock => None,
        ProviderType::Anthropic => Some(CredentialStyle::XApiKey),
        ProviderType::Azure => Some(CredentialStyle::ApiKey),
        ProviderType::OpenAi
        | ProviderType::Google
        | ProviderType::OpenRouter
        | ProviderType::Vercel
        | ProviderType::OpenAiCompat => Some(CredentialStyle::Bearer),
    }
}

impl RingWalk {
    /// The key to present, bound: the same as before while it stands, otherwise the next good one.
    pub(crate) fn present(&mut self, provider: &Provider) -> Option<BoundCredential> {
        let ring = provider.guard.ring.as_ref()?;
        if self.current.is_none() {
            let (id, _) = self.walk.next(ring, Instant::now().into_std())?;
            self.current = Some(id);
            self.tried = self.tried.saturating_add(1);
        }
        let key = self.key(provider)?;
        Some(provider.endpoint.bind(key.secret.clone(), self.style))
    }

    /// Begins anew at the key that was presented last.
    pub(crate) fn renew(&mut self, provider: &Provider) {
        if let Some(ring) = &provider.guard.ring {
            self.walk = ring.walk(self.current.take());
        }
        self.tried = 0;
    }

    /// Whether another key may follow.
    pub(crate) fn may_go_on(&self, provider: &Provider) -> bool {
        let ring = provider.guard.ring.as_ref();
        ring.is_some_and(|ring| ring.keys().len() > 1)
    }

    /// The key that is presented now.
    pub(crate) fn key<'p>(&self, provider: &'p Provider) -> Option<&'p ProviderKey> {
        let ring = provider.guard.ring.as_ref()?;
        ring.keys().get(self.current?.position())
    }

    /// The provider has answered: its conversation stays with this key.
    pub(crate) fn keep(&self, provider: &Provider) {
        if let (Some(conversation), Some(id)) = (&self.conversation, self.current) {
            provider.guard.affinity.keep(conversation, id);
        }
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

fn along(
    provider: &Provider,
    ring: &KeyRing<ProviderKey>,
    style: CredentialStyle,
    conversation: Option<&str>,
) -> Chosen {
    let conversation = conversation.filter(|_| ring.keys().len() > 1);
    let preferred = conversation.and_then(|name| provider.guard.affinity.find(name));
    let walk = ring.walk(preferred);
    // Only to say which will be presented, as things stand.
    let first = { walk }.next(ring, Instant::now().into_std());
    let first = first.map(|(_, key)| key).or(ring.keys().first());
    Chosen {
        hint: first
            .map(|key| key.hint.as_str().to_owned())
            .unwrap_or_default(),
        keys: Keys::Ring(RingWalk {
            walk,
            style,
            current: None,
            tried: 0,
            conversation: conversation.map(str::to_owned),
        }),
        kind: KeySource::Centralized,
    }
}
