//! The set of providers, and the stream of its changes.

use bridge_proto::v1::provider_configurator_service_server::ProviderConfiguratorService;
use bridge_proto::v1::{
    GetProvidersRequest, GetProvidersResponse, Provider, ProviderSet, WatchProvidersRequest,
    WatchProvidersResponse,
};
use futures_util::{StreamExt as _, stream};
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use super::{Service, Watch};
use crate::store::{ProviderSet as StoredSet, StoredProvider};

#[tonic::async_trait]
impl ProviderConfiguratorService for Service {
    async fn get_providers(
        &self,
        _: Request<GetProvidersRequest>,
    ) -> Result<Response<GetProvidersResponse>, Status> {
        let providers = Some(self.providers().await?);
        Ok(Response::new(GetProvidersResponse { providers }))
    }

    type WatchProvidersStream = Watch<WatchProvidersResponse>;

    async fn watch_providers(
        &self,
        _: Request<WatchProvidersRequest>,
    ) -> Result<Response<Self::WatchProvidersStream>, Status> {
        let watcher = Watcher {
            service: self.clone(),
            changes: self.control.0.provider_changes.subscribe(),
            sent: None,
        };
        let sets = stream::unfold(Some(watcher), Watcher::step);
        let watch = sets.take_until(Box::pin(self.closed()));
        Ok(Response::new(Box::pin(watch)))
    }
}

impl Service {
    async fn providers(&self) -> Result<ProviderSet, Status> {
        let set = self.control.0.store.provider_set().await;
        set.map(message).map_err(|cause| self.unavailable(&cause))
    }
}

/// One subscriber. Changes that happen while it takes a set are one change to it.
struct Watcher {
    service: Service,
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
            let set = match watcher.service.providers().await {
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

fn message(set: StoredSet) -> ProviderSet {
    ProviderSet {
        generation: set.generation,
        providers: set.providers.into_iter().map(provider).collect(),
    }
}

/// Keys of a disabled provider stay at home.
fn provider(stored: StoredProvider) -> Provider {
    let keys = stored.keys.iter().filter(|_| stored.enabled);
    Provider {
        keys: keys.map(|key| key.expose().to_owned()).collect(),
        name: stored.name,
        r#type: stored.kind.as_str().to_owned(),
        enabled: stored.enabled,
        base_url: stored.base_url,
    }
}
