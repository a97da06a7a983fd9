//! Providers, checked as a whole set.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use bridge_api::{Format, ProviderType, is_valid_provider_name};
use bridge_auth::Secret;
use bridge_upstream::{Endpoint, EndpointError};

mod manners;
mod spec;

pub use spec::{BedrockSpec, MannersSpec, ProviderSpec};

/// A provider that can be used.
pub struct Provider {
    pub(crate) name: Arc<str>,
    pub(crate) format: Format,
    pub(crate) is_enabled: bool,
    pub(crate) endpoint: Endpoint,
    pub(crate) keys: Vec<Secret>,
}

impl Provider {
    /// The first segment of the paths that lead to it.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Which family of wire formats it speaks.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider")
            .field("name", &self.name)
            .field("format", &self.format)
            .field("is_enabled", &self.is_enabled)
            .field("endpoint", &self.endpoint)
            .field("keys", &self.keys.len())
            .finish()
    }
}

/// Providers by name. A set is taken as a whole or not at all.
#[derive(Debug, Default)]
pub struct ProviderSet(HashMap<String, Arc<Provider>>);

/// What is wrong with one provider of a set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// The name would not make a path.
    #[error(
        "invalid provider name {0:?}: must contain only lowercase alphanumeric characters and \
         hyphens"
    )]
    Name(String),
    /// Two providers share a name.
    #[error("duplicate provider name: {0:?}")]
    Duplicate(String),
    /// The type is unknown.
    #[error("provider {name:?}: unsupported provider type {provider_type:?}")]
    Type {
        /// The provider.
        name: String,
        /// Its type.
        provider_type: String,
    },
    /// The address is no base address.
    #[error("provider {name:?}: base address")]
    Address {
        /// The provider.
        name: String,
        /// What is wrong with it.
        #[source]
        source: EndpointError,
    },
    /// How it is to be spoken to cannot be done.
    #[error("provider {name:?}: {setting}: {problem}")]
    Manners {
        /// The provider.
        name: String,
        /// Which setting cannot be used.
        setting: &'static str,
        /// Why not.
        problem: String,
    },
}

impl ProviderSet {
    /// Checks all providers.
    ///
    /// # Errors
    /// Everything that is wrong with any of them.
    pub fn try_new(specs: Vec<ProviderSpec>) -> Result<Self, Vec<ProviderError>> {
        let mut providers = HashMap::new();
        let mut problems = Vec::new();
        for spec in specs {
            let name = spec.name.clone();
            match provider(spec) {
                Ok(_) if providers.contains_key(&name) => {
                    problems.push(ProviderError::Duplicate(name));
                }
                Ok(provider) => {
                    providers.insert(name, Arc::new(provider));
                }
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() {
            Ok(Self(providers))
        } else {
            Err(problems)
        }
    }

    /// The provider of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Arc<Provider>> {
        self.0.get(name)
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

fn provider(spec: ProviderSpec) -> Result<Provider, ProviderError> {
    if !is_valid_provider_name(&spec.name) {
        return Err(ProviderError::Name(spec.name));
    }
    let Some(provider_type) = ProviderType::parse(&spec.provider_type) else {
        return Err(ProviderError::Type {
            name: spec.name,
            provider_type: spec.provider_type,
        });
    };
    let endpoint = match Endpoint::try_new(&spec.base_url) {
        Ok(endpoint) => endpoint,
        Err(source) => {
            return Err(ProviderError::Address {
                name: spec.name,
                source,
            });
        }
    };
    let manners = match manners::checked(&spec.manners) {
        Ok(manners) => manners,
        Err((setting, problem)) => {
            return Err(ProviderError::Manners {
                name: spec.name,
                setting,
                problem,
            });
        }
    };
    let endpoint = endpoint.of_provider(&spec.name, manners);
    Ok(Provider {
        name: Arc::from(spec.name),
        format: provider_type.format(),
        is_enabled: spec.enabled,
        endpoint,
        keys: spec.keys,
    })
}
