//! Where requests go, and how they are written.

use std::net::{SocketAddr, ToSocketAddrs};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use http::{Request, Uri};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::case::{Case, Stream};

/// The header by which a simulated provider is told how to answer.
const SIMULATE: &str = "x-simulate";

/// Bytes of text in an event: about what a provider sends.
const TEXT_BYTES: usize = 20;

/// How requests are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Anthropic,
    Chat,
    Responses,
}

/// One end that answers requests.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    host: HeaderValue,
    path: String,
    key: HeaderValue,
}

/// Why an address is no target.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TargetError {
    #[error("`{0}` is no address like http://127.0.0.1:4000/anthropic")]
    NotAnAddress(String),
    #[error("`{0}` leads nowhere")]
    Unresolved(String),
    #[error("the key cannot stand in a header")]
    Key,
}

/// How long one turn of a conversation is at most, what frames it, and what it consists of.
const TURN_BYTES: usize = 2 << 10;
const TURN_FRAME: usize = 40;
const TURN_LINE: &str = "what is said here weighs\n";

impl Dialect {
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "anthropic" => Some(Self::Anthropic),
            "chat" => Some(Self::Chat),
            "responses" => Some(Self::Responses),
            _ => None,
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Anthropic => "/v1/messages",
            Self::Chat => "/chat/completions",
            Self::Responses => "/responses",
        }
    }

    /// How many events frame the text of a stream.
    fn framing_events(self) -> usize {
        match self {
            Self::Anthropic => 6,
            Self::Chat => 4,
            Self::Responses => 8,
        }
    }

    /// A request body of so many bytes: a conversation of many turns that ends with a short
    /// question, as agents send them.
    pub(crate) fn body(self, bytes: usize, is_stream: bool) -> Bytes {
        let with = |turns: &[Value], question: &str| {
            let question = json!({"role": "user", "content": question});
            let said = [turns, &[question]].concat();
            let body = match self {
                Self::Anthropic => json!({
                    "model": "simulated", "max_tokens": 1024, "messages": said,
                    "stream": is_stream,
                }),
                Self::Chat if is_stream => json!({
                    "model": "simulated", "messages": said, "stream": true,
                    "stream_options": {"include_usage": true},
                }),
                Self::Chat => json!({"model": "simulated", "messages": said}),
                Self::Responses => json!({
                    "model": "simulated", "input": said, "stream": is_stream,
                }),
            };
            body.to_string()
        };
        let left = |turns: &[Value]| bytes.saturating_sub(with(turns, "").len());
        let mut turns = Vec::new();
        while left(&turns) > TURN_FRAME + TURN_LINE.len() {
            let room = left(&turns).min(TURN_BYTES) - TURN_FRAME;
            // A line break is two bytes in JSON.
            let said = TURN_LINE.repeat((room / (TURN_LINE.len() + 1)).max(1));
            let role = if turns.len() % 2 == 0 {
                "user"
            } else {
                "assistant"
            };
            turns.push(json!({"role": role, "content": said}));
        }
        with(&turns, &".".repeat(left(&turns))).into()
    }
}

impl Target {
    pub(crate) fn try_new(base: &str, dialect: Dialect, key: &str) -> Result<Self, TargetError> {
        let not_an_address = || TargetError::NotAnAddress(base.to_owned());
        let uri: Uri = base.parse().map_err(|_| not_an_address())?;
        let authority = uri.authority().ok_or_else(not_an_address)?.as_str();
        if uri.scheme_str() != Some("http") {
            return Err(not_an_address());
        }
        let resolved = authority.to_socket_addrs().ok();
        let address = resolved.and_then(|mut all| all.next());
        let path = uri.path().trim_end_matches('/');
        Ok(Self {
            address: address.ok_or_else(|| TargetError::Unresolved(authority.to_owned()))?,
            host: HeaderValue::from_str(authority).map_err(|_| not_an_address())?,
            path: format!("{path}{}", dialect.path()),
            key: HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| TargetError::Key)?,
        })
    }

    /// The request of a case. The body is shared by all.
    pub(crate) fn request(
        &self,
        case: &Case,
        dialect: Dialect,
        body: Bytes,
    ) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = http::Method::POST;
        if let Ok(path) = self.path.parse() {
            *request.uri_mut() = path;
        }
        let headers = request.headers_mut();
        headers.insert(HOST, self.host.clone());
        headers.insert(AUTHORIZATION, self.key.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(Stream { events, pace_ms }) = case.stream {
            let events = events.saturating_sub(dialect.framing_events());
            let order = format!("events={events} bytes={TEXT_BYTES} pace={pace_ms}");
            if let Ok(order) = HeaderValue::from_str(&order) {
                headers.insert(SIMULATE, order);
            }
        }
        request
    }
}
