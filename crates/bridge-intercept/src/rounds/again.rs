//! The request of a turn, made again for each of its rounds.

use bridge_api::{BedrockModel, Envelope, EnvelopeError, bedrock_request};
use bridge_auth::Scrubbed;
use bridge_upstream::Outbound;
use bytes::Bytes;
use http::Method;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderName};

use crate::Provider;

/// What a request is made of. Kept as the caller's dialect has it, also where the provider's is
/// another.
pub(crate) struct Again {
    pub(crate) envelope: Envelope,
    pub(crate) bedrock: Option<Rewrite>,
    pub(crate) method: Method,
    /// Below the provider's base address.
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    /// Without a credential.
    pub(crate) headers: Scrubbed,
}

/// How a request becomes one of InvokeModel.
pub(crate) struct Rewrite {
    pub(crate) model: BedrockModel,
    /// The caller's headers of that name.
    pub(crate) beta: Vec<String>,
}

impl Again {
    /// The request of the next round.
    pub(super) fn outbound(&self, provider: &Provider) -> Result<Outbound, EnvelopeError> {
        let (path, query, body) = self.written()?;
        Ok(Outbound {
            method: self.method.clone(),
            path_and_query: provider.endpoint.target(&path, query),
            headers: self.headers.clone(),
            credential: None,
            body,
        })
    }

    fn written(&self) -> Result<(String, Option<&str>, Bytes), EnvelopeError> {
        let Some(rewrite) = &self.bedrock else {
            let body = self.envelope.to_bytes();
            return Ok((self.path.clone(), self.query.as_deref(), body));
        };
        let mut envelope = self.envelope.clone();
        let beta = rewrite.beta.iter().map(String::as_str);
        let request = bedrock_request(&mut envelope, &rewrite.model, beta)?;
        Ok((request.path, None, request.body))
    }
}

/// Headers that are of one body and one exchange, and wrong beside another. A provider that knows
/// the key of a request again answers it with what it has answered before.
const OF_ONE_BODY: [HeaderName; 4] = [
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("digest"),
];

/// Makes the headers fit a body that is not the caller's any more: it is plain, and so the answer
/// shall be.
pub(crate) fn describe_edited(headers: &mut Scrubbed) {
    headers.remove(&CONTENT_ENCODING);
    headers.remove(&ACCEPT_ENCODING);
    for name in OF_ONE_BODY.iter().skip(1) {
        headers.remove(name);
    }
}

/// Makes the headers fit the requests of later rounds.
pub(super) fn describe_further(headers: &mut Scrubbed) {
    for name in &OF_ONE_BODY {
        headers.remove(name);
    }
}
