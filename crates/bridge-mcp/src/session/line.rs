//! HTTP to one server for one identity: the side of the SDK's transport that is ours.

use std::collections::HashMap;
use std::sync::Arc;

use bridge_auth::HeaderPolicy;
use bridge_upstream::{Exchange, Outbound, Reply};
use bytes::Bytes;
use futures_util::stream::BoxStream;
use http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use parking_lot::Mutex;
use rmcp::model::{ClientJsonRpcMessage, ClientRequest, RequestId, ServerJsonRpcMessage};
use rmcp::transport::streamable_http_client::{
    SseError, StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse,
};
use sse_stream::Sse;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};

use super::events::{self, Origin};
use super::head::{EVENTS, JSON, SESSION, header, headers, is_type};
use super::message::{self, Left, intercept, malformed};
use super::owed::Owed;
use super::pace::Pace;
use super::places::Places;
use super::refusal::Refusal;
use super::slot::Slots;
use crate::McpError;
use crate::access::Access;

const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");

pub(super) type Failed = StreamableHttpError<McpError>;
type Events = BoxStream<'static, Result<Sse, SseError>>;

/// One server as one identity speaks to it. Cloning shares it.
#[derive(Clone)]
pub(super) struct Line(Arc<Inner>);

struct Inner {
    exchange: Arc<dyn Exchange>,
    access: Arc<Access>,
    policy: Arc<HeaderPolicy>,
    answer_bytes: usize,
    places: Places,
    slots: Slots,
    owed: Owed,
    listening: Mutex<Pace>,
    resuming: Mutex<Pace>,
    /// Whether a session has been opened. Opening another one may bring other tools.
    opened: Mutex<bool>,
    changed: Arc<Notify>,
    /// Whether nobody wants the session any more that is being opened. The SDK does not look up
    /// while it opens one.
    given_up: watch::Receiver<bool>,
    /// What went wrong last, for when the SDK tells only that something has.
    trouble: Mutex<Option<McpError>>,
}

/// A session that is being opened. Dropped before it is open, whatever goes on for it ends.
pub(super) struct Opening(Option<watch::Sender<bool>>);

impl Opening {
    /// It is open.
    pub(super) fn done(mut self) {
        self.0 = None;
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        if let Some(opening) = self.0.take() {
            opening.send_replace(true);
        }
    }
}

impl Line {
    pub(super) fn new(
        exchange: Arc<dyn Exchange>,
        access: Arc<Access>,
        policy: Arc<HeaderPolicy>,
        answer_bytes: usize,
        places: Places,
        changed: Arc<Notify>,
    ) -> (Self, Opening) {
        let (opening, given_up) = watch::channel(false);
        let line = Self(Arc::new(Inner {
            given_up,
            exchange,
            access,
            policy,
            answer_bytes,
            places,
            slots: Slots::default(),
            owed: Owed::default(),
            listening: Mutex::new(Pace::of_listening()),
            resuming: Mutex::new(Pace::of_resuming()),
            opened: Mutex::new(false),
            changed,
            trouble: Mutex::new(None),
        }));
        (line, Opening(Some(opening)))
    }

