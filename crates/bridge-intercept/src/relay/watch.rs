//! What listens to an answer that passes by.

use bridge_api::{AnswerEnd, DialectId, Observed, Observer, ObserverLimits, read_error};
use bridge_record::ErrorType;
use bridge_stream::{ContentDecoder, DecodeError, Limits, SseDecoder};
use bytes::{Bytes, BytesMut};
use http::StatusCode;

use super::ear::Ear;
use crate::transcript::type_of_status;

/// How much of a provider's error body is read.
const FAILURE_BYTES: usize = 64 << 10;

/// What kind of body is listened to.
pub(crate) enum WatchKind {
    /// A stream of events.
    Events,
    /// A whole JSON value of at most this many bytes.
    Whole { limit: usize },
    /// A failure under this status.
    Failure { status: StatusCode },
    /// An answer that is woven of several, of which others hear the provider's own words.
    Woven { ear: Ear, is_stream: bool },
}

/// Listens to one body.
pub(crate) struct Watch {
    listening: Listening,
    /// Undoes the body's encoding for the listener's copy.
    content: Option<ContentDecoder>,
    decoded: Vec<u8>,
    is_blind: bool,
    /// Whether there was more than is read.
    is_too_large: bool,
    has_heard: bool,
}

enum Listening {
    Events {
        decoder: Box<SseDecoder>,
        observer: Box<Observer>,
    },
    Whole {
        kept: Kept,
        observer: Box<Observer>,
    },
    Failure {
        kept: Kept,
        status: StatusCode,
    },
    Woven {
        ear: Ear,
        is_stream: bool,
    },
    Over,
}

/// What was seen of an answer.
pub(super) enum Seen {
    Answer(Observed),
    Failure {
        error_type: ErrorType,
        message: Option<String>,
        /// What there was of an answer until then.
        observed: Option<Observed>,
    },
    /// It was taken before.
    Nothing,
}

impl Seen {
    /// Whether nothing in it was of the provider's format.
    pub(super) fn is_unreadable(&self) -> bool {
        matches!(self, Self::Answer(observed) if observed.end == AnswerEnd::Garbage)
    }

    /// Whether an answer has not said its last word. A whole body that cannot be read may have.
    pub(super) fn is_cut(&self, is_stream: bool) -> bool {
        let Self::Answer(observed) = self else {
            return false;
        };
        match observed.end {
            AnswerEnd::Complete | AnswerEnd::Incomplete { .. } | AnswerEnd::Failed { .. } => false,
            AnswerEnd::Truncated => true,
            AnswerEnd::Garbage => is_stream,
        }
    }
}

impl Watch {
    pub(crate) fn new(
        dialect: DialectId,
        kind: &WatchKind,
        content: Option<ContentDecoder>,
    ) -> Self {
        let observer = || Box::new(Observer::new(dialect, ObserverLimits::default()));
        let listening = match kind {
            WatchKind::Events => Listening::Events {
                decoder: Box::new(SseDecoder::new(Limits::default())),
                observer: observer(),
            },
            WatchKind::Whole { limit } => Listening::Whole {
                kept: Kept::new(*limit),
                observer: observer(),
            },
            WatchKind::Failure { status } => Listening::Failure {
                kept: Kept::new(FAILURE_BYTES),
                status: *status,
            },
            WatchKind::Woven { ear, is_stream } => Listening::Woven {
                ear: ear.clone(),
                is_stream: *is_stream,
            },
        };
        let decoded = Vec::new();
        Self {
            listening,
            content,
            decoded,
            is_blind: false,
            is_too_large: false,
            has_heard: false,
        }
    }

    /// Whether events may be put between those of the provider.
    pub(super) fn can_be_added_to(&self) -> bool {
        self.is_stream() && self.content.is_none()
    }

    /// Whether the body is a stream of events.
    pub(super) fn is_stream(&self) -> bool {
        match &self.listening {
            Listening::Events { .. } => true,
            Listening::Woven { is_stream, .. } => *is_stream,
            Listening::Whole { .. } | Listening::Failure { .. } | Listening::Over => false,
        }
    }

    /// Whether the body is woven of several answers.
    pub(super) fn is_woven(&self) -> bool {
        matches!(self.listening, Listening::Woven { .. })
    }

    /// Whether it lost track. The body is relayed all the same.
    pub(super) fn is_blind(&self) -> bool {
        self.is_blind
    }

