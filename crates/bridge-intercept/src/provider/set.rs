//! Providers by name. A provider that cannot be used says why and does not hurt the others.

use std::collections::HashMap;
use std::sync::Arc;

use bridge_api::{Format, ProviderType, is_valid_provider_name};

use super::{Provider, ProviderError, ProviderSpec, provider_type};

/// Providers by name. A set that contradicts itself is not taken; otherwise each provider stands
/// for itself.
#[derive(Debug, Default)]
pub struct ProviderSet(HashMap<Arc<str>, ListedProvider>);

/// One provider of a set.
#[derive(Debug)]
pub struct ListedProvider {
    /// The first segment of the paths that lead to it.
    pub name: Arc<str>,
    /// What it is; none when the type is unknown.
    pub provider_type: Option<ProviderType>,
    /// How many keys the operator gave it.
    pub keys: usize,
    /// Whether it can be used.
    pub state: ProviderState,
}

/// Whether a provider can be used.
#[derive(Debug)]
pub enum ProviderState {
    /// It can.
    Enabled(Arc<Provider>),
    /// The operator has switched it off.
    Disabled,
    /// It cannot be built.
    Error(ProviderError),
}

/// Why a whole set cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// The name would not make a path.
    #[error(
        "invalid provider name {0:?}: must contain only lowercase alphanumeric characters and \
         hyphens"
    )]
    Name(String),
    /// Two providers share a name.
    #[error("duplicate provider name: {0:?}")]
    Duplicate(String),
}

impl ProviderSet {
    /// Builds every provider that can be built.
    ///
    /// # Errors
    /// Every name that makes no path or is used twice.
    pub fn try_new(specs: Vec<ProviderSpec>) -> Result<Self, Vec<SetError>> {
        let mut providers = HashMap::new();
        let mut problems = Vec::new();
        for spec in specs {
            let name: Arc<str> = Arc::from(spec.name.as_str());
            if !is_valid_provider_name(&name) {
                problems.push(SetError::Name(spec.name));
            } else if providers.contains_key(&name) {
                problems.push(SetError::Duplicate(spec.name));
            } else {
                providers.insert(Arc::clone(&name), ListedProvider::new(name, spec));
            }
        }
        if problems.is_empty() {
            Ok(Self(providers))
        } else {
            Err(problems)
        }
    }

    /// Goes on with what another set knows of the health of providers that are the same in both.
    #[must_use]
    pub fn keeping(mut self, before: &Self) -> Self {
        for (name, listed) in &mut self.0 {
            let same = before.find(name).and_then(ListedProvider::provider);
            if let (Some(same), ProviderState::Enabled(provider)) = (same, &mut listed.state)
                && let Some(provider) = Arc::get_mut(provider)
            {
                provider.keep(same);
            }
        }
        self
    }

    /// The provider of this name, whether or not it can be used.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&ListedProvider> {
        self.0.get(name)
    }

    /// All providers, by name.
    #[must_use]
    pub fn list(&self) -> Vec<&ListedProvider> {
        let mut all: Vec<_> = self.0.values().collect();
        all.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        all
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl ListedProvider {
    /// One that is switched off is not built: its settings may be unfinished.
    fn new(name: Arc<str>, spec: ProviderSpec) -> Self {
        Self {
            provider_type: provider_type(&spec).ok(),
            keys: spec.keys.len(),
            state: if spec.enabled {
                match Provider::try_new(&name, spec) {
                    Ok(provider) => ProviderState::Enabled(Arc::new(provider)),
                    Err(reason) => ProviderState::Error(reason),
                }
            } else {
                ProviderState::Disabled
            },
            name,
        }
    }

    /// Which family of wire formats it speaks; none when the type is unknown.
    #[must_use]
    pub fn format(&self) -> Option<Format> {
        self.provider_type.map(ProviderType::format)
    }

    /// The provider itself, if it can be used.
    #[must_use]
    pub fn provider(&self) -> Option<&Arc<Provider>> {
        match &self.state {
            ProviderState::Enabled(provider) => Some(provider),
            ProviderState::Disabled | ProviderState::Error(_) => None,
        }
    }

    /// Why it cannot be used, if so.
    #[must_use]
    pub fn error(&self) -> Option<&ProviderError> {
        match &self.state {
            ProviderState::Error(reason) => Some(reason),
            ProviderState::Enabled(_) | ProviderState::Disabled => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BedrockSpec;

    fn spec(name: &str, provider_type: &str, base_url: &str, enabled: bool) -> ProviderSpec {
        ProviderSpec {
            name: name.to_owned(),
            provider_type: provider_type.to_owned(),
            enabled,
            base_url: base_url.to_owned(),
            ..ProviderSpec::default()
        }
    }

    #[test]
    fn one_that_cannot_be_built_does_not_hurt_the_others() {
        let set = ProviderSet::try_new(vec![
            spec("good", "anthropic", "https://h", true),
            spec("typo", "antropic", "https://h", true),
            spec("lost", "openai", "nowhere", true),
            spec("bare", "bedrock", "https://h", true),
            spec("off", "bedrock", "", false),
        ]);
        let set = set.unwrap();
        let told: Vec<_> = set
            .list()
            .into_iter()
            .map(|one| {
                let state = match &one.state {
                    ProviderState::Enabled(provider) => format!("{:?}", provider.format()),
                    ProviderState::Disabled => "off".to_owned(),
                    ProviderState::Error(reason) => reason.to_string(),
                };
                format!("{}: {state}", one.name)
            })
            .collect();
        let expected = [
            "bare: settings of bedrock are missing: give at least a region",
            "good: Anthropic",
            "lost: base address",
            "off: off",
            "typo: unsupported provider type \"antropic\"",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn what_a_provider_on_bedrock_has_fetched_stays_until_it_is_another() {
        let on_bedrock = |region: &str| {
            let bedrock = BedrockSpec {
                region: region.to_owned(),
                protocol: Some("mantle".to_owned()),
                ..BedrockSpec::default()
            };
            let spec = ProviderSpec {
                bedrock: Some(bedrock),
                ..spec("one", "bedrock", "", true)
            };
            ProviderSet::try_new(vec![spec]).unwrap()
        };
        let of = |set: &ProviderSet| match &set.find("one").unwrap().state {
            ProviderState::Enabled(provider) => provider.bedrock.clone().unwrap(),
            ProviderState::Disabled | ProviderState::Error(_) => panic!("it can be used"),
        };
        let before = on_bedrock("eu-west-1");
        let same = on_bedrock("eu-west-1").keeping(&before);
        assert!(Arc::ptr_eq(&of(&before), &of(&same)));
        let moved = on_bedrock("eu-west-2").keeping(&before);
        assert!(!Arc::ptr_eq(&of(&before), &of(&moved)));
    }

    #[test]
    fn a_set_that_contradicts_itself_is_refused_with_every_reason() {
        let good = || spec("good", "anthropic", "https://h", true);
        let odd = spec("Odd", "anthropic", "https://h", true);
        let refused = ProviderSet::try_new(vec![good(), odd, good()]).unwrap_err();
        let expected = [
            SetError::Name("Odd".to_owned()),
            SetError::Duplicate("good".to_owned()),
        ];
        assert_eq!(refused, expected);
    }
}
