//! The gateway: what it is made of, what replaces it, and the one function all doors lead to.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bridge_intercept::{Blueprint, ProviderSet};
use bridge_pool::Pool;
use bridge_telemetry::trace::Tracer;
use bridge_telemetry::{Metrics, keys};
use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Response};
use http_body::Body;
use parking_lot::Mutex;
use slog::{Logger, info, o};
use tokio::time::Instant;

use crate::admission::Door;
use crate::body::{ClosingLine, GatewayBody, Refusal};
use crate::factory::HandlerFactory;
use crate::front_limits::FrontDoor;
use crate::places::Places;
use crate::request::Visit;
use crate::terms::Terms;
use crate::traced::Traced;
use crate::turns::Turns;
use crate::{
    Drain, DrainSignal, Failure, GatewayConfig, GatewayParts, Origin, RunningTurn, server_timing,
};

/// A gateway. Cloning shares it.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) front: FrontDoor,
    pub(crate) door: Door,
    pub(crate) pool: Pool<Arc<HandlerFactory>>,
    pub(crate) factory: Arc<HandlerFactory>,
    pub(crate) metrics: Metrics,
    tracer: Tracer,
    pub(crate) logger: Logger,
    drain: Drain,
    pub(crate) draining: DrainSignal,
    pub(crate) places: Places,
    pub(crate) turns: Turns,
    /// One replacement after the other.
    replacing: Mutex<()>,
}

/// Whether a drain concerns a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It is refused once the drain has begun.
    New,
    /// It comes over a connection that was accepted before: it is served.
    Accepted,
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("terms", &self.0.factory.terms())
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
            seal,
            metrics,
            tracer,
            logger,
        } = parts;
        let (places, pool_config) = (Places::new(config.connections), config.pool.clone());
        let factory = Arc::new(HandlerFactory::new(Terms::first(config)));
        let pool = Pool::new(pool_config, Arc::clone(&factory));
        let drain = Drain::default();
        let draining = drain.signal();
        let logger = logger.new(o!(keys::COMPONENT => "gateway"));
        let door = Door {
            authorizer,
            seal,
            metrics: metrics.clone(),
        };
        Self(Arc::new(Inner {
            front: FrontDoor::default(),
            door,
            pool,
            factory,
            metrics,
            tracer,
            logger,
            drain,
            draining,
            places,
            turns: Turns::default(),
            replacing: Mutex::new(()),
        }))
    }

    /// Begins a generation: these providers, habits and limits hold for all requests from now on.
    /// Requests that run go on with what they began with, open connections with their limit on
    /// heads, and when more connections are open than may be from now on, they stay. Says the
    /// generation's number.
    pub fn replace(&self, blueprint: Arc<Blueprint>, limits: GatewayConfig) -> u64 {
        let inner = &self.0;
        let _one_after_the_other = inner.replacing.lock();
        let (connections, pool) = (limits.connections, limits.pool.clone());
        let terms = inner.factory.terms().next(limits, blueprint);
        let generation = terms.generation;
        inner.factory.replace(terms);
        inner.pool.advance_with(pool);
        inner.places.limit_to(connections);
        info!(inner.logger, "generation begun"; keys::GENERATION => generation);
        generation
    }

    /// How many requests run.
    #[must_use]
    pub fn running(&self) -> usize {
        self.0.turns.count()
    }

    /// How many callers are kept apart, because there are limits for each of them.
    #[must_use]
    pub fn known_callers(&self) -> usize {
        self.0.front.callers()
    }

    /// The requests that run, the oldest first.
    #[must_use]
    pub fn turns(&self) -> Vec<RunningTurn> {
        self.0.turns.all()
    }

    /// The providers that requests are served with from now on; none before the first set came.
    #[must_use]
    pub fn providers(&self) -> Option<Arc<ProviderSet>> {
        let terms = self.0.factory.terms();
        let blueprint = terms.blueprint.as_ref()?;
        Some(Arc::clone(&blueprint.providers))
    }

    /// Whether there are providers to serve with, and the gateway is not shutting down.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        self.0.factory.terms().blueprint.is_some() && !self.0.draining.has_begun()
    }

    /// Whether the gateway is shutting down.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.0.draining.has_begun()
    }

    /// Refuses new requests from now on, and stops to accept connections. Those that were accepted
    /// before have their running request finished, or their first one served, and are closed.
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
    /// Dropping the future gives the request up. Its connection to the provider is closed, unless the
    /// blueprint says that answers are read on.
    pub async fn handle<B>(&self, request: Request<B>, origin: Origin) -> Response<GatewayBody>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        self.answer(request, origin, Arrival::New).await
    }

    /// The same for a request of this arrival.
    pub(crate) async fn answer<B>(
        &self,
        request: Request<B>,
        origin: Origin,
        arrival: Arrival,
    ) -> Response<GatewayBody>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let terms = self.0.factory.terms();
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let turn = self.0.turns.begin(method, path, terms.generation);
        let traced = Traced::begin(&self.0.tracer, request.headers(), &turn);
        let mut line = ClosingLine {
            logger: traced.logger(&self.0.logger),
            turn,
            traced,
            place: None,
            refusal: None,
            metrics: self.0.metrics.clone(),
        };
        let is_timed = terms.limits.server_timing && server_timing::is_asked(request.headers());
        let visit = Visit {
            origin: &origin,
            arrival,
            terms: &terms,
        };
        // In a place of its own until there is an answer: a connection keeps room for the whole
        // future while the body of the answer goes out, which may be for hours.
        let serving = Box::pin(self.serve_one(request, visit, &mut line));
        let response = match AssertUnwindSafe(serving).catch_unwind().await {
            Ok(Ok(response)) => response,
            Ok(Err(failure)) => self.refuse(failure, &mut line),
            Err(panic) => {
                let failure = Failure::panicked(&line.turn.id().to_string(), panic_text(&*panic));
                self.refuse(failure, &mut line)
            }
        };
        let mut response = response;
        line.turn.is_answered(response.status());
        if is_timed {
            server_timing::tell(response.headers_mut(), line.turn.parts());
        }
        response.map(|body| body.closing_with(line))
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

pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default()
}
