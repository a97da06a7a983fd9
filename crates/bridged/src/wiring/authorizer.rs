//! Who may come in: the authorizer, and its copy of the known grants.

use std::path::Path;
use std::sync::Arc;

use bridge_rpc::{RemoteAuthorizer, forget_kept_grants};
use bridge_telemetry::{ErrorChain, keys};
use slog::{Logger, warn};

use super::StartError;
use super::plane::Plane;
use super::translate::authorizer_config;
use crate::config::Config;

/// Begins to follow revocations. Grants are copied into the data folder only when the control plane
/// is another process: an embedded one is there when the gateway is. A copy that is no longer
/// wanted is taken away.
///
/// # Errors
/// When the system has no random numbers.
pub(super) async fn start(
    config: &Config,
    plane: &Plane,
    folder: &Path,
    logger: &Logger,
) -> Result<Arc<RemoteAuthorizer>, StartError> {
    let (channel, settings) = (plane.channel(), authorizer_config(config));
    let is_kept = match plane {
        Plane::Embedded(_) => false,
        Plane::Remote(_) => config.auth.grant_cache,
    };
    let started = if is_kept {
        RemoteAuthorizer::start_kept(channel, settings, folder).await
    } else {
        if let Err(cause) = forget_kept_grants(folder) {
            warn!(logger, "kept grants cannot be removed"; keys::ERROR => ErrorChain(&cause));
        }
        RemoteAuthorizer::start(channel, settings)
    };
    started.map(Arc::new).map_err(StartError::Random)
}
