//! The set of providers as plain data.

use bridge_auth::Secret;
use bridge_proto::v1;

mod settings;

pub use settings::{BedrockSettings, MannersSettings, ProviderSettings};

/// A whole set of providers, as the control plane has it. Whether it can be used is for others to
/// judge: nothing in it was validated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Grows with every change in one control plane.
    pub generation: u64,
    /// In the order of the control plane.
    pub providers: Vec<ProviderSnapshot>,
}

/// One provider of a [`Snapshot`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderSnapshot {
    /// The first segment of the path.
    pub name: String,
    /// Which kind of provider: `anthropic`, `openai`, ...
    pub provider_type: String,
    /// Disabled providers are named so that callers get a clear answer.
    pub enabled: bool,
    /// Where it is.
    pub base_url: String,
    /// The operator's keys, in the order of preference.
    pub keys: Vec<Secret>,
    /// What is peculiar to it.
    pub settings: ProviderSettings,
}

impl From<v1::ProviderSet> for Snapshot {
    fn from(set: v1::ProviderSet) -> Self {
        Self {
            generation: set.generation,
            providers: set.providers.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<&Snapshot> for v1::ProviderSet {
    fn from(set: &Snapshot) -> Self {
        Self {
            generation: set.generation,
            providers: set.providers.iter().map(Into::into).collect(),
        }
    }
}

impl From<&ProviderSnapshot> for v1::Provider {
    fn from(provider: &ProviderSnapshot) -> Self {
        let keys = provider.keys.iter().map(|key| key.expose().to_owned());
        Self {
            name: provider.name.clone(),
            r#type: provider.provider_type.clone(),
            enabled: provider.enabled,
            base_url: provider.base_url.clone(),
            keys: keys.collect(),
            settings: provider.settings.to_wire(),
        }
    }
}

impl From<v1::Provider> for ProviderSnapshot {
    fn from(provider: v1::Provider) -> Self {
        Self {
            name: provider.name,
            provider_type: provider.r#type,
            enabled: provider.enabled,
            base_url: provider.base_url,
            keys: provider.keys.into_iter().map(Secret::new).collect(),
            settings: provider.settings.map(Into::into).unwrap_or_default(),
        }
    }
}
