//! Providers: as they are described, as they are used, and as a set.

use std::fmt;
use std::sync::Arc;

use bridge_api::{Format, ProviderType};
use bridge_aws::SignerError;
use bridge_upstream::{Endpoint, EndpointError};

use crate::bedrock::Bedrock;
use crate::guard::Guard;

mod figures;
mod manners;
mod place;
mod set;
mod spec;

pub use set::{ListedProvider, ProviderSet, ProviderState, SetError};
pub use spec::{BedrockSpec, MannersSpec, ProviderSpec};

/// A provider that can be used.
pub struct Provider {
    pub(crate) name: Arc<str>,
    pub(crate) provider_type: ProviderType,
    pub(crate) format: Format,
    pub(crate) endpoint: Endpoint,
    pub(crate) guard: Arc<Guard>,
    /// What it takes to reach it, when it is Bedrock.
    pub(crate) bedrock: Option<Arc<Bedrock>>,
    /// What it was made of.
    spec: ProviderSpec,
}

/// Why a provider cannot be used. It does not hurt the others of its set. No text holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// The type is unknown.
    #[error("unsupported provider type {0:?}")]
    Type(String),
    /// The address is no base address.
    #[error("base address")]
    Address(#[source] EndpointError),
    /// What it takes to reach Bedrock is not given.
    #[error("settings of bedrock are missing: give at least a region")]
    NoBedrock,
    /// The region is none, and would be a part of the address.
    #[error("{0:?} is no AWS region: give one like eu-central-1")]
    Region(String),
    /// The protocol is unknown.
    #[error("{0:?} is no protocol of bedrock: give invoke or mantle")]
    Protocol(String),
    /// One of the models that requests go to is not given.
    #[error("{0}: bedrock needs the id of a model or of an inference profile")]
    Model(&'static str),
    /// Requests could not be signed.
    #[error("credentials of bedrock")]
    Signer(#[source] SignerError),
    /// How it is to be connected to cannot be done.
    #[error("{setting}: {problem}")]
    Manners {
        /// Which setting cannot be used.
        setting: &'static str,
        /// Why not.
        problem: String,
    },
}

impl Provider {
    /// The first segment of the path.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What it is.
    #[must_use]
    pub fn provider_type(&self) -> ProviderType {
        self.provider_type
    }

    /// Which family of wire formats it speaks.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// How often calls are tried again, where that was said of this provider.
    pub(crate) fn retries(&self) -> Option<u32> {
        self.spec.manners.max_retries
    }

    /// What another one knows of the provider's health is true of this one as well, if both were
    /// made of the same.
    fn keep(&mut self, before: &Self) {
        if self.spec == before.spec {
            self.guard = Arc::clone(&before.guard);
            self.bedrock.clone_from(&before.bedrock);
        }
    }

    fn try_new(name: &Arc<str>, spec: ProviderSpec) -> Result<Self, ProviderError> {
        let provider_type = provider_type(&spec)?;
        let base_url = place::base_url(provider_type, &spec)?;
        let address = |url: &str| Endpoint::try_new(url).map_err(ProviderError::Address);
        let endpoint = address(&base_url)?;
        let manners = manners::checked(&spec.manners)
            .map_err(|(setting, problem)| ProviderError::Manners { setting, problem })?;
        let is_bedrock = provider_type == ProviderType::Bedrock;
        let bedrock = spec.bedrock.as_ref().filter(|_| is_bedrock);
        let bedrock = bedrock.map(|settings| {
            let control = address(&place::control_url(&spec, settings))?;
            Bedrock::try_new(settings, control.of_provider(name, manners.clone()))
        });
        let bedrock = bedrock.transpose()?;
        let guard = Guard::new(&spec.keys);
        Ok(Self {
            name: Arc::clone(name),
            provider_type,
            format: provider_type.format(),
            endpoint: endpoint.of_provider(name, manners),
            guard: Arc::new(guard),
            bedrock: bedrock.map(Arc::new),
            spec,
        })
    }
}

/// Anthropic with settings of Bedrock is Bedrock.
fn provider_type(spec: &ProviderSpec) -> Result<ProviderType, ProviderError> {
    match ProviderType::parse(&spec.provider_type) {
        Some(ProviderType::Anthropic) if spec.bedrock.is_some() => Ok(ProviderType::Bedrock),
        Some(known) => Ok(known),
        None => {
            let shown = spec.provider_type.chars().take(64).collect();
            Err(ProviderError::Type(shown))
        }
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider")
            .field("name", &self.name)
            .field("type", &self.provider_type)
            .field("endpoint", &self.endpoint)
            .field("keys", &self.spec.keys.len())
            .finish()
    }
}
