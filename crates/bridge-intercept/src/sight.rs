//! What watches one call to a provider: where its time goes, and the files it is dumped to.

use std::sync::{Arc, OnceLock};

use bridge_record::InterceptionId;
use bridge_telemetry::{Part, Parts};
use bridge_upstream::{DumpLabel, Exchange as _, Outbound, Reply, UpstreamError};

use crate::handler::Plan;
use crate::{Blueprint, Cx, Provider};

/// The folder of dumps whose model nobody has read.
const PASSTHROUGH: &str = "passthrough";

/// What watches one call.
pub(crate) struct Sight {
    pub(crate) parts: Arc<Parts>,
    id: InterceptionId,
    what: What,
}

/// What is asked for.
enum What {
    /// Something of this model.
    Model(Arc<OnceLock<String>>),
    /// Something at this path of the provider.
    Path(String),
}

impl Sight {
    /// Of a turn whose model has been read.
    pub(crate) fn of_turn(cx: &Cx) -> Self {
        Self {
            parts: Arc::clone(&cx.parts),
            id: cx.id,
            what: What::Model(Arc::clone(&cx.model)),
        }
    }

    /// Of a request that is passed through.
    pub(crate) fn of_passthrough(cx: &Cx, plan: &Plan) -> Self {
        Self {
            parts: Arc::clone(&cx.parts),
            id: cx.id,
            what: What::Path(plan.upstream_path.clone()),
        }
    }

    /// One attempt, from the request to the head of its answer. The first is number one.
    pub(crate) async fn attempt(
        &self,
        blueprint: &Blueprint,
        provider: &Provider,
        number: u32,
        request: Outbound,
    ) -> Result<Reply, UpstreamError> {
        let Some(dumps) = &blueprint.dumps else {
            let sent = blueprint.exchange.exchange(&provider.endpoint, request);
            return self.timed(sent).await;
        };
        let dumped = dumps.around(&*blueprint.exchange, &self.label(provider, number));
        let sent = dumped.exchange(&provider.endpoint, request);
        self.timed(sent).await
    }

    /// On the clocks of connecting and of waiting for the provider's first word.
    async fn timed(
        &self,
        sent: impl Future<Output = Result<Reply, UpstreamError>>,
    ) -> Result<Reply, UpstreamError> {
        let outcome = self.parts.timed(Part::FirstByte, sent).await;
        if let Ok(reply) = &outcome {
            let connecting = reply.connecting;
            self.parts.shift(Part::FirstByte, Part::Connect, connecting);
        }
        outcome
    }

    fn label<'l>(&'l self, provider: &'l Provider, attempt: u32) -> DumpLabel<'l> {
        let (group, path) = match &self.what {
            What::Model(model) => {
                let model = model.get().map(String::as_str);
                (model.unwrap_or_default(), None)
            }
            What::Path(path) => (PASSTHROUGH, Some(path.as_str())),
        };
        DumpLabel {
            provider: &provider.name,
            group,
            path,
            id: self.id.to_string(),
            attempt,
        }
    }
}