    /// Why the answer could not be followed to its end; nothing when it could.
    pub(super) fn lost_track(&self) -> Option<&'static str> {
        if self.is_too_large {
            return Some("too_large");
        }
        self.is_blind.then_some("not_decodable")
    }

    /// Whether there was more than is read, so that the end may have been good unseen.
    pub(super) fn is_too_large(&self) -> bool {
        self.is_too_large
    }

    /// Whether anything came at all.
    pub(super) fn has_heard(&self) -> bool {
        self.has_heard
    }

    /// Whether the body's encoding must be undone to hear it.
    pub(super) fn is_encoded(&self) -> bool {
        self.content.is_some()
    }

    /// Whether nothing of weight can follow in this stream.
    pub(super) fn has_ended(&self) -> bool {
        match &self.listening {
            Listening::Events { observer, .. } => observer.has_ended(),
            Listening::Woven { ear, is_stream } => *is_stream && ear.has_ended(),
            Listening::Whole { .. } | Listening::Failure { .. } | Listening::Over => false,
        }
    }

    /// Whether the answer has said its last word.
    pub(super) fn is_complete(&self) -> bool {
        match &self.listening {
            Listening::Events { observer, .. } => observer.is_complete(),
            Listening::Woven { ear, is_stream } => *is_stream && ear.is_complete(),
            Listening::Whole { .. } | Listening::Failure { .. } | Listening::Over => false,
        }
    }

    /// Listens to a piece. Says where the last whole event in it ends, if it is a plain stream of
    /// events.
    pub(super) fn hear(&mut self, piece: &Bytes) -> Option<usize> {
        self.has_heard |= !piece.is_empty();
        if self.is_blind {
            return None;
        }
        let Some(content) = &mut self.content else {
            let boundary = self.listening.hear(piece, &mut self.is_blind);
            // Only limits make a listener to plain bytes lose track.
            self.is_too_large |= self.is_blind;
            return boundary;
        };
        self.decoded.clear();
        let fed = content.feed(piece, &mut self.decoded);
        // What came out before an error is good, however the bytes were cut.
        let decoded = Bytes::copy_from_slice(&self.decoded);
        self.listening.hear(&decoded, &mut self.is_blind);
        self.is_too_large |= self.is_blind || matches!(fed, Err(DecodeError::TooLarge { .. }));
        self.is_blind |= fed.is_err();
        None
    }

    /// The body has ended. Events without a blank line behind them are heard if they are whole.
    pub(super) fn finish_stream(&mut self) {
        if let Some(content) = &mut self.content {
            // What was whole has been heard; whether the coding itself ended well changes nothing.
            let _either = content.finish();
        }
        if let Listening::Events { decoder, observer } = &mut self.listening {
            decoder.finish(|event| observer.last_event(event.name, event.data));
        }
    }

    /// Everything that was seen. The second time there is nothing.
    pub(super) fn take(&mut self) -> Seen {
        match std::mem::replace(&mut self.listening, Listening::Over) {
            Listening::Events { observer, .. } => Seen::Answer(observer.finish()),
            Listening::Whole { kept, mut observer } => {
                self.is_too_large |= kept.is_over_limit;
                if let Some(body) = kept.whole() {
                    observer.whole(&body);
                }
                Seen::Answer(observer.finish())
            }
            Listening::Failure { kept, status } => Seen::Failure {
                error_type: type_of_status(status),
                message: kept
                    .whole()
                    .and_then(|body| read_error(&body))
                    .map(|error| error.message),
                observed: None,
            },
            Listening::Woven { ear, .. } => ear.take(),
            Listening::Over => Seen::Nothing,
        }
    }
}

impl Listening {
    fn hear(&mut self, piece: &Bytes, is_blind: &mut bool) -> Option<usize> {
        match self {
            Self::Events { decoder, observer } => {
                match decoder.feed(piece, |event| observer.event(event.name, event.data)) {
                    Ok(boundary) => return boundary,
                    Err(_) => *is_blind = true,
                }
            }
            Self::Whole { kept, .. } | Self::Failure { kept, .. } => kept.push(piece),
            // Whole events, one or several.
            Self::Woven { is_stream, .. } if *is_stream => return Some(piece.len()),
            Self::Woven { .. } | Self::Over => {}
        }
        None
    }
}

/// A copy of a body, up to a limit. The first piece alone is not copied.
struct Kept {
    first: Option<Bytes>,
    more: BytesMut,
    limit: usize,
    is_over_limit: bool,
}

impl Kept {
    fn new(limit: usize) -> Self {
        Self {
            first: None,
            more: BytesMut::new(),
            limit,
            is_over_limit: false,
        }
    }

    fn push(&mut self, piece: &Bytes) {
        if self.is_over_limit || piece.is_empty() {
            return;
        }
        let before = self.first.as_ref().map_or(self.more.len(), Bytes::len);
        if before + piece.len() > self.limit {
            self.is_over_limit = true;
            self.first = None;
            self.more = BytesMut::new();
        } else if before == 0 {
            self.first = Some(piece.clone());
        } else {
            if let Some(first) = self.first.take() {
                self.more.extend_from_slice(&first);
            }
            self.more.extend_from_slice(piece);
        }
    }

    /// The whole body, if it was within the limit.
    fn whole(self) -> Option<Bytes> {
        if self.is_over_limit {
            return None;
        }
        Some(self.first.unwrap_or_else(|| self.more.freeze()))
    }
}

#[cfg(test)]
mod tests;
