//! Bodies of answers: whole, or as events for the SDK.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;

use bridge_stream::{Limits, SseDecoder, SseEvent};
use bridge_upstream::{Body, UpstreamError};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use http_body::Body as _;
use rmcp::model::RequestId;
use rmcp::transport::streamable_http_client::SseError;
use sse_stream::Sse;

use super::line::Line;
use super::message::{self, Left, intercept};
use super::places::Place;
use crate::McpError;

/// How many times as large as one answer the stream of events may be that brings it: progress is
/// told in it, too.
const STREAM_FACTOR: usize = 4;

/// Whose events they are.
pub(super) enum Origin {
    /// The answer to a request, if it was one.
    Answer(Option<RequestId>),
    /// What the server says unasked. It has no end, and so no limit on the whole.
    Listening(#[expect(dead_code, reason = "it is held")] Option<Place>),
}

/// Reads a body whole.
///
/// # Errors
/// When it breaks, or is larger than the limit.
pub(super) async fn whole(mut body: Body, limit: usize) -> Result<Bytes, McpError> {
    let mut whole = BytesMut::new();
    while let Some(piece) = next_piece(&mut body).await {
        let piece = piece.map_err(McpError::Unreachable)?;
        if whole.len() + piece.len() > limit {
            return Err(McpError::TooLarge { limit });
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

async fn next_piece(body: &mut Body) -> Option<Result<Bytes, UpstreamError>> {
    loop {
        let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await?;
        match frame.map(http_body::Frame::into_data) {
            Ok(Ok(piece)) => return Some(Ok(piece)),
            // Trailers say nothing to us.
            Ok(Err(_)) => {}
            Err(error) => return Some(Err(error)),
        }
    }
}

/// The events of a body, without those whose messages are wanted as they are: of these the SDK
/// hears that they came. Dropping the stream ends the exchange.
pub(super) fn decode(
    line: Line,
    body: Body,
    origin: Origin,
) -> BoxStream<'static, Result<Sse, SseError>> {
    let limit = line.answer_bytes();
    let limits = Limits {
        line_bytes: limit,
        event_bytes: limit,
    };
    let reading = Reading {
        line,
        body: Some(body),
        origin,
        decoder: SseDecoder::new(limits),
        ready: VecDeque::new(),
        left: limit.saturating_mul(STREAM_FACTOR),
    };
    stream::unfold(reading, Reading::next).boxed()
}

/// Messages of the protocol are in events without a name of their own; pings and the like are not.
fn keep(event: SseEvent<'_>, events: &mut Vec<Vec<u8>>) {
    if event.name == "message" {
        events.push(event.data.to_vec());
    }
}

struct Reading {
    line: Line,
    /// None at its end.
    body: Option<Body>,
    origin: Origin,
    decoder: SseDecoder,
    ready: VecDeque<Sse>,
    /// How many bytes more may come.
    left: usize,
}

impl Reading {
    async fn next(mut self) -> Option<(Result<Sse, SseError>, Self)> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some((Ok(event), self));
            }
            let piece = tokio::select! {
                piece = next_piece(self.body.as_mut()?) => piece,
                () = self.line.given_up() => None,
            };
            match piece {
                Some(Ok(piece)) => {
                    if let Err(error) = self.feed(&piece) {
                        return Some(self.give_up(error));
                    }
                }
                Some(Err(error)) => {
                    return Some(self.give_up(McpError::Unreachable(error)));
                }
                None => {
                    self.body = None;
                    self.finish();
                }
            }
        }
    }

    fn feed(&mut self, piece: &[u8]) -> Result<(), McpError> {
        let limit = self.line.answer_bytes();
        if matches!(self.origin, Origin::Answer(_)) {
            let left = self.left.checked_sub(piece.len());
            self.left = left.ok_or(McpError::TooLarge { limit })?;
        }
        let mut events = Vec::new();
        let fed = self.decoder.feed(piece, |event| keep(event, &mut events));
        let asked = match &self.origin {
            Origin::Answer(asked) => asked.clone(),
            Origin::Listening(_) => None,
        };
        self.take(events, asked.as_ref());
        fed.map(|_| ()).map_err(|_| McpError::TooLarge { limit })
    }

    /// The stream has ended. What stands there without a blank line behind it counts if it can be
    /// read; if not it was cut, and the stream may be taken up before it.
    fn finish(&mut self) {
        let mut events = Vec::new();
        self.decoder.finish(|event| keep(event, &mut events));
        self.take(events, None);
    }

    /// `asked` is the request that an event which cannot be read must have meant.
    fn take(&mut self, events: Vec<Vec<u8>>, asked: Option<&RequestId>) {
        for data in events {
            // Servers send an event without a message first, for its id.
            let left = if data.trim_ascii().is_empty() {
                Left::AsItIs
            } else {
                intercept(&data, asked, self.line.slots())
            };
            let data = match left {
                Left::AsItIs => String::from_utf8(data).ok(),
                Left::Question if self.line.owed().ask() => String::from_utf8(data).ok(),
                Left::Over(id) => serde_json::to_string(&message::over(id)).ok(),
                Left::Question | Left::Nothing => None,
            };
            if let Some(data) = data {
                self.ready.push_back(Sse::default().data(data));
            }
        }
        // Where the stream is resumed is known once all that came with a piece is handed on.
        if let Some(last) = self.ready.back_mut() {
            last.id = self.decoder.last_id().map(str::to_owned);
            last.retry = self.decoder.retry_ms();
        }
    }

    /// What the answer was waited for hears why; the SDK hears that the stream broke.
    fn give_up(mut self, error: McpError) -> (Result<Sse, SseError>, Self) {
        self.body = None;
        let is_final = matches!(error, McpError::TooLarge { .. });
        if let Origin::Answer(Some(id)) = &self.origin
            && is_final
            && self.line.slots().put(id, Err(error))
            && let Ok(over) = serde_json::to_string(&message::over(id.clone()))
        {
            return (Ok(Sse::default().data(over)), self);
        }
        let broke = std::io::Error::other("the stream broke");
        (Err(SseError::Body(Box::new(broke))), self)
    }
}
