//! Credentials that may go to one place only.

use std::fmt;

use bridge_auth::Secret;
use http::header::{AUTHORIZATION, HeaderName};
use http::{HeaderMap, HeaderValue};

use crate::{Endpoint, UpstreamError};

/// How a credential is presented to a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CredentialStyle {
    /// `Authorization: Bearer <secret>` (RFC 6750, section 2.1).
    Bearer,
    /// `X-Api-Key: <secret>`, as Anthropic's API takes it.
    XApiKey,
    /// `Api-Key: <secret>`, as Azure's OpenAI service takes it.
    ApiKey,
}

/// A secret and the one place it may be sent to.
#[derive(Clone)]
pub struct BoundCredential {
    secret: Secret,
    style: CredentialStyle,
    destination: Endpoint,
}

impl BoundCredential {
    pub(crate) fn new(secret: Secret, style: CredentialStyle, destination: &Endpoint) -> Self {
        Self {
            secret,
            style,
            destination: destination.clone(),
        }
    }

    /// The secret, to make a hint of.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Puts the credential on a request to `endpoint`, in place of any other.
    pub(crate) fn attach(
        &self,
        endpoint: &Endpoint,
        headers: &mut HeaderMap,
    ) -> Result<(), UpstreamError> {
        if !self.destination.is_same_place(endpoint) {
            return Err(UpstreamError::WrongDestination {
                bound: self.destination.authority().to_owned(),
                authority: endpoint.authority().to_owned(),
            });
        }
        let secret = self.secret.expose();
        let (name, value) = match self.style {
            CredentialStyle::Bearer => (
                AUTHORIZATION,
                HeaderValue::from_str(&format!("Bearer {secret}")),
            ),
            CredentialStyle::XApiKey => (
                HeaderName::from_static("x-api-key"),
                HeaderValue::from_str(secret),
            ),
            CredentialStyle::ApiKey => (
                HeaderName::from_static("api-key"),
                HeaderValue::from_str(secret),
            ),
        };
        let mut value = value.map_err(|cause| UpstreamError::InvalidRequest(cause.into()))?;
        value.set_sensitive(true);
        headers.insert(name, value);
        Ok(())
    }
}

impl fmt::Debug for BoundCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundCredential")
            .field("style", &self.style)
            .field("destination", &self.destination)
            .finish_non_exhaustive()
    }
}
