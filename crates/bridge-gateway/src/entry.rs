//! One request: admission, lease, handler, answer. All doors lead here.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bridge_auth::Scrubbed;
use bridge_intercept::{Answer, Blueprint, Cx, Handler, Inbound, InterceptionId, Plan};
use bridge_pool::{Lease, Pool};
use bridge_telemetry::{ErrorChain, Metrics, keys};
use bytes::Bytes;
use futures_util::FutureExt;
use http::header::{CONNECTION, CONTENT_TYPE, HeaderValue, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response};
use http_body::Body;
use slog::{Logger, info, o};
use tokio::time::Instant;

use crate::admission::{Admitted, Door};
use crate::body::{ClosingLine, GatewayBody, Refusal};
use crate::factory::{HandlerFactory, HandlerKey};
use crate::read_body::Framing;
use crate::{Drain, DrainSignal, Failure, GatewayConfig, GatewayParts, Origin};

/// Prefixes under which the routes are served too, for tools that were set up for another gateway.
const PREFIXES: [&str; 2] = ["/api/v2/ai-gateway", "/api/v2/aibridge"];

/// What a probe is told.
const HELLO: &[u8] = b"{\"message\":\"hello\"}";

/// A gateway. Cloning shares it.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) config: GatewayConfig,
    door: Door,
    pool: Pool<Arc<HandlerFactory>>,
    factory: Arc<HandlerFactory>,
    pub(crate) metrics: Metrics,
    pub(crate) logger: Logger,
    drain: Drain,
    pub(crate) draining: DrainSignal,
}

/// A request that may go on once its body is there.
struct Prepared {
    plan: Plan,
    admitted: Admitted,
    lease: Lease<Handler>,
    query: Option<String>,
    method: Method,
    path: String,
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("config", &self.0.config)
            .finish_non_exhaustive()
    }
}

impl Gateway {
    /// A gateway without providers. Requests are refused until [`Gateway::replace`] brings some.
    #[must_use]
    pub fn new(parts: GatewayParts) -> Self {
        let GatewayParts {
            config,
            authorizer,
            policy,
            seal,
            metrics,
            logger,
        } = parts;
        let factory = Arc::new(HandlerFactory::default());
        let pool = Pool::new(config.pool.clone(), Arc::clone(&factory));
        let drain = Drain::default();
        let draining = drain.signal();
        let logger = logger.new(o!(keys::COMPONENT => "gateway"));
        let door = Door {
            policy,
            authorizer,
            seal,
            metrics: metrics.clone(),
            allow_own_keys: config.allow_own_keys,
        };
        Self(Arc::new(Inner {
            config,
            door,
            pool,
            factory,
            metrics,
            logger,
            drain,
            draining,
        }))
    }

    /// Uses these providers for all requests from now on. Requests that run go on with what they
    /// began with.
    pub fn replace(&self, blueprint: Arc<Blueprint>) {
        self.0.factory.replace(blueprint);
        let generation = self.0.pool.advance();
        info!(self.0.logger, "providers taken"; keys::GENERATION => generation.number());
    }

    /// Whether there are providers to serve with, and the gateway is not shutting down.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        self.0.factory.blueprint().is_some() && !self.0.draining.has_begun()
    }

    /// Refuses new requests from now on.
    pub fn begin_drain(&self) {
        self.0.drain.begin();
    }

    /// Takes handlers that have grown old out of the pool. The owner calls it now and then.
    pub fn sweep(&self) {
        self.0.pool.sweep(Instant::now().into_std());
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.0
    }

    /// Answers one request. Whatever happens, there is an answer: a panic becomes a 500.
    ///
    /// Dropping the future gives the request up and closes its connection to the provider.
    pub async fn handle<B>(&self, request: Request<B>, origin: Origin) -> Response<GatewayBody>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let arrived = Instant::now();
        let id = InterceptionId::generate();
        let mut line = ClosingLine {
            logger: self.0.logger.clone(),
            id,
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            status: None,
            refusal: None,
            arrived,
            bytes: 0,
        };
        let serving = self.serve_one(request, &origin, id, arrived, &mut line.logger);
        let response = match AssertUnwindSafe(serving).catch_unwind().await {
            Ok(Ok(response)) => response,
            Ok(Err(failure)) => self.refuse(failure, &mut line),
            Err(panic) => {
                let failure = Failure::panicked(&id.to_string(), panic_text(&*panic));
                self.refuse(failure, &mut line)
            }
        };
        line.status = Some(response.status());
        response.map(|body| body.closing_with(line))
    }

    async fn serve_one<B>(
        &self,
        request: Request<B>,
        origin: &Origin,
        id: InterceptionId,
        arrived: Instant,
        logger: &mut Logger,
    ) -> Result<Response<GatewayBody>, Failure>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        let (framing, config) = (Framing::of(&head.headers), &self.0.config);
        let prepared = match self.prepare(head, origin, logger).await {
            Ok(Some(prepared)) => prepared,
            Ok(None) => return Ok(hello()),
            Err(failure) => {
                framing
                    .discard(body, config.body_bytes, config.body_silence)
                    .await;
                return Err(failure);
            }
        };
        let Prepared {
            plan,
            admitted,
            lease,
            query,
            method,
            path,
        } = prepared;
        let dialect = Some(plan.dialect());
        let body = framing
            .read(body, config.body_bytes, config.body_silence)
            .await
            .map_err(|error| Failure::from_body(&error).shaped(dialect))?;
        let (cx, headers) = cx(id, arrived, admitted);
        let answer = lease
            .run(
                plan,
                &cx,
                Inbound {
                    query,
                    headers,
                    body,
                },
            )
            .await;
        let answer = answer
            .map_err(|error| Failure::from_intercept(error, &method, &path).shaped(dialect))?;
        Ok(relayed(answer, lease))
    }

    /// Everything that is decided before the body is read. Nothing for a probe of whether anybody
    /// is there.
    async fn prepare(
        &self,
        head: Parts,
        origin: &Origin,
        logger: &mut Logger,
    ) -> Result<Option<Prepared>, Failure> {
        let path = routed(head.uri.path());
        let planned = match self.0.factory.blueprint() {
            Some(blueprint) => blueprint.plan(&head.method, path),
            None => return Err(Failure::not_ready()),
        };
        let dialect = match &planned {
            Ok(plan) if plan.is_hello() => return Ok(None),
            Ok(plan) => Some(plan.dialect()),
            Err(refused) => refused.dialect,
        };
        if self.0.draining.has_begun() {
            return Err(Failure::draining().shaped(dialect));
        }
        let is_upgrade = wants_upgrade(&head.headers);
        let admitted = self.0.door.admit(head.headers, origin).await;
        let admitted = admitted.map_err(|error| Failure::from_admission(error).shaped(dialect))?;
        *logger = identified(logger, &admitted);
        if is_upgrade {
            return Err(Failure::upgrade().shaped(dialect));
        }
        let refused = |refused| Failure::from_refused(refused, &head.method, path);
        let plan = planned.map_err(refused)?;
        let lease = self
            .lease(&admitted)
            .await
            .map_err(|failure| failure.shaped(dialect))?;
        let query = head.uri.query().map(str::to_owned);
        let (method, path) = (head.method, path.to_owned());
        Ok(Some(Prepared {
            plan,
            admitted,
            lease,
            query,
            method,
            path,
        }))
    }

    async fn lease(&self, admitted: &Admitted) -> Result<Lease<Handler>, Failure> {
        let key = HandlerKey {
            initiator: admitted.grant.actor.id,
            api_key_id: admitted.grant.api_key_id.clone(),
        };
        let acquired = self.0.pool.acquire(&key, Instant::now().into_std()).await;
        acquired.map_err(|cause| Failure::no_handler(ErrorChain(&cause).to_string()))
    }

    /// A failure becomes an answer, and the reason of the request's one line.
    fn refuse(&self, failure: Failure, line: &mut ClosingLine) -> Response<GatewayBody> {
        self.0.metrics.request_failed(failure.kind());
        line.refusal = Some(Refusal {
            kind: failure.kind(),
            detail: failure.detail().unwrap_or_default().to_owned(),
        });
        failure.into_response()
    }
}

