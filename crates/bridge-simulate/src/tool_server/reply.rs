//! The responses of a tool server, and the bodies that take their time.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use http_body::{Body, Frame};
use tokio::sync::mpsc;

use super::memory::Memory;

/// What will be said later: text, or nothing when there is nothing more to say.
pub(super) type Later = Pin<Box<dyn Future<Output = Option<Bytes>> + Send>>;

/// The body of a response.
pub(crate) enum ToolBody {
    Whole(Option<Bytes>),
    Later(Option<Later>),
    /// Notices, one after another, until the session ends.
    Notices(Notices),
    /// This, and then the connection ends.
    Breaks {
        bytes: Option<Bytes>,
        has_paused: bool,
    },
}

/// The notices of a session. Their memory counts the stream as open until this is dropped.
pub(crate) struct Notices {
    notices: mpsc::Receiver<Bytes>,
    memory: Arc<Memory>,
}

impl Notices {
    pub(super) fn new(notices: mpsc::Receiver<Bytes>, memory: &Arc<Memory>) -> Self {
        memory.change(|state| state.streams += 1);
        Self {
            notices,
            memory: Arc::clone(memory),
        }
    }
}

impl Drop for Notices {
    fn drop(&mut self) {
        self.memory.change(|state| state.streams -= 1);
    }
}

impl Body for ToolBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let bytes = match &mut *self {
            Self::Whole(bytes) => bytes.take(),
            Self::Later(later) => match later {
                None => None,
                Some(waiting) => {
                    let bytes = ready!(waiting.as_mut().poll(cx));
                    *later = None;
                    bytes
                }
            },
            Self::Notices(Notices { notices, .. }) => ready!(notices.poll_recv(cx)),
            Self::Breaks { bytes, has_paused } => match bytes.take() {
                Some(bytes) => Some(bytes),
                // What was written is to reach the client: the connection sends it on when the
                // body has nothing at hand.
                None if !std::mem::replace(has_paused, true) => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                None => {
                    let cut = io::Error::other("the answer ends here because it was told to");
                    return Poll::Ready(Some(Err(cut)));
                }
            },
        };
        Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Later(later) => later.is_none(),
            Self::Notices(_) | Self::Breaks { .. } => false,
        }
    }
}

impl fmt::Debug for ToolBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ToolBody")
    }
}

/// The beginning of an event, and then nothing more.
pub(super) fn broken() -> Response<ToolBody> {
    let half = Bytes::from_static(b"event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":");
    events(ToolBody::Breaks {
        bytes: Some(half),
        has_paused: false,
    })
}

/// A response without a body.
pub(super) fn bare(status: StatusCode) -> Response<ToolBody> {
    let mut response = Response::new(ToolBody::Whole(None));
    *response.status_mut() = status;
    response
}

pub(super) fn json(status: StatusCode, text: String) -> Response<ToolBody> {
    let mut response = typed("application/json", ToolBody::Whole(Some(text.into())));
    *response.status_mut() = status;
    response
}

pub(super) fn events(body: ToolBody) -> Response<ToolBody> {
    typed("text/event-stream", body)
}

pub(super) fn typed(content_type: &'static str, body: ToolBody) -> Response<ToolBody> {
    let mut response = Response::new(body);
    let value = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, value);
    response
}

/// An answer as the only event of a stream.
pub(super) fn event(answer: &str) -> String {
    format!("event: message\ndata: {answer}\n\n")
}