    /// Waits until nobody wants the session any more that is being opened; once it is open, for
    /// ever.
    pub(super) async fn given_up(&self) {
        let mut given_up = self.0.given_up.clone();
        if given_up.wait_for(|given_up| *given_up).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// What went wrong last.
    pub(super) fn trouble(&self) -> Option<McpError> {
        self.0.trouble.lock().take()
    }

    pub(super) fn slots(&self) -> &Slots {
        &self.0.slots
    }

    pub(super) fn owed(&self) -> &Owed {
        &self.0.owed
    }

    pub(super) fn answer_bytes(&self) -> usize {
        self.0.answer_bytes
    }

    /// Sends a request with what the identity presents. When the server refuses that, the authority
    /// is asked once whether there is something newer.
    async fn send(
        &self,
        method: Method,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<Reply, McpError> {
        let access = &self.0.access;
        let mut has_asked = false;
        loop {
            let (credential, token) = access.credential().await?;
            let outbound = Outbound {
                method: method.clone(),
                path_and_query: access.server.target().to_owned(),
                headers: self.0.policy.admit(headers.clone()).scrubbed,
                credential,
                body: body.clone(),
            };
            let exchanged = self.0.exchange.exchange(access.server.endpoint(), outbound);
            let reply = tokio::select! {
                reply = exchanged => reply.map_err(McpError::Unreachable)?,
                () = self.given_up() => return Err(McpError::Closed),
            };
            match reply.status {
                StatusCode::UNAUTHORIZED if !has_asked => {
                    has_asked = true;
                    if !access.refused(token.as_ref()).await? {
                        return Err(McpError::Refused {
                            status: reply.status,
                        });
                    }
                }
                status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                    return Err(McpError::Refused { status });
                }
                _ => return Ok(reply),
            }
        }
    }

    /// Tells the SDK, and keeps what it will not tell.
    fn fail(&self, error: McpError) -> Failed {
        let told = StreamableHttpError::UnexpectedServerResponse(error.kind().into());
        let earlier = self.0.trouble.lock().replace(error);
        drop(earlier);
        told
    }

    async fn post(
        &self,
        message: &ClientJsonRpcMessage,
        session: Option<&str>,
        own: HashMap<HeaderName, HeaderValue>,
    ) -> Result<StreamableHttpPostResponse, Failed> {
        self.note_opening(message);
        let _paying = is_answer(message).then(|| self.0.owed.pay());
        let body = Bytes::from(message::write(message, &self.0.slots)?);
        let mut headers = headers(session, own)?;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        headers.insert(
            ACCEPT,
            HeaderValue::from_static("application/json, text/event-stream"),
        );
        let asked = request_id(message);
        let reply = self.send(Method::POST, &headers, &body).await;
        let answered = match reply {
            Ok(reply) if reply.status.is_success() => self.answer(reply, asked.as_ref()).await,
            Ok(reply) => match self.refusal(reply, session, asked.as_ref()).await {
                Refusal::Expired => return Err(StreamableHttpError::SessionExpired),
                Refusal::Over(id) => Ok(json(message::over(id), None)),
                Refusal::Status(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        answered.or_else(|error| match asked {
            // Whoever waits for the answer has the error in its slot.
            Some(id) if self.0.slots.wants(&id) => {
                self.0.slots.put(&id, Err(error));
                Ok(json(message::over(id), None))
            }
            Some(_) | None => Err(self.fail(error)),
        })
    }

    async fn answer(
        &self,
        reply: Reply,
        asked: Option<&RequestId>,
    ) -> Result<StreamableHttpPostResponse, McpError> {
        let status = reply.status;
        let is_accepted = matches!(status, StatusCode::ACCEPTED | StatusCode::NO_CONTENT);
        // What is no request has no answer, whatever is in the body.
        if is_accepted || asked.is_none() {
            return Ok(StreamableHttpPostResponse::Accepted);
        }
        if reply.headers.contains_key(CONTENT_ENCODING) {
            return Err(malformed("it is encoded, which was not asked for", None));
        }
        let session = header(&reply, &SESSION);
        if is_type(&reply, EVENTS) {
            let origin = Origin::Answer(asked.cloned());
            let events = events::decode(self.clone(), reply.body, origin);
            return Ok(StreamableHttpPostResponse::Sse(events, session));
        }
        let is_json = is_type(&reply, JSON);
        let body = tokio::select! {
            body = events::whole(reply.body, self.0.answer_bytes) => body?,
            () = self.given_up() => return Err(McpError::Closed),
        };
        if !is_json {
            return Err(malformed("it is neither JSON nor a stream of events", None));
        }
        match intercept(&body, asked, &self.0.slots) {
            Left::Over(id) => Ok(json(message::over(id), session)),
            Left::Nothing => Err(malformed("it is no message", None)),
            // Whoever waits for an answer would wait in vain.
            Left::AsItIs | Left::Question if asked.is_some_and(|id| self.0.slots.wants(id)) => {
                Err(malformed("it answers something else", None))
            }
            Left::AsItIs | Left::Question => {
                let read: Result<ServerJsonRpcMessage, _> = serde_json::from_slice(&body);
                let message =
                    read.map_err(|cause| malformed("it is no message", Some(cause.into())))?;
                Ok(json(message, session))
            }
        }
    }

    /// A second session is opened when the first one has expired.
    fn note_opening(&self, message: &ClientJsonRpcMessage) {
        if let ClientJsonRpcMessage::Request(request) = message
            && matches!(request.request, ClientRequest::InitializeRequest(_))
            && std::mem::replace(&mut *self.0.opened.lock(), true)
        {
            self.0.changed.notify_one();
            self.0.owed.forget();
        }
    }
}

impl StreamableHttpClient for Line {
    type Error = McpError;

    async fn post_message(
        &self,
        _: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        _: Option<String>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<StreamableHttpPostResponse, Failed> {
        self.post(&message, session.as_deref(), headers).await
    }

    async fn delete_session(
        &self,
        _: Arc<str>,
        session: Arc<str>,
        _: Option<String>,
        own: HashMap<HeaderName, HeaderValue>,
    ) -> Result<(), Failed> {
        let headers = headers(Some(&session), own)?;
        let reply = self.send(Method::DELETE, &headers, &Bytes::new()).await;
        let reply = reply.map_err(StreamableHttpError::Client)?;
        if reply.status == StatusCode::METHOD_NOT_ALLOWED {
            return Err(StreamableHttpError::ServerDoesNotSupportDeleteSession);
        }
        // A session that is gone is what was wanted.
        Ok(())
    }

    async fn get_stream(
        &self,
        _: Arc<str>,
        session: Option<Arc<str>>,
        last_event: Option<String>,
        _: Option<String>,
        own: HashMap<HeaderName, HeaderValue>,
    ) -> Result<Events, Failed> {
        let place = self.0.places.take();
        // An answer that broke is taken up in any case: somebody waits for it.
        if place.is_none() && last_event.is_none() {
            return Err(StreamableHttpError::ServerDoesNotSupportSse);
        }
        let pace = match last_event {
            Some(_) => &self.0.resuming,
            None => &self.0.listening,
        };
        let turn = pace.lock().turn(Instant::now());
        sleep_until(turn).await;
        let mut headers = headers(session.as_deref(), own)?;
        headers.insert(ACCEPT, HeaderValue::from_static(EVENTS));
        if let Some(id) = last_event.and_then(|id| HeaderValue::try_from(id).ok()) {
            headers.insert(LAST_EVENT, id);
        }
        let reply = self.send(Method::GET, &headers, &Bytes::new()).await;
        let reply = match reply {
            // Asking again with the same would be refused again.
            Err(McpError::Refused { .. } | McpError::NoToken(_)) => {
                return Err(StreamableHttpError::ServerDoesNotSupportSse);
            }
            other => other.map_err(StreamableHttpError::Client)?,
        };
        let status = reply.status;
        if status == StatusCode::METHOD_NOT_ALLOWED {
            return Err(StreamableHttpError::ServerDoesNotSupportSse);
        }
        if !status.is_success() || !is_type(&reply, EVENTS) {
            return Err(StreamableHttpError::Client(McpError::Status { status }));
        }
        Ok(events::decode(
            self.clone(),
            reply.body,
            Origin::Listening(place),
        ))
    }
}

fn request_id(message: &ClientJsonRpcMessage) -> Option<RequestId> {
    match message {
        ClientJsonRpcMessage::Request(request) => Some(request.id.clone()),
        ClientJsonRpcMessage::Response(_)
        | ClientJsonRpcMessage::Notification(_)
        | ClientJsonRpcMessage::Error(_) => None,
    }
}

/// Whether this answers a question of the server.
fn is_answer(message: &ClientJsonRpcMessage) -> bool {
    match message {
        ClientJsonRpcMessage::Response(_) | ClientJsonRpcMessage::Error(_) => true,
        ClientJsonRpcMessage::Request(_) | ClientJsonRpcMessage::Notification(_) => false,
    }
}

fn json(message: ServerJsonRpcMessage, session: Option<String>) -> StreamableHttpPostResponse {
    StreamableHttpPostResponse::Json(message, session)
}
