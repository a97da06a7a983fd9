//! Providers that are reached through Amazon Bedrock.
//!
//! Bedrock speaks one of two APIs. With InvokeModel a request is edited once, before the first
//! attempt, and an answer is told to the caller in Anthropic's words: streams as events, refusals
//! in Anthropic's shape. With Mantle nothing is changed. Both are signed, and nothing that a caller
//! brings takes the signer's place.

mod answer;
mod profile;
mod request;

use bridge_api::{BedrockModel, BedrockModels, RouteKind};
use bridge_auth::Secret;
use bridge_aws::{AssumedRole, BaseCredentials, CredentialSource, Signer, StaticKeys};
use bridge_upstream::Endpoint;

pub(crate) use self::answer::translate;
pub(crate) use self::profile::Offered;
pub(crate) use self::request::Prepared;
use crate::{BedrockSpec, ProviderError};

/// Which of Bedrock's two APIs is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// InvokeModel, with the model in the path.
    Invoke,
    /// Messages as Anthropic's own API has it.
    Mantle,
}

/// What a provider needs besides its endpoint.
#[derive(Debug)]
pub(crate) struct Bedrock {
    pub(crate) api: Api,
    pub(crate) signer: Signer,
    /// Where AWS tells of inference profiles.
    control: Endpoint,
}

/// The API, with what belongs to it.
#[derive(Debug)]
pub(crate) enum Api {
    Invoke(Box<BedrockModels<Offered>>),
    Mantle,
}

impl Protocol {
    pub(crate) fn parse(name: Option<&str>) -> Result<Self, ProviderError> {
        match name {
            None | Some("invoke") => Ok(Self::Invoke),
            Some("mantle") => Ok(Self::Mantle),
            Some(other) => Err(ProviderError::Protocol(other.chars().take(64).collect())),
        }
    }

    /// The name under which AWS checks signatures.
    const fn service(self) -> &'static str {
        match self {
            Self::Invoke => "bedrock",
            Self::Mantle => "bedrock-mantle",
        }
    }
}

impl Bedrock {
    /// `control` is where AWS tells of inference profiles.
    pub(crate) fn try_new(spec: &BedrockSpec, control: Endpoint) -> Result<Self, ProviderError> {
        let protocol = Protocol::parse(spec.protocol.as_deref())?;
        let api = match protocol {
            Protocol::Invoke => Api::Invoke(Box::new(BedrockModels {
                model: model(spec.model.as_deref(), "model required")?,
                small_fast: model(
                    spec.small_fast_model.as_deref(),
                    "small fast model required",
                )?,
            })),
            Protocol::Mantle => Api::Mantle,
        };
        let source = CredentialSource {
            base: base(spec),
            role: role(spec),
        };
        let signer = Signer::try_new(&spec.region, protocol.service(), source);
        let signer = signer.map_err(ProviderError::Signer)?;
        Ok(Self {
            api,
            signer,
            control,
        })
    }

    /// Whether answers are told in other words than Bedrock's.
    pub(crate) fn is_translated(&self) -> bool {
        matches!(self.api, Api::Invoke(_))
    }

    /// Whether Bedrock has such a route. What else Anthropic's API offers is not there, and goes
    /// nowhere else: no other place is meant to learn of it.
    pub(crate) fn has(&self, kind: RouteKind, path: &str) -> bool {
        match (kind, &self.api) {
            (RouteKind::Bridged(_) | RouteKind::Hello, _) => true,
            (RouteKind::Passthrough, Api::Mantle) => path.starts_with("/v1/"),
            (RouteKind::Passthrough, Api::Invoke(_)) => false,
        }
    }
}

fn model(id: Option<&str>, missing: &'static str) -> Result<Offered, ProviderError> {
    let id = id.map(str::trim).filter(|id| !id.is_empty());
    id.map(|id| Offered::new(BedrockModel::new(id)))
        .ok_or(ProviderError::Model(missing))
}

/// A key of which one half is missing is still a key: the signer refuses it.
fn base(spec: &BedrockSpec) -> BaseCredentials {
    let (id, secret) = (&spec.access_key_id, &spec.secret_access_key);
    if id.is_none() && secret.is_none() {
        let profile = spec.profile.clone();
        return BaseCredentials::Default { profile };
    }
    let none = || Secret::new(String::new());
    BaseCredentials::Static(StaticKeys {
        access_key_id: id.as_ref().map_or("", Secret::expose).to_owned(),
        secret_access_key: secret.clone().unwrap_or_else(none),
        session_token: spec.session_token.clone(),
    })
}

fn role(spec: &BedrockSpec) -> Option<AssumedRole> {
    let arn = spec.role_arn.clone()?;
    Some(AssumedRole {
        arn,
        external_id: spec.external_id.clone(),
        endpoint: None,
    })
}

#[cfg(test)]
mod tests;
