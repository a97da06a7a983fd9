//! A provider as this process serves it, as the operator's API shows it.

use bridge_api::ProviderType;
use bridge_intercept::{ListedProvider, ProviderSet, ProviderState};
use bridge_telemetry::ErrorChain;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A provider of the set that is in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct ProviderStatusView {
    /// The first segment of the paths that lead to it.
    pub(crate) name: String,
    /// Its type; null when this version does not know it.
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    /// `enabled`, `disabled`, or `error` when it cannot be used as it is set up.
    pub(crate) status: String,
    /// Why it cannot be used; null otherwise.
    pub(crate) reason: Option<String>,
    /// How many keys the operator gave it.
    pub(crate) keys: usize,
    /// How its keys are now; null when it is not enabled.
    pub(crate) ring: Option<KeyRingView>,
}

/// How the keys of a provider are now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct KeyRingView {
    /// May be used.
    pub(crate) valid: usize,
    /// Were used too often, and rest.
    pub(crate) rate_limited: usize,
    /// Were refused by the provider, and rest.
    pub(crate) unauthorized: usize,
}

impl ProviderStatusView {
    /// All providers of a set, by name.
    pub(crate) fn all(set: &ProviderSet) -> Vec<Self> {
        set.list().into_iter().map(Self::of).collect()
    }

    fn of(provider: &ListedProvider) -> Self {
        let (status, ring) = match &provider.state {
            ProviderState::Enabled(built) => {
                let counts = built.key_counts();
                let ring = KeyRingView {
                    valid: counts.valid,
                    rate_limited: counts.rate_limited,
                    unauthorized: counts.unauthorized,
                };
                ("enabled", Some(ring))
            }
            ProviderState::Disabled => ("disabled", None),
            ProviderState::Error(_) => ("error", None),
        };
        let kind = provider.provider_type.map(ProviderType::as_str);
        Self {
            name: provider.name.to_string(),
            kind: kind.map(str::to_owned),
            status: status.to_owned(),
            reason: provider
                .error()
                .map(|reason| ErrorChain(reason).to_string()),
            keys: provider.keys,
            ring,
        }
    }
}

#[cfg(test)]
mod tests {
    use bridge_auth::Secret;
    use bridge_intercept::ProviderSpec;

    use super::*;

    #[test]
    fn each_provider_says_how_it_is() {
        let spec = |name: &str, kind: &str, enabled: bool| ProviderSpec {
            name: name.to_owned(),
            provider_type: kind.to_owned(),
            enabled,
            base_url: "https://h".to_owned(),
            keys: vec![Secret::new("operator-key".to_owned())],
            ..ProviderSpec::default()
        };
        let set = ProviderSet::try_new(vec![
            spec("odd", "gemini", true),
            spec("off", "openai", false),
            spec("good", "anthropic", true),
        ]);
        let views = ProviderStatusView::all(&set.unwrap());
        let shown = serde_json::to_value(&views).unwrap();
        let ring = serde_json::json!({"valid": 1, "rate_limited": 0, "unauthorized": 0});
        let expected = serde_json::json!([
            {"name": "good", "type": "anthropic", "status": "enabled", "reason": null, "keys": 1,
             "ring": ring},
            {"name": "odd", "type": null, "status": "error",
             "reason": "unsupported provider type \"gemini\"", "keys": 1, "ring": null},
            {"name": "off", "type": "openai", "status": "disabled", "reason": null, "keys": 1,
             "ring": null},
        ]);
        assert_eq!(shown, expected);
    }
}
