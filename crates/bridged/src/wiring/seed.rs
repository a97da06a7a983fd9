//! What the embedded control plane begins with.

use bridge_control::ControlServer;
use bridge_control::api::ProviderSpec;

use super::StartError;
use crate::config::{Config, Provider};

/// Stores the configured providers. What a file says holds at each start; the two that exist
/// without a file are made once, and changed later only when the environment brings keys, so that
/// a start does not undo what an operator has set.
pub(super) async fn providers(
    control: &ControlServer,
    config: &Config,
    is_from_file: bool,
) -> Result<(), StartError> {
    let mut wanted = Vec::new();
    for provider in &config.providers {
        let says_nothing_new = !is_from_file && provider.keys.is_empty();
        if says_nothing_new && control.provider(&provider.name).await.is_ok() {
            continue;
        }
        check(control, provider)?;
        wanted.push(provider);
    }
    put(control, wanted).await.map(|_| ())
}

/// Says what is wrong with a provider, and stores nothing.
pub(super) fn check(control: &ControlServer, provider: &Provider) -> Result<(), StartError> {
    let checked = control.check_provider(&provider.name, &spec(provider));
    checked.map_err(|source| StartError::Seed {
        name: provider.name.clone(),
        source,
    })
}

/// Stores all of these providers, or none of them. Says the generation of the set that has them.
pub(super) async fn put(
    control: &ControlServer,
    providers: Vec<&Provider>,
) -> Result<Option<u64>, StartError> {
    let specs = providers
        .into_iter()
        .map(|one| (one.name.clone(), spec(one)));
    let put = control.put_providers(specs.collect()).await;
    put.map_err(StartError::SeedAll)
}

fn spec(provider: &Provider) -> ProviderSpec {
    let keys: Vec<_> = provider.keys.iter().cloned().map(Into::into).collect();
    ProviderSpec {
        kind: provider.kind.as_str().to_owned(),
        base_url: Some(provider.base_url.as_str().to_owned()),
        enabled: provider.enabled,
        // Keys that were stored through the operator's API stay when the configuration has none.
        keys: (!keys.is_empty()).then_some(keys),
        ..ProviderSpec::default()
    }
}
