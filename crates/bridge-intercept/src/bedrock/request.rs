//! A request on its way to Bedrock.

use bridge_api::{BedrockModel, Envelope, RequestFacts, bedrock_request};
use bridge_auth::Scrubbed;
use bytes::Bytes;
use http::HeaderValue;
use http::header::HeaderName;

use super::{Api, Bedrock};
use crate::rounds::Rewrite;
use crate::{Blueprint, InterceptError};

const BETA: HeaderName = HeaderName::from_static("anthropic-beta");
const VERSION: HeaderName = HeaderName::from_static("anthropic-version");

/// What is sent in place of what the caller sent.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// The path below the base address. It has no query.
    pub(crate) path: String,
    pub(crate) body: Bytes,
    /// The model that the caller asked for. The facts name the one that is used.
    pub(crate) asked: String,
}

impl Bedrock {
    /// Prepares a request once, whatever the number of attempts. With Mantle it goes on as it is.
    /// `keep` gets what is needed to prepare it again for another round.
    pub(crate) async fn prepare(
        &self,
        blueprint: &Blueprint,
        envelope: Envelope,
        headers: &mut Scrubbed,
        facts: &mut RequestFacts,
        keep: Option<&mut Option<Rewrite>>,
    ) -> Result<Option<Prepared>, InterceptError> {
        let Api::Invoke(models) = &self.api else {
            return Ok(None);
        };
        let ask = |profile| self.describe(blueprint, profile);
        let known = models.choose(&facts.model).known(ask).await;
        let model = known.map_err(InterceptError::Profile)?;
        if let Some(keep) = keep {
            let beta = headers.headers().get_all(BETA);
            let beta = beta.iter().filter_map(as_text).map(str::to_owned);
            *keep = Some(Rewrite {
                beta: beta.collect(),
                model: model.clone(),
            });
        }
        edit(model, envelope, headers, facts).map(Some)
    }
}

/// Makes a request for InvokeModel of a Messages request.
pub(super) fn edit(
    model: &BedrockModel,
    mut envelope: Envelope,
    headers: &mut Scrubbed,
    facts: &mut RequestFacts,
) -> Result<Prepared, InterceptError> {
    let beta = headers.headers().get_all(BETA);
    let beta = beta.iter().filter_map(as_text);
    let request = bedrock_request(&mut envelope, model, beta);
    let request = request.map_err(InterceptError::Body)?;
    headers.remove(&BETA);
    headers.remove(&VERSION);
    headers.describe_json();
    let asked = std::mem::replace(&mut facts.model, model.id.clone());
    Ok(Prepared {
        path: request.path,
        body: request.body,
        asked,
    })
}

fn as_text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok()
}