/// The path without the prefix of another gateway.
fn routed(path: &str) -> &str {
    let stripped = PREFIXES.iter().find_map(|prefix| path.strip_prefix(prefix));
    stripped
        .filter(|rest| rest.starts_with('/'))
        .unwrap_or(path)
}

fn hello() -> Response<GatewayBody> {
    let mut response = Response::new(GatewayBody::fixed(Bytes::from_static(HELLO)));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Whether the caller wants to speak something else than HTTP on this connection. The header
/// counts only together with `Connection: upgrade` (RFC 9110, section 7.8).
fn wants_upgrade(headers: &HeaderMap) -> bool {
    headers.contains_key(UPGRADE)
        && headers
            .get_all(CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|option| option.trim().eq_ignore_ascii_case("upgrade"))
}

/// From here on every line of the request says whose it is.
fn identified(logger: &Logger, admitted: &Admitted) -> Logger {
    logger.new(o!(
        keys::ACTOR_ID => admitted.grant.actor.id.to_string(),
        keys::API_KEY_ID => admitted.grant.api_key_id.clone(),
        keys::AUTH_MODE => admitted.mode.as_str(),
        keys::AUTH_DELEGATED => admitted.is_delegated,
        keys::AUTH_STANDING => admitted.grant.standing.as_str(),
        keys::SOURCE => admitted.source.clone().unwrap_or_default(),
        keys::CORRELATION_ID => admitted.correlation_id.clone().unwrap_or_default(),
    ))
}

fn cx(id: InterceptionId, arrived: Instant, admitted: Admitted) -> (Cx, Scrubbed) {
    let cx = Cx {
        id,
        arrived,
        grant: admitted.grant,
        hint: admitted.hint,
        source: admitted.source,
        workspace_id: admitted.workspace_id,
        correlation_id: admitted.correlation_id,
        firewall: admitted.firewall,
    };
    (cx, admitted.headers)
}

fn relayed(answer: Answer, lease: Lease<Handler>) -> Response<GatewayBody> {
    let mut response = Response::new(GatewayBody::answer(answer.body, lease));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response
}

pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_prefixes_lead_to_the_same_routes() {
        assert_eq!(routed("/anthropic/v1/messages"), "/anthropic/v1/messages");
        assert_eq!(
            routed("/api/v2/ai-gateway/openai/v1/models"),
            "/openai/v1/models"
        );
        assert_eq!(
            routed("/api/v2/aibridge/openai/v1/models"),
            "/openai/v1/models"
        );
        assert_eq!(
            routed("/api/v2/aibridgeopenai/v1"),
            "/api/v2/aibridgeopenai/v1"
        );
    }

    #[test]
    fn an_upgrade_needs_both_headers() {
        let headers = |rows: &[(&'static str, &'static str)]| -> HeaderMap {
            let mut map = HeaderMap::new();
            for (name, value) in rows {
                map.append(*name, HeaderValue::from_static(value));
            }
            map
        };
        assert!(wants_upgrade(&headers(&[
            ("upgrade", "websocket"),
            ("connection", "keep-alive, Upgrade")
        ])));
        assert!(!wants_upgrade(&headers(&[("upgrade", "websocket")])));
        assert!(!wants_upgrade(&headers(&[("connection", "upgrade")])));
    }
}
