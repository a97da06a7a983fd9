//! The check before every call: does it come from one of our gateways?

use std::net::SocketAddr;
use std::sync::Arc;

use http::header::AUTHORIZATION;
use slog::warn;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tonic::service::Interceptor;
use tonic::{Request, Status};

use super::{Peer, Refusal};
use crate::control::ControlServer;

/// Stands before a service. It sees the head of a call only: bodies of strangers are never read.
#[derive(Clone)]
pub(crate) enum Gate {
    /// Whoever gets here is this process itself.
    Open,
    /// Calls carry a gateway key.
    Keyed {
        control: ControlServer,
        /// Places for gateways.
        room: Arc<Semaphore>,
        /// Whether the calls behind this gate greet. A refusal of a greeting is one for good; the
        /// word of refusal for other calls must be another, because theirs is about callers.
        greets: bool,
    },
}

/// Which gateway makes a call: travels with it.
#[derive(Debug, Clone)]
pub(crate) struct Proven {
    /// Id of its key.
    pub(crate) id: String,
    /// Name of its key.
    pub(crate) name: Arc<str>,
    /// Where it is.
    pub(crate) address: SocketAddr,
}

impl Interceptor for Gate {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let Self::Keyed {
            control,
            room,
            greets,
        } = self
        else {
            return Ok(request);
        };
        let Some(peer) = request.extensions().get::<Arc<Peer>>().map(Arc::clone) else {
            // A connection that nobody guards could not be closed: nothing passes on it.
            return Err(Status::internal("unguarded connection"));
        };
        match control.0.gateways.prove(bearer(&request), &peer, room) {
            Ok(proven) => {
                request.extensions_mut().insert(proven);
                Ok(request)
            }
            Err(refusal) => {
                control.0.metrics.gateway_refused(refusal.as_label());
                if peer.refuse()
                    && let Some(held_back) = control.0.gateways.told.may_tell(Instant::now())
                {
                    warn!(control.0.logger, "gateway refused"; "peer" => peer.address,
                        "reason" => %refusal, "not_told" => held_back);
                }
                Err(status(refusal, *greets))
            }
        }
    }
}

/// The token of the only `authorization` header, if it is a bearer token and not empty.
fn bearer(request: &Request<()>) -> Option<&str> {
    let mut values = request.metadata().get_all(AUTHORIZATION.as_str()).iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let is_token = scheme.eq_ignore_ascii_case("bearer") && !token.is_empty();
    is_token.then_some(token)
}

fn status(refusal: Refusal, greets: bool) -> Status {
    let text = refusal.to_string();
    match refusal {
        Refusal::Crowded => Status::resource_exhausted(text),
        Refusal::Required | Refusal::Invalid if greets => Status::unauthenticated(text),
        Refusal::Required | Refusal::Invalid => Status::failed_precondition(text),
    }
}
