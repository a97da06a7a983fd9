//! The HTTP side of a tool server: which request is what, and who may ask.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use parking_lot::Mutex;
use tokio::time::sleep;

use super::config::ToolServerConfig;
use super::memory::{Memory, ToolRequestSeen};
use super::reply::{self, Notices, ToolBody};
use super::rpc::{self, Message};
use super::session::Sessions;
use super::tool::SimulatedTool;
use super::trouble::ToolTrouble;
use crate::body;
use crate::listen::{Answers, Reset};

/// The header that bears a session's id.
pub(super) const SESSION: &str = "mcp-session-id";
/// The header that bears the revision spoken.
const REVISION: &str = "mcp-protocol-version";

/// What answers requests.
pub(super) struct Server {
    pub(super) config: ToolServerConfig,
    offer: Mutex<Offer>,
    pub(super) memory: Arc<Memory>,
    pub(super) sessions: Arc<Sessions>,
}

/// What may change while it runs.
struct Offer {
    tools: Vec<SimulatedTool>,
    trouble: ToolTrouble,
    /// How often the tools have changed by themselves.
    changes: u64,
}

impl Server {
    pub(super) fn new(config: ToolServerConfig) -> Self {
        let offer = Offer {
            tools: config.tools.clone(),
            trouble: config.trouble.clone(),
            changes: 0,
        };
        Self {
            memory: Arc::new(Memory::new(config.keep_seen)),
            config,
            offer: Mutex::new(offer),
            sessions: Arc::default(),
        }
    }

    pub(super) fn change_tools(&self, tools: Vec<SimulatedTool>) {
        self.offer.lock().tools = tools;
        self.sessions
            .notify(&Bytes::from_static(rpc::LIST_CHANGED.as_bytes()));
    }

    pub(super) fn change_trouble(&self, trouble: ToolTrouble) {
        self.offer.lock().trouble = trouble;
    }

    /// The tools as they are now.
    pub(super) fn tools(&self) -> Vec<SimulatedTool> {
        self.offer.lock().tools.clone()
    }

    pub(super) fn trouble(&self) -> ToolTrouble {
        self.offer.lock().trouble.clone()
    }

    /// The first tool goes, another comes.
    pub(super) fn change_one(&self) {
        let tools = {
            let mut offer = self.offer.lock();
            offer.changes += 1;
            let name = format!("changed_{}", offer.changes);
            let mut tools: Vec<_> = offer.tools.iter().skip(1).cloned().collect();
            tools.push(SimulatedTool::text(&name, "a new tool's answer"));
            tools
        };
        self.change_tools(tools);
    }
}

impl Answers for Server {
    type Body = ToolBody;

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<ToolBody>, Reset> {
        let (head, incoming) = request.into_parts();
        let body = body::collect(incoming, self.config.body_bytes).await;
        let known = body.as_ref().map_or(&[][..], |body| body);
        let message = Message::read(known);
        let session = text(&head.headers, SESSION).map(str::to_owned);
        let method = message.as_ref().and_then(|it| it.method.as_deref());
        self.memory.saw(ToolRequestSeen {
            http_method: head.method.clone(),
            method: method.map(str::to_owned),
            session: session.clone(),
            headers: head.headers.clone(),
        });
        match self.trouble() {
            ToolTrouble::Dead => return std::future::pending().await,
            ToolTrouble::Slow(delay) => sleep(delay).await,
            ToolTrouble::Status(status) => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
                return Ok(reply::bare(status));
            }
            ToolTrouble::None
            | ToolTrouble::SessionExpires(_)
            | ToolTrouble::ToolsChange
            | ToolTrouble::Malformed
            | ToolTrouble::DuplicateKeys
            | ToolTrouble::BreaksOff => {}
        }
        if head.uri.path() != "/mcp" {
            return Ok(reply::bare(StatusCode::NOT_FOUND));
        }
        if let Some(refusal) = self.refuse(&head.headers) {
            return Ok(refusal);
        }
        if let Err(cause) = &body {
            return Ok(refused(
                cause.status(),
                rpc::INVALID_REQUEST,
                &cause.to_string(),
            ));
        }
        Ok(match head.method {
            Method::POST => self.post(&head.headers, message, session),
            Method::GET => self.stream(&head.headers, session),
            Method::DELETE => self.delete(session),
            _ => reply::bare(StatusCode::METHOD_NOT_ALLOWED),
        })
    }
}

