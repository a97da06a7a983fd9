//! One request: admission, lease, handler, answer. All doors lead here.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bridge_intercept::{Blueprint, InterceptionId};
use bridge_pool::Pool;
use bridge_telemetry::{Metrics, keys};
use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Response};
use http_body::Body;
use slog::{Logger, info, o};
use tokio::time::Instant;

use crate::admission::Door;
use crate::body::{ClosingLine, GatewayBody, Refusal};
use crate::factory::HandlerFactory;
use crate::{Drain, DrainSignal, Failure, GatewayConfig, GatewayParts, Origin};

/// A gateway. Cloning shares it.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) config: GatewayConfig,
    pub(crate) door: Door,
    pub(crate) pool: Pool<Arc<HandlerFactory>>,
    pub(crate) factory: Arc<HandlerFactory>,
    pub(crate) metrics: Metrics,
    pub(crate) logger: Logger,
    drain: Drain,
    pub(crate) draining: DrainSignal,
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
