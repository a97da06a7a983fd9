//! What watches one call to a provider: where its time goes, its spans, and the files it is dumped
//! to.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use bridge_api::ProviderType;
use bridge_record::InterceptionId;
use bridge_telemetry::trace::{Span, SpanKind, Within, attributes as names};
use bridge_telemetry::{Part, Parts};
use bridge_upstream::{DumpLabel, Exchange as _, Outbound, Reply, UpstreamError};

use crate::handler::Plan;
use crate::{Blueprint, Cx, Provider};

/// The folder of dumps whose model nobody has read.
const PASSTHROUGH: &str = "passthrough";

/// What watches one call.
pub(crate) struct Sight {
    pub(crate) parts: Arc<Parts>,
    within: Within,
    id: InterceptionId,
    route: &'static str,
    what: What,
    /// How many attempts there were, of all calls, for the names of dumps.
    attempts: AtomicU32,
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
    pub(crate) fn of_turn(cx: &Cx, plan: &Plan) -> Self {
        Self {
            parts: Arc::clone(&cx.parts),
            within: cx.within.clone(),
            id: cx.id,
            route: plan.label,
            what: What::Model(Arc::clone(&cx.model)),
            attempts: AtomicU32::new(0),
        }
    }

    /// Of a request that is passed through.
    pub(crate) fn of_passthrough(cx: &Cx, plan: &Plan) -> Self {
        Self {
            parts: Arc::clone(&cx.parts),
            within: cx.within.clone(),
            id: cx.id,
            route: plan.label,
            what: What::Path(plan.upstream_path.clone()),
            attempts: AtomicU32::new(0),
        }
    }

    /// One attempt, from the request to the head of its answer. The first is number one. Its span
    /// comes back as well: it goes on until the answer is over, if this is the answer.
    pub(crate) async fn attempt(
        &self,
        blueprint: &Blueprint,
        provider: &Provider,
        number: u32,
        mut request: Outbound,
    ) -> (Result<Reply, UpstreamError>, Span) {
        let mut span = self.span(provider, number, &request);
        self.tell(&span, &mut request);
        let outcome = self.send(blueprint, provider, request).await;
        match &outcome {
            Ok(reply) => {
                span.set(names::HTTP_STATUS, reply.status.as_u16());
                if reply.status.is_client_error() || reply.status.is_server_error() {
                    span.fail(reply.status.as_str().to_owned());
                }
            }
            Err(error) => span.fail(error.class().as_str()),
        }
        (outcome, span)
    }

    async fn send(
        &self,
        blueprint: &Blueprint,
        provider: &Provider,
        request: Outbound,
    ) -> Result<Reply, UpstreamError> {
        let attempt = self.attempts.fetch_add(1, Ordering::Relaxed) + 1;
        let Some(dumps) = &blueprint.dumps else {
            let sent = blueprint.exchange.exchange(&provider.endpoint, request);
            return self.timed(sent).await;
        };
        let dumped = dumps.around(&*blueprint.exchange, &self.label(provider, attempt));
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

    fn span(&self, provider: &Provider, number: u32, request: &Outbound) -> Span {
        let mut span = self.within.span(SpanKind::Client, || match &self.what {
            What::Model(model) => format!("chat {}", model.get().map_or("", String::as_str)),
            What::Path(_) => format!("{} {}", request.method, self.route),
        });
        if !span.is_on() {
            return span;
        }
        span.set(names::HTTP_METHOD, request.method.to_string());
        span.set(names::PROVIDER, provider.name.to_string());
        let to = &provider.endpoint;
        span.set(names::SERVER_ADDRESS, to.host().to_owned());
        span.set(names::SERVER_PORT, to.port());
        if number > 1 {
            span.set(names::HTTP_RESEND_COUNT, number - 1);
        }
        if let What::Model(model) = &self.what {
            let family = family(provider.provider_type());
            span.set(names::GEN_AI_OPERATION, "chat");
            span.set(names::GEN_AI_PROVIDER, family);
            span.set(names::GEN_AI_SYSTEM, family);
            span.set(
                names::GEN_AI_REQUEST_MODEL,
                model.get().cloned().unwrap_or_default(),
            );
        }
        span
    }

    /// Tells the provider of the trace, if it is to know. Otherwise what the caller says of a trace
    /// goes on as it came.
    fn tell(&self, span: &Span, request: &mut Outbound) {
        if self.within.told_to_providers().is_none() {
            return;
        }
        let inner = span.within();
        // A trace that nobody writes down is told of as well, so that nobody else does.
        let told = inner.context().or_else(|| self.within.context());
        if let Some(context) = told {
            let headers = &mut request.headers;
            headers.tell_trace(context.traceparent(), context.tracestate());
        }
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

/// What the semantic conventions call a family of providers, where they have a word for it.
fn family(provider_type: ProviderType) -> &'static str {
    match provider_type {
        ProviderType::Anthropic => "anthropic",
        ProviderType::OpenAi | ProviderType::ChatGpt => "openai",
        ProviderType::Azure => "azure.ai.openai",
        ProviderType::Bedrock => "aws.bedrock",
        ProviderType::Google => "gcp.gemini",
        ProviderType::Copilot
        | ProviderType::OpenRouter
        | ProviderType::Vercel
        | ProviderType::OpenAiCompat => provider_type.as_str(),
    }
}