impl Server {
    /// Looks at the token and at the revision.
    fn refuse(&self, headers: &HeaderMap) -> Option<Response<ToolBody>> {
        if let Some(expected) = &self.config.expected_token {
            let told = text(headers, AUTHORIZATION.as_str());
            if told.and_then(|it| it.strip_prefix("Bearer ")) != Some(expected) {
                let mut refusal = reply::bare(StatusCode::UNAUTHORIZED);
                let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
                refusal.headers_mut().insert(WWW_AUTHENTICATE, challenge);
                return Some(refusal);
            }
        }
        let revision = text(headers, REVISION)?;
        let is_known = rpc::REVISIONS.contains(&revision);
        let problem = format!("Unsupported protocol version {revision}");
        (!is_known).then(|| refused(StatusCode::BAD_REQUEST, rpc::INVALID_REQUEST, &problem))
    }

    fn post(
        &self,
        headers: &HeaderMap,
        message: Option<Message<'_>>,
        session: Option<String>,
    ) -> Response<ToolBody> {
        let accepts =
            |kind: &str| text(headers, ACCEPT.as_str()).is_some_and(|it| it.contains(kind));
        if !accepts("application/json") || !accepts("text/event-stream") {
            let problem = "Client must accept both application/json and text/event-stream";
            return refused(StatusCode::NOT_ACCEPTABLE, rpc::INVALID_REQUEST, problem);
        }
        let content_type = text(headers, CONTENT_TYPE.as_str()).unwrap_or_default();
        if !content_type.starts_with("application/json") {
            let problem = "Content-Type must be application/json";
            return refused(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                rpc::INVALID_REQUEST,
                problem,
            );
        }
        let Some(message) = message else {
            return refused(StatusCode::BAD_REQUEST, rpc::PARSE_ERROR, "Parse error");
        };
        if message.method.as_deref() == Some("initialize") && session.is_none() {
            return self.begin(&message);
        }
        match self.known(session) {
            Ok(session) => self.dispatch(&message, session),
            Err(stranger) => stranger.refusal(),
        }
    }

    /// The session of a request, counted.
    fn known(&self, session: Option<String>) -> Result<String, Stranger> {
        let session = session.ok_or(Stranger::NoSession)?;
        match self
            .sessions
            .touch(&session, self.trouble().session_requests())
        {
            true => Ok(session),
            false => Err(Stranger::NotKnown),
        }
    }

    fn stream(&self, headers: &HeaderMap, session: Option<String>) -> Response<ToolBody> {
        if !self.config.has_streams {
            return reply::bare(StatusCode::METHOD_NOT_ALLOWED);
        }
        let is_accepted =
            text(headers, ACCEPT.as_str()).is_some_and(|it| it.contains("text/event-stream"));
        if !is_accepted {
            let problem = "Client must accept text/event-stream";
            return refused(StatusCode::NOT_ACCEPTABLE, rpc::INVALID_REQUEST, problem);
        }
        let session = match self.known(session) {
            Ok(session) => session,
            Err(stranger) => return stranger.refusal(),
        };
        match self.sessions.stream(&session) {
            None => reply::bare(StatusCode::NOT_FOUND),
            Some(notices) => {
                let notices = Notices::new(notices, &self.memory);
                reply::events(ToolBody::Notices(notices))
            }
        }
    }

    fn delete(&self, session: Option<String>) -> Response<ToolBody> {
        if !session.is_some_and(|session| self.sessions.end(&session)) {
            return reply::bare(StatusCode::NOT_FOUND);
        }
        self.memory.change(|state| state.sessions_ended += 1);
        reply::bare(StatusCode::OK)
    }
}

/// Why a request belongs to no session.
enum Stranger {
    NoSession,
    NotKnown,
}

impl Stranger {
    fn refusal(self) -> Response<ToolBody> {
        let (status, problem) = match self {
            Self::NoSession => (StatusCode::BAD_REQUEST, "Missing session ID"),
            Self::NotKnown => (StatusCode::NOT_FOUND, "Session not found"),
        };
        refused(status, rpc::INVALID_REQUEST, problem)
    }
}

fn refused(status: StatusCode, code: i64, problem: &str) -> Response<ToolBody> {
    reply::json(status, rpc::answer("null", &rpc::error(code, problem)))
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}
