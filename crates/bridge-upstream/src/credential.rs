//! Credentials that may go to one place only.

use std::fmt;
use std::sync::Arc;

use bridge_auth::Secret;
use bridge_aws::{SignedBy, Signer, Unsigned};
use bridge_telemetry::wall_clock;
use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderName};
use http::{HeaderMap, HeaderValue, Request, StatusCode};

use crate::{Endpoint, UpstreamError};

/// Words of AWS for credentials that it does not take any more.
const WITHDRAWN: [&str; 3] = [
    "ExpiredTokenException",
    "InvalidSignatureException",
    "UnrecognizedClientException",
];

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

/// A credential and the one place it may be used for.
#[derive(Clone)]
pub struct BoundCredential {
    kind: Kind,
    destination: Endpoint,
}

#[derive(Clone)]
enum Kind {
    /// It travels itself.
    Secret(Secret, CredentialStyle),
    /// It signs each request, and stays here.
    Signer(Signer),
    /// Headers that an operator wants on every request, whatever they hold.
    Headers(Arc<[(HeaderName, HeaderValue)]>),
}

/// What must be known of a request that was signed when its answer comes.
pub(crate) struct Signed {
    signer: Signer,
    by: SignedBy,
}

impl BoundCredential {
    pub(crate) fn new(secret: Secret, style: CredentialStyle, destination: &Endpoint) -> Self {
        Self {
            kind: Kind::Secret(secret, style),
            destination: destination.clone(),
        }
    }

    pub(crate) fn signer(signer: Signer, destination: &Endpoint) -> Self {
        Self {
            kind: Kind::Signer(signer),
            destination: destination.clone(),
        }
    }

    pub(crate) fn headers(
        headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
        destination: &Endpoint,
    ) -> Self {
        let headers = headers.into_iter().map(|(name, mut value)| {
            value.set_sensitive(true);
            (name, value)
        });
        Self {
            kind: Kind::Headers(headers.collect()),
            destination: destination.clone(),
        }
    }

    /// Masks the credential wherever it stands in a text: for explanations of a provider that
    /// repeats what it was given.
    #[must_use]
    pub fn mask_in(&self, text: String) -> String {
        match self.travelling() {
            Some(secret) => secret.mask_in(text),
            None => text,
        }
    }

    /// What travels with a request: the credential itself, or the session token beside a signature.
    pub(crate) fn travelling(&self) -> Option<Secret> {
        match &self.kind {
            Kind::Secret(secret, _) => Some(secret.clone()),
            Kind::Signer(signer) => signer.session_token(),
            // Which of them are secret, and which part of one, nobody knows.
            Kind::Headers(_) => None,
        }
    }

    /// Puts on headers that only people will read what a request would carry. Of a signature, which
    /// is made when the request leaves, only its kind is there.
    pub(crate) fn show(&self, headers: &mut HeaderMap) {
        match &self.kind {
            Kind::Secret(secret, style) => {
                // One that cannot be presented fails the exchange, which says so.
                let _either = present(secret, *style, headers);
            }
            Kind::Signer(_) => {
                let kind = HeaderValue::from_static("AWS4-HMAC-SHA256 made when it leaves");
                headers.insert(AUTHORIZATION, kind);
            }
            Kind::Headers(own) => {
                let hidden = HeaderValue::from_static("withheld");
                headers.extend(own.iter().map(|(name, _)| (name.clone(), hidden.clone())));
            }
        }
    }

    /// Puts the credential on a request to `endpoint` whose headers are otherwise final, in place
    /// of any other. A signature is made for each attempt anew; `body` is what the request carries.
    pub(crate) async fn attach<B>(
        &self,
        endpoint: &Endpoint,
        request: &mut Request<B>,
        body: &Bytes,
    ) -> Result<Option<Signed>, UpstreamError> {
        if !self.destination.is_same_place(endpoint) {
            return Err(UpstreamError::WrongDestination {
                bound: self.destination.authority().to_owned(),
                authority: endpoint.authority().to_owned(),
            });
        }
        match &self.kind {
            Kind::Secret(secret, style) => {
                present(secret, *style, request.headers_mut())?;
                Ok(None)
            }
            Kind::Signer(signer) => sign(signer, request, body).await.map(Some),
            Kind::Headers(own) => {
                for (name, value) in own.iter() {
                    request.headers_mut().insert(name, value.clone());
                }
                Ok(None)
            }
        }
    }
}

fn present(
    secret: &Secret,
    style: CredentialStyle,
    headers: &mut HeaderMap,
) -> Result<(), UpstreamError> {
    let secret = secret.expose();
    let (name, value) = match style {
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

async fn sign<B>(
    signer: &Signer,
    request: &mut Request<B>,
    body: &Bytes,
) -> Result<Signed, UpstreamError> {
    let method = request.method().clone();
    let target = request.uri().to_string();
    let unsigned = Unsigned {
        method: method.as_str(),
        path_and_query: &target,
        body,
    };
    let signed = signer.sign(&unsigned, request.headers_mut(), wall_clock());
    let by = signed.await.map_err(UpstreamError::Unsigned)?;
    let signer = signer.clone();
    Ok(Signed { signer, by })
}

impl Signed {
    /// Hears how the request was answered: credentials that were withdrawn are not used again.
    pub(crate) fn answered(&self, status: StatusCode, headers: &HeaderMap) {
        if !status.is_client_error() {
            return;
        }
        let error_type = headers.get("x-amzn-errortype");
        let error_type = error_type.and_then(|value| value.to_str().ok());
        let is_withdrawn = |word: &str| error_type.is_some_and(|given| given.contains(word));
        if WITHDRAWN.iter().any(|word| is_withdrawn(word)) {
            self.signer.rejected(&self.by, wall_clock());
        }
    }
}

impl fmt::Debug for BoundCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let style: &dyn fmt::Debug = match &self.kind {
            Kind::Secret(_, style) => style,
            Kind::Signer(signer) => signer,
            Kind::Headers(_) => &"Headers",
        };
        f.debug_struct("BoundCredential")
            .field("style", style)
            .field("destination", &self.destination)
            .finish_non_exhaustive()
    }
}
