//! A turn becomes a response: streamed or whole, in time or late, right or wrong.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use serde_json::Value;

use crate::asked::Asked;
use crate::dialect::Dialect;
use crate::directive::{Directives, Fault};
use crate::face::Face;
use crate::frame;
use crate::parts::Parts;
use crate::script::{AnswerBody, Middle, Script, Source};
use crate::seen::Ledger;
use crate::turn::Turn;

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream; charset=utf-8";
const FRAMES: &str = "application/vnd.amazon.eventstream";

/// What a caller gets who asked for a web page.
const PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head>\
                    <body><h1>Sign in to continue</h1></body></html>\n";

/// Bytes that are neither JSON, nor events, nor UTF-8.
const GARBAGE: &[u8] = b"\x00\xff\xfe{\"type\": garbage\ndata: }{\r\n\x80\x81event event\n\n\x00";

/// How a dripping answer is paced unless the request says otherwise.
const DRIP: Duration = Duration::from_secs(1);

/// How an answer is to be played.
pub(crate) struct Play<'d> {
    pub(crate) face: Face,
    pub(crate) directives: &'d Directives,
    pub(crate) pace: Duration,
}

impl Play<'_> {
    /// The response, and the answer's id.
    pub(crate) fn respond(
        &self,
        dialect: Dialect,
        turn: Turn,
        asked: &Asked<'_>,
        ledger: &Arc<Ledger>,
    ) -> (Response<AnswerBody>, String) {
        let (id, mut response) = match asked.wants_stream {
            true => {
                let (id, parts) = dialect.stream(turn, asked);
                (id, self.stream(dialect, parts))
            }
            false => {
                let (id, body) = dialect.whole(turn, asked);
                (id, self.whole(dialect, &body))
            }
        };
        let counted = |body: AnswerBody| body.counted(ledger, id.clone());
        response = response.map(counted);
        (response, id)
    }

    fn stream(&self, dialect: Dialect, mut parts: Parts) -> Response<AnswerBody> {
        let content_type = match self.face {
            Face::Bedrock => FRAMES,
            Face::Plain
            | Face::Mantle
            | Face::Copilot
            | Face::Azure
            | Face::Google
            | Face::OpenRouter => EVENTS,
        };
        if let Some(response) = self.wrong(content_type) {
            return response;
        }
        let gzip = self.directives.gzip;
        let middle = self.middle(dialect, parts.left() / 2);
        let (source, pace) = match self.directives.fault {
            Some(Fault::Drip) => {
                let mut bytes = BytesMut::new();
                while parts.next(&mut bytes) {}
                (drip(bytes.freeze()), self.drip_pace())
            }
            _ => (Source::Events(parts), self.pace),
        };
        let script = Script::new(source, pace, middle, gzip);
        response(content_type, gzip, AnswerBody::script(script))
    }

    fn whole(&self, dialect: Dialect, body: &Value) -> Response<AnswerBody> {
        if let Some(response) = self.wrong(JSON) {
            return response;
        }
        let gzip = self.directives.gzip;
        let mut bytes = Bytes::from(body.to_string());
        if gzip {
            bytes = compress(&bytes);
        }
        let length = HeaderValue::from(bytes.len());
        let is_dripping = self.directives.fault == Some(Fault::Drip);
        let body = match self.middle(dialect, 0) {
            Middle::Nothing if is_dripping => {
                let script = Script::new(drip(bytes), self.drip_pace(), Middle::Nothing, false);
                AnswerBody::script(script)
            }
            Middle::Nothing => AnswerBody::whole(bytes),
            middle @ (Middle::Break | Middle::Silence(_) | Middle::End(_)) => {
                let step = bytes.len().div_ceil(2);
                let halves = Source::Bytes { bytes, step };
                AnswerBody::script(Script::new(halves, Duration::ZERO, middle, false))
            }
        };
        let mut response = response(JSON, gzip, body);
        response.headers_mut().insert(CONTENT_LENGTH, length);
        response
    }

    /// An answer that has nothing of the turn in it.
    fn wrong(&self, content_type: &'static str) -> Option<Response<AnswerBody>> {
        let (content_type, bytes) = match self.directives.fault? {
            Fault::Html => (
                "text/html; charset=utf-8",
                Bytes::from_static(PAGE.as_bytes()),
            ),
            Fault::Empty => (content_type, Bytes::new()),
            Fault::Garbage => (content_type, Bytes::from_static(GARBAGE)),
            Fault::Status(_)
            | Fault::StreamError
            | Fault::BadChecksum
            | Fault::ResetBefore
            | Fault::ResetMid
            | Fault::Hang
            | Fault::Drip => return None,
        };
        Some(response(content_type, false, AnswerBody::whole(bytes)))
    }

    fn middle(&self, dialect: Dialect, events: usize) -> Middle {
        match self.directives.fault {
            Some(Fault::ResetMid) => Middle::Break,
            Some(Fault::StreamError) if events == 0 => Middle::Break,
            Some(Fault::StreamError) => Middle::End(dialect.stream_error(self.face, events)),
            Some(Fault::BadChecksum) => Middle::End(frame::spoiled()),
            _ if !self.directives.silence.is_zero() => Middle::Silence(self.directives.silence),
            _ => Middle::Nothing,
        }
    }

    fn drip_pace(&self) -> Duration {
        self.directives.pace.unwrap_or(DRIP)
    }
}

fn drip(bytes: Bytes) -> Source {
    Source::Bytes { bytes, step: 1 }
}

/// An answer in one piece.
pub(crate) fn json(body: &Value, status: StatusCode) -> Response<AnswerBody> {
    let body = AnswerBody::whole(Bytes::from(body.to_string()));
    let mut response = response(JSON, false, body);
    *response.status_mut() = status;
    response
}

/// A line for people.
pub(crate) fn text(line: &str) -> Response<AnswerBody> {
    let body = AnswerBody::whole(Bytes::from(format!("{line}\n")));
    response("text/plain; charset=utf-8", false, body)
}

fn response(content_type: &'static str, gzip: bool, body: AnswerBody) -> Response<AnswerBody> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

fn compress(bytes: &Bytes) -> Bytes {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing into memory does not fail.
    let compressed = gzip.write_all(bytes).and_then(|()| gzip.finish());
    compressed.unwrap_or_default().into()
}
