//! One request between its head and the head of its answer: admission, lease, body, handler.

use std::error::Error;
use std::sync::Arc;

use bridge_auth::Scrubbed;
use bridge_intercept::{Answer, Cx, Handler, Inbound, Plan};
use bridge_pool::Lease;
use bridge_telemetry::{ErrorChain, Part, keys};
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, HeaderValue, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response};
use http_body::Body;
use slog::{Logger, o};
use tokio::time::Instant;

use crate::admission::{Admitted, Claimed};
use crate::body::{ClosingLine, GatewayBody};
use crate::entry::Arrival;
use crate::factory::HandlerKey;
use crate::read_body::Framing;
use crate::terms::Terms;
use crate::{Failure, Gateway, KnownTurn, Origin};

/// Prefixes under which the routes are served too, for tools that were set up for another gateway.
const PREFIXES: [&str; 2] = ["/api/v2/ai-gateway", "/api/v2/aibridge"];

/// What a probe is told.
const HELLO: &[u8] = b"{\"message\":\"hello\"}";

/// A request that may go on once its body is there.
struct Prepared {
    plan: Plan,
    admitted: Admitted,
    lease: Lease<Handler>,
    /// The pool has only handlers of the newest generation, so who came before has one alone.
    own: Option<Handler>,
    query: Option<String>,
    method: Method,
    path: String,
}

/// One request's way in, and what it is served on.
#[derive(Clone, Copy)]
pub(crate) struct Visit<'v> {
    pub(crate) origin: &'v Origin,
    pub(crate) arrival: Arrival,
    pub(crate) terms: &'v Terms,
}

impl Gateway {
    /// Carries a request out until the head of its answer.
    pub(crate) async fn serve_one<B>(
        &self,
        request: Request<B>,
        visit: Visit<'_>,
        line: &mut ClosingLine,
    ) -> Result<Response<GatewayBody>, Failure>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        let (framing, limits) = (Framing::of(&head.headers), &visit.terms.limits);
        let prepared = match self.prepare(head, framing, visit, line).await {
            Ok(Some(prepared)) => prepared,
            Ok(None) => return Ok(hello()),
            Err(failure) => {
                // Nobody known has to wait for the body of one who is refused.
                drop(line.place.take());
                framing
                    .discard(body, limits.body_bytes, limits.body_silence)
                    .await;
                return Err(failure);
            }
        };
        let Prepared {
            plan,
            admitted,
            lease,
            own,
            query,
            method,
            path,
        } = prepared;
        let dialect = Some(plan.dialect());
        let reading = framing.read(body, limits.body_bytes, limits.body_silence);
        let body = line
            .turn
            .parts()
            .timed(Part::Body, reading)
            .await
            .map_err(|error| Failure::from_body(&error).shaped(dialect))?;
        let (cx, headers) = cx(line, admitted);
        let handler = own.as_ref().unwrap_or(&lease);
        let answer = handler
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
        framing: Framing,
        visit: Visit<'_>,
        line: &mut ClosingLine,
    ) -> Result<Option<Prepared>, Failure> {
        let path = routed(head.uri.path());
        let Some(blueprint) = &visit.terms.blueprint else {
            return Err(Failure::not_ready());
        };
        let planned = blueprint.plan(&head.method, path);
        let dialect = match &planned {
            Ok(plan) if plan.is_hello() => return Ok(None),
            Ok(plan) => Some(plan.dialect()),
            Err(refused) => refused.dialect,
        };
        if visit.arrival == Arrival::New && self.inner().draining.has_begun() {
            return Err(Failure::draining().shaped(dialect));
        }
        let is_upgrade = wants_upgrade(&head.headers);
        let claimed = Claimed::read(head.headers, &blueprint.policy, blueprint.tools.is_some());
        let place = self.at_the_front(&claimed, framing, visit, line.turn.arrived());
        let turned_away = |error| Failure::from_front(error).shaped(dialect);
        line.place = Some(place.map_err(turned_away)?);
        let refused = |error| Failure::from_admission(error).shaped(dialect);
        let door = &self.inner().door;
        let admitting = door.admit(claimed, visit.origin);
        let mut span = line.traced.within.work("authorize");
        let admitted = line.turn.parts().timed(Part::Auth, admitting).await;
        let admitted = admitted.map_err(refused);
        if let Err(failure) = &admitted {
            span.fail(failure.kind());
        }
        span.end();
        let admitted = admitted?;
        line.logger = identified(&line.logger, &admitted);
        if is_upgrade {
            return Err(Failure::upgrade().shaped(dialect));
        }
        let refused = |refused| Failure::from_refused(refused, &head.method, path);
        let plan = planned.map_err(refused)?;
        let grant = Arc::clone(&admitted.grant);
        line.turn
            .is_from(KnownTurn::new(grant, admitted.hint.client, &plan));
        let span = line.traced.within.work("pool acquire");
        let lease = line
            .turn
            .parts()
            .timed(Part::Pool, self.lease(&admitted))
            .await
            .map_err(|failure| failure.shaped(dialect))?;
        span.end();
        let own = (!lease.is_of(blueprint)).then(|| lease.of(Arc::clone(blueprint)));
        let query = head.uri.query().map(str::to_owned);
        let (method, path) = (head.method, path.to_owned());
        Ok(Some(Prepared {
            plan,
            admitted,
            lease,
            own,
            query,
            method,
            path,
        }))
    }

    async fn lease(&self, admitted: &Admitted) -> Result<Lease<Handler>, Failure> {
        let key = handler_key(admitted);
        let acquired = self
            .inner()
            .pool
            .acquire(&key, Instant::now().into_std())
            .await;
        acquired.map_err(|cause| Failure::no_handler(ErrorChain(&cause).to_string()))
    }
}

fn handler_key(admitted: &Admitted) -> HandlerKey {
    HandlerKey {
        initiator: admitted.grant.actor.id,
        api_key_id: admitted.grant.api_key_id.clone(),
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

fn cx(line: &ClosingLine, admitted: Admitted) -> (Cx, Scrubbed) {
    let turn = &line.turn;
    let cx = Cx {
        id: turn.id(),
        arrived: turn.arrived(),
        model: Arc::clone(turn.model()),
        parts: Arc::clone(turn.parts()),
        within: line.traced.within.clone(),
        grant: admitted.grant,
        own_key: admitted.own_key,
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
