//! Sets of providers as they come, and a sealed copy of the last one for a start without the
//! control plane.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bridge_rpc::{ProviderWatch, RemoteAuthorizer, SealedProviders, Snapshot};
use bridge_telemetry::{ErrorChain, keys};
use slog::{Logger, info, warn};
use tokio::time::{Instant, timeout};

use super::plane::Plane;
use super::reload::Generations;
use crate::config::Config;

/// How long the control plane may take to send its providers before the copy is looked at.
const PATIENCE: Duration = Duration::from_secs(2);

/// The copy, and what says whether it may be used.
pub(super) struct Copy {
    sealed: SealedProviders,
    authorizer: Arc<RemoteAuthorizer>,
    logger: Logger,
}

/// The copy of a gateway whose control plane is another process, unless none is wanted. One that is
/// no longer wanted is taken away.
pub(super) fn copy(
    config: &Config,
    plane: &Plane,
    folder: &Path,
    authorizer: &Arc<RemoteAuthorizer>,
    logger: &Logger,
) -> Option<Copy> {
    // Without a grace nobody is let in whom it could serve.
    let has_grace = config.auth.cache.0.is_some() && config.auth.grace.0.is_some();
    let control = config.control.as_ref();
    let Some(control) = control.filter(|control| control.provider_cache && has_grace) else {
        if let Err(cause) = SealedProviders::forget(folder) {
            warn!(logger, "sealed providers cannot be removed"; keys::ERROR => ErrorChain(&cause));
        }
        return None;
    };
    let sealed = SealedProviders::new(folder, control.gateway_key.clone(), plane.channel());
    Some(Copy {
        sealed,
        authorizer: Arc::clone(authorizer),
        logger: logger.clone(),
    })
}

/// Takes every set that comes. When the first one does not come, the copy is used meanwhile.
pub(super) async fn follow(generations: Generations, mut watch: ProviderWatch, copy: Option<Copy>) {
    let mut first = None;
    if let Some(copy) = &copy {
        match timeout(PATIENCE, watch.changed()).await {
            Ok(changed) => first = changed,
            Err(_) => copy.bridge(&generations).await,
        }
    }
    while let Some(snapshot) = match first.take() {
        Some(snapshot) => Some(snapshot),
        None => watch.changed().await,
    } {
        let is_taken = generations.take(&snapshot);
        if let (true, Some(copy)) = (is_taken, &copy) {
            copy.keep(snapshot).await;
        }
    }
}

impl Copy {
    /// Uses the copy if known callers are let in anyway. So it is never older than the grace allows.
    async fn bridge(&self, generations: &Generations) {
        let has_grace = self
            .authorizer
            .outage()
            .is_some_and(|outage| Instant::now() < outage.until);
        if !has_grace {
            return;
        }
        match self.sealed.read().await {
            Ok(Some(snapshot)) => {
                info!(self.logger, "control plane is away, the providers of last time are used";
                    keys::GENERATION => snapshot.generation);
                generations.take(&snapshot);
            }
            Ok(None) => {}
            Err(cause) => warn!(self.logger, "sealed providers cannot be used";
                keys::ERROR => ErrorChain(&cause)),
        }
    }

    async fn keep(&self, snapshot: Arc<Snapshot>) {
        if let Err(cause) = self.sealed.keep(snapshot).await {
            warn!(self.logger, "providers cannot be sealed: a start without the control plane has \
                none, or older ones"; keys::ERROR => ErrorChain(&cause));
        }
    }
}
