//! Which model stands behind an inference profile.

use std::future::Future;
use std::sync::OnceLock;
use std::time::Duration;

use bridge_api::{BedrockModel, bedrock_profile_model, bedrock_profile_path};
use bridge_telemetry::ErrorChain;
use bridge_upstream::{Endpoint, Outbound, Reply, UpstreamError};
use bytes::Bytes;
use http::{HeaderMap, Method};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::Bedrock;
use crate::Blueprint;
use crate::relay::Source;

/// How long asking may take.
const LIMIT: Duration = Duration::from_secs(30);
/// How long after a failure nobody asks again.
const PAUSE: Duration = Duration::from_secs(30);
/// How much of a description is read. It is about a kilobyte.
const DESCRIPTION_BYTES: usize = 64 << 10;

/// A model that requests go to, and what is found out about it.
///
/// An application inference profile does not tell the model behind it, but what a request may have
/// depends on that. So AWS is asked before the first request is sent there, once for all who wait,
/// and not again after it has answered. Dropping a future that asks leaves the asking to the next.
#[derive(Debug)]
pub(crate) struct Offered {
    given: BedrockModel,
    found: OnceLock<BedrockModel>,
    failed: Mutex<Option<(Instant, String)>>,
}

impl Offered {
    pub(crate) fn new(given: BedrockModel) -> Self {
        Self {
            given,
            found: OnceLock::new(),
            failed: Mutex::default(),
        }
    }

    /// The model, with the one behind it.
    ///
    /// # Errors
    /// Why it could not be found out, also for a while after that.
    pub(crate) async fn known<F>(
        &self,
        ask: impl FnOnce(String) -> F,
    ) -> Result<&BedrockModel, String>
    where
        F: Future<Output = Result<String, String>>,
    {
        if !self.given.is_opaque() {
            return Ok(&self.given);
        }
        if let Some(found) = self.found.get() {
            return Ok(found);
        }
        let mut failed = self.failed.lock().await;
        if let Some(found) = self.found.get() {
            return Ok(found);
        }
        if let Some((_, reason)) = failed.as_ref().filter(|(at, _)| at.elapsed() < PAUSE) {
            return Err(reason.clone());
        }
        let too_late = || Err(format!("no answer within {} s", LIMIT.as_secs()));
        match timeout(LIMIT, ask(self.given.id.clone()))
            .await
            .unwrap_or_else(|_| too_late())
        {
            Ok(foundation) => {
                let id = self.given.id.clone();
                Ok(self.found.get_or_init(|| BedrockModel { id, foundation }))
            }
            Err(reason) => {
                *failed = Some((Instant::now(), reason.clone()));
                Err(reason)
            }
        }
    }
}

impl Bedrock {
    /// Asks AWS which model is behind a profile.
    pub(super) async fn describe(
        &self,
        blueprint: &Blueprint,
        profile: String,
    ) -> Result<String, String> {
        let to = &self.control;
        let request = Outbound {
            method: Method::GET,
            path_and_query: to.target(&bedrock_profile_path(&profile), None),
            headers: blueprint.policy.admit(HeaderMap::new()).scrubbed,
            credential: Some(to.bind_signer(self.signer.clone())),
            body: Bytes::new(),
        };
        let described = described(blueprint, to, request).await;
        let (status, body) = described.map_err(|error| ErrorChain(&error).to_string())?;
        let model = bedrock_profile_model(&body).filter(|_| status == 200);
        model.ok_or_else(|| {
            format!("AWS answered with status {status} and no model: is bedrock:GetInferenceProfile allowed?")
        })
    }
}

async fn described(
    blueprint: &Blueprint,
    to: &Endpoint,
    request: Outbound,
) -> Result<(u16, Bytes), UpstreamError> {
    let Reply { status, body, .. } = blueprint.exchange.exchange(to, request).await?;
    let said = Source::from(body).whole(DESCRIPTION_BYTES).await?;
    Ok((status.as_u16(), said))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILE: &str = "arn:aws:bedrock:eu-west-1:1:application-inference-profile/a";

    #[tokio::test(start_paused = true)]
    async fn a_profile_is_asked_about_until_it_has_answered() {
        let offered = Offered::new(BedrockModel::new(PROFILE));
        let fails = |_| async { Err("away".to_owned()) };
        let never = |_| async { Err("was asked".to_owned()) };
        assert_eq!(offered.known(fails).await, Err("away".to_owned()));
        tokio::time::advance(PAUSE - Duration::from_secs(1)).await;
        assert_eq!(offered.known(never).await, Err("away".to_owned()));
        tokio::time::advance(Duration::from_secs(1)).await;
        let slow = |_| std::future::pending();
        let late = Err("no answer within 30 s".to_owned());
        assert_eq!(offered.known(slow).await, late);
        tokio::time::advance(PAUSE).await;
        let answers = |id: String| async move {
            assert_eq!(id, PROFILE);
            Ok("anthropic.claude-opus-4-6".to_owned())
        };
        let known = BedrockModel {
            id: PROFILE.to_owned(),
            foundation: "anthropic.claude-opus-4-6".to_owned(),
        };
        assert_eq!(offered.known(answers).await, Ok(&known));
        assert_eq!(offered.known(never).await, Ok(&known));
    }

    #[tokio::test]
    async fn what_tells_its_model_is_not_asked_about() {
        let offered = Offered::new(BedrockModel::new("anthropic.claude-opus-4-6"));
        let never = |_| async { Err("was asked".to_owned()) };
        assert!(offered.known(never).await.is_ok());
    }
}
