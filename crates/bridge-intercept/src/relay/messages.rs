//! AWS's messages, told as events.

use std::task::{Context, Poll, ready};

use bridge_api::{bedrock_event, bedrock_exception};
use bridge_stream::{EventStreamDecoder, EventStreamMessage, SseEvent};
use bridge_upstream::{Body, UpstreamError};
use bytes::Bytes;

use super::source::poll_body;

/// How large a message may be: as large as an event.
const LARGEST: usize = 16 << 20;
/// How much memory is kept for the next event.
const KEPT_BYTES: usize = 64 << 10;

/// A stream of AWS's messages that is read as a stream of events.
///
/// A chunk becomes the event in it, an exception becomes an error event. A message that is damaged
/// or holds no event breaks the stream, as if the connection had broken: what came before it has
/// been given out, and nothing after it is believed.
pub(super) struct Messages {
    body: Body,
    decoder: EventStreamDecoder,
    /// Where events are written before they are passed on. Used again for each.
    room: Vec<u8>,
    /// What is told when everything before it has been given out.
    failure: Option<UpstreamError>,
    is_over: bool,
}

/// A chunk in which there is no event.
#[derive(Debug, thiserror::Error)]
#[error("a message of the provider's stream holds no event")]
struct NoEvent;

impl Messages {
    pub(super) fn new(body: Body) -> Self {
        Self {
            body,
            decoder: EventStreamDecoder::new(LARGEST),
            room: Vec::new(),
            failure: None,
            is_over: false,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over && self.failure.is_none()
    }

    pub(super) fn poll_data(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, UpstreamError>>> {
        loop {
            if self.is_over {
                return Poll::Ready(self.failure.take().map(Err));
            }
            match ready!(poll_body(&mut self.body, cx)) {
                Some(Ok(piece)) => {
                    let events = self.hear(&piece);
                    if !events.is_empty() {
                        return Poll::Ready(Some(Ok(Bytes::from(events))));
                    }
                }
                Some(Err(error)) => self.end(Some(error)),
                None => {
                    let outcome = self.decoder.finish();
                    self.end(outcome.err().map(broken));
                }
            }
        }
    }

    /// The events in a piece, as they are written in a stream.
    fn hear(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut events = Vec::with_capacity(piece.len());
        let (room, mut told) = (&mut self.room, Ok(()));
        let fed = self.decoder.feed(piece, |message| {
            if told.is_ok() {
                told = tell(&message, room, &mut events);
            }
        });
        // The memory of a rare large event is not kept for the small ones after it.
        room.clear();
        room.shrink_to(KEPT_BYTES);
        if let Err(error) = told {
            self.end(Some(broken(error)));
        } else if let Err(error) = fed {
            self.end(Some(broken(error)));
        }
        events
    }

    fn end(&mut self, failure: Option<UpstreamError>) {
        self.is_over = true;
        self.failure = failure;
    }
}

fn broken(cause: impl std::error::Error + Send + Sync + 'static) -> UpstreamError {
    UpstreamError::BodyBroken(Box::new(cause))
}

/// Appends what a message says as an event. What is neither chunk nor failure says nothing.
fn tell(
    message: &EventStreamMessage<'_>,
    room: &mut Vec<u8>,
    events: &mut Vec<u8>,
) -> Result<(), NoEvent> {
    match message.text(":message-type") {
        Some("event") if message.text(":event-type") == Some("chunk") => {
            let event = bedrock_event(message.payload, room).ok_or(NoEvent)?;
            let (name, data) = (&*event.name, event.data);
            SseEvent { name, data }.write_to(events);
        }
        Some("exception") => {
            let exception = message.text(":exception-type").unwrap_or_default();
            let event = bedrock_exception(exception, None, message.payload);
            events.extend_from_slice(&event);
        }
        Some("error") => {
            let code = message.text(":error-code").unwrap_or_default();
            let said = message.text(":error-message");
            events.extend_from_slice(&bedrock_exception(code, said, message.payload));
        }
        Some(_) | None => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(headers: &[(&str, &str)], payload: &[u8]) -> Result<String, NoEvent> {
        let mut stream = Vec::new();
        assert!(EventStreamMessage::write(headers, payload, &mut stream));
        let (mut events, mut told) = (Vec::new(), None);
        let fed = EventStreamDecoder::new(LARGEST).feed(&stream, |message| {
            told = Some(tell(&message, &mut Vec::new(), &mut events));
        });
        fed.unwrap();
        told.unwrap().map(|()| String::from_utf8(events).unwrap())
    }

    #[test]
    fn chunks_become_events_and_failures_error_events() {
        let chunk = [(":message-type", "event"), (":event-type", "chunk")];
        // {"type":"ping"}
        let payload = br#"{"bytes":"eyJ0eXBlIjoicGluZyJ9","p":"abc"}"#;
        assert_eq!(
            told(&chunk, payload).unwrap(),
            "event: ping\ndata: {\"type\":\"ping\"}\n\n"
        );
        assert!(told(&chunk, b"{}").is_err());
        assert_eq!(told(&[(":message-type", "event")], b"{}").unwrap(), "");
        assert_eq!(told(&[], payload).unwrap(), "");

        let exception = [
            (":message-type", "exception"),
            (":exception-type", "throttlingException"),
        ];
        let event = told(&exception, br#"{"message":"slow down"}"#).unwrap();
        assert!(event.starts_with("event: error\ndata: "), "{event}");
        assert!(
            event.contains("rate_limit_error") && event.contains("slow down"),
            "{event}"
        );

        let error = [
            (":message-type", "error"),
            (":error-code", "InternalFailure"),
            (":error-message", "it broke"),
        ];
        let event = told(&error, b"").unwrap();
        assert!(
            event.contains("api_error") && event.contains("it broke"),
            "{event}"
        );
    }
}
