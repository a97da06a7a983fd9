//! Signatures on requests.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bridge_auth::{Secret, SecretHint};
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::cache::{Cache, Kept};
use crate::{CredentialSource, SignError, SignerError};

/// Longest name of a region. AWS's have at most sixteen characters.
const LONGEST_REGION: usize = 32;

/// Signs requests for one service in one region. Cloning shares the credentials.
#[derive(Clone)]
pub struct Signer(Arc<Inner>);

struct Inner {
    region: String,
    service: &'static str,
    source: CredentialSource,
    /// The operator's keys, when nothing has to be fetched.
    fixed: Option<Arc<Kept>>,
    cache: Cache,
}

/// What a request was signed with.
#[derive(Debug, Clone)]
pub struct SignedBy(Arc<Kept>);

/// A request, but for its headers.
#[derive(Clone, Copy)]
pub struct Unsigned<'a> {
    /// Its method.
    pub method: &'a str,
    /// Its whole target, as it is sent.
    pub path_and_query: &'a str,
    /// Its whole body.
    pub body: &'a [u8],
}

impl Signer {
    /// A signer for a region like `eu-central-1` and a service like `bedrock`. Nothing is fetched
    /// before the first request.
    ///
    /// # Errors
    /// When the region, the keys or the role cannot be what they are said to be.
    pub fn try_new(
        region: &str,
        service: &'static str,
        source: CredentialSource,
    ) -> Result<Self, SignerError> {
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if region.is_empty() || region.len() > LONGEST_REGION || !region.bytes().all(is_plain) {
            let region = region.chars().take(LONGEST_REGION).collect();
            return Err(SignerError::Region(region));
        }
        source.check()?;
        let fixed = source.fixed();
        Ok(Self(Arc::new(Inner {
            region: region.to_owned(),
            service,
            fixed: fixed.map(|keys| Arc::new(Kept::new(keys, SystemTime::UNIX_EPOCH))),
            source,
            cache: Cache::default(),
        })))
    }

    /// Signs a request whose headers are otherwise final, with `Host` among them: that, the type of
    /// the body and AWS's own headers are what the signature covers besides method, target and body.
    /// Credentials that stood in the headers before are replaced.
    ///
    /// Dropping the future leaves the headers as they were.
    ///
    /// # Errors
    /// When there are no credentials, or the request cannot be written into a signature.
    pub async fn sign(
        &self,
        request: &Unsigned<'_>,
        headers: &mut HeaderMap,
        now: SystemTime,
    ) -> Result<SignedBy, SignError> {
        let kept = match &self.0.fixed {
            Some(kept) => Arc::clone(kept),
            None => {
                let fetch = || self.0.source.fetch(&self.0.region);
                let kept = self.0.cache.get(now, fetch).await;
                kept.map_err(SignError::Credentials)?
            }
        };
        self.attach(&kept, request, headers, now)
            .map_err(SignError::Request)?;
        Ok(SignedBy(kept))
    }

    /// AWS has refused the credentials of a request: they have expired or were withdrawn. Others
    /// are fetched for the next request, where there are any.
    pub fn rejected(&self, by: &SignedBy, now: SystemTime) {
        self.0.cache.reject(&by.0, now);
    }

    /// The access key id, masked, for records; a word for the source before anything was fetched.
    #[must_use]
    pub fn hint(&self) -> String {
        let fixed = self.0.fixed.as_ref();
        let id = fixed.map(|kept| kept.access_key_id.clone());
        match id.or_else(|| self.0.cache.access_key_id()) {
            Some(id) => SecretHint::of(&Secret::new(id)).as_str().to_owned(),
            None if self.0.source.role.is_some() => "aws role".to_owned(),
            None => "aws chain".to_owned(),
        }
    }

    /// The session token that travels with what is signed now, for those who keep it out of what
    /// people read; none before anything was fetched.
    #[must_use]
    pub fn session_token(&self) -> Option<Secret> {
        match &self.0.fixed {
            Some(kept) => kept.session_token.clone(),
            None => self.0.cache.session_token(),
        }
    }

    fn attach(
        &self,
        kept: &Kept,
        request: &Unsigned<'_>,
        headers: &mut HeaderMap,
        now: SystemTime,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let params = v4::SigningParams::builder()
            .identity(&kept.identity)
            .region(&self.0.region)
            .name(self.0.service)
            .time(now)
            .settings(SigningSettings::default())
            .build()?;
        let host = headers.get(HOST).ok_or("there is no host")?.to_str()?;
        let url = format!("https://{host}{}", request.path_and_query);
        let covered = covered(headers);
        let signable = SignableRequest::new(
            request.method,
            url,
            covered.into_iter(),
            SignableBody::Bytes(request.body),
        )?;
        let (instructions, _signature) = sign(signable, &params.into())?.into_parts();
        let (added, _query) = instructions.into_parts();
        let mut signed = Vec::with_capacity(added.len());
        for header in &added {
            let mut value = HeaderValue::from_str(header.value())?;
            value.set_sensitive(true);
            signed.push((HeaderName::from_static(header.name()), value));
        }
        for (name, value) in signed {
            headers.insert(name, value);
        }
        Ok(())
    }
}

/// Headers that a signature covers. Others may be changed on the way by the transport or a proxy,
/// and AWS asks for no more. Those that signing sets itself are left out.
fn covered(headers: &HeaderMap) -> Vec<(&str, &str)> {
    let is_covered = |name: &str| {
        let is_aws = name.starts_with("x-amz-") || name.starts_with("x-amzn-");
        let is_set = matches!(name, "x-amz-date" | "x-amz-security-token");
        let is_volatile = name == "x-amzn-trace-id";
        name == HOST.as_str()
            || name == CONTENT_TYPE.as_str()
            || (is_aws && !is_set && !is_volatile)
    };
    let named = headers.iter().filter(|(name, _)| is_covered(name.as_str()));
    named
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .collect()
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("region", &self.0.region)
            .field("service", &self.0.service)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Unsigned<'_> {
    /// Shows no body: what a request says is nobody's business.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unsigned")
            .field("method", &self.method)
            .field("path_and_query", &self.path_and_query)
            .finish_non_exhaustive()
    }
}
