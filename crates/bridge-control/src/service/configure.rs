//! The set of providers, and the stream of its changes.

use bridge_proto::v1::provider_configurator_service_server::ProviderConfiguratorService;
use bridge_proto::v1::{
    self, GetProvidersRequest, GetProvidersResponse, Manners, Provider, ProviderSet,
    ProviderSettings, WatchProvidersRequest, WatchProvidersResponse,
};
use bridge_telemetry::keys;
use futures_util::{StreamExt as _, stream};
use slog::error;
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use super::{Service, Watch};
use crate::api::{ProviderType, SecretText};
use crate::store::{Bedrock, ProviderSet as StoredSet, StoredProvider, Upstream};

#[tonic::async_trait]
impl ProviderConfiguratorService for Service {
    async fn get_providers(
        &self,
        request: Request<GetProvidersRequest>,
    ) -> Result<Response<GetProvidersResponse>, Status> {
        let types = Types::of(request.into_inner().takes_every_type);
        let providers = Some(self.providers(types).await?);
        Ok(Response::new(GetProvidersResponse { providers }))
    }

    type WatchProvidersStream = Watch<WatchProvidersResponse>;

    async fn watch_providers(
        &self,
        request: Request<WatchProvidersRequest>,
    ) -> Result<Response<Self::WatchProvidersStream>, Status> {
        let watcher = Watcher {
            service: self.clone(),
            types: Types::of(request.into_inner().takes_every_type),
            changes: self.control.0.provider_changes.subscribe(),
            sent: None,
        };
        let sets = stream::unfold(Some(watcher), Watcher::step);
        let watch = sets.take_until(Box::pin(self.closed()));
        Ok(Response::new(Box::pin(watch)))
    }
}

/// Which types of providers a gateway can be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Types {
    /// It marks those that it cannot use.
    Every,
    /// It would refuse the whole set for one that it does not know.
    First,
}

impl Types {
    fn of(takes_every_type: bool) -> Self {
        if takes_every_type {
            Self::Every
        } else {
            Self::First
        }
    }

    fn include(self, kind: ProviderType) -> bool {
        match kind {
            ProviderType::Bedrock | ProviderType::ChatGpt => self == Self::Every,
            ProviderType::Anthropic
            | ProviderType::OpenAi
            | ProviderType::Copilot
            | ProviderType::Azure
            | ProviderType::Google
            | ProviderType::OpenRouter
            | ProviderType::Vercel
            | ProviderType::OpenAiCompat => true,
        }
    }
}

impl Service {
    async fn providers(&self, types: Types) -> Result<ProviderSet, Status> {
        let set = self.control.0.store.provider_set().await;
        let set = set.map_err(|cause| self.unavailable(&cause))?;
        for provider in &set.unreadable {
            error!(self.control.0.logger, "provider left out, its settings cannot be read";
                keys::PROVIDER => &provider.name);
        }
        Ok(message(set, types))
    }
}

/// One subscriber. Changes that happen while it takes a set are one change to it.
struct Watcher {
    service: Service,
    types: Types,
    changes: watch::Receiver<()>,
    sent: Option<u64>,
}

type Item = Result<WatchProvidersResponse, Status>;

impl Watcher {
    /// The next set that the subscriber has not seen; the stream ends after an error.
    async fn step(watcher: Option<Self>) -> Option<(Item, Option<Self>)> {
        let mut watcher = watcher?;
        loop {
            // Marked before reading: a change in between is read twice rather than missed.
            watcher.changes.mark_unchanged();
            let set = match watcher.service.providers(watcher.types).await {
                Ok(set) => set,
                Err(status) => return Some((Err(status), None)),
            };
            if watcher.sent != Some(set.generation) {
                watcher.sent = Some(set.generation);
                let providers = Some(set);
                return Some((Ok(WatchProvidersResponse { providers }), Some(watcher)));
            }
            watcher.changes.changed().await.ok()?;
        }
    }
}

fn message(set: StoredSet, types: Types) -> ProviderSet {
    let told = set.providers.into_iter();
    let told = told.filter(|provider| types.include(provider.kind));
    ProviderSet {
        generation: set.generation,
        providers: told.map(provider).collect(),
    }
}

/// Secrets of a disabled provider stay at home.
fn provider(stored: StoredProvider) -> Provider {
    let keys = stored.keys.iter().filter(|_| stored.enabled);
    Provider {
        keys: keys.map(|key| key.secret.expose().to_owned()).collect(),
        name: stored.name,
        r#type: stored.kind.as_str().to_owned(),
        enabled: stored.enabled,
        base_url: stored.base_url,
        settings: settings(stored.enabled, stored.bedrock, stored.upstream),
    }
}

fn settings(
    enabled: bool,
    bedrock: Option<Bedrock>,
    upstream: Option<Upstream>,
) -> Option<ProviderSettings> {
    (bedrock.is_some() || upstream.is_some()).then(|| ProviderSettings {
        bedrock: bedrock.map(|bedrock| bedrock_message(enabled, bedrock)),
        manners: upstream.map(|upstream| manners(enabled, upstream)),
    })
}

fn bedrock_message(enabled: bool, bedrock: Bedrock) -> v1::Bedrock {
    let told = |secret: Option<SecretText>| {
        let secret = secret.filter(|_| enabled);
        secret.map(|secret| secret.expose().to_owned())
    };
    v1::Bedrock {
        region: bedrock.region,
        protocol: bedrock.protocol,
        model: bedrock.model,
        small_fast_model: bedrock.small_fast_model,
        access_key_id: told(bedrock.access_key_id),
        secret_access_key: told(bedrock.secret_access_key),
        session_token: told(bedrock.session_token),
        role_arn: bedrock.role_arn,
        external_id: bedrock.external_id,
        profile: bedrock.profile,
    }
}

pub(super) fn manners(enabled: bool, upstream: Upstream) -> Manners {
    let proxy = upstream.proxy_url.filter(|_| enabled);
    Manners {
        connect_timeout_ms: upstream.connect_timeout_ms,
        first_byte_timeout_ms: upstream.first_byte_timeout_ms,
        idle_timeout_ms: upstream.idle_timeout_ms,
        total_timeout_ms: upstream.total_timeout_ms,
        max_retries: upstream.max_retries,
        proxy_url: proxy.map(|proxy| proxy.expose().to_owned()),
        ca_pem: upstream.ca_pem,
        http_version: upstream.http_version,
        allowed_private: upstream.allowed_private,
    }
}
