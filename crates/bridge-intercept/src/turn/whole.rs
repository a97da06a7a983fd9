//! An answer that is no stream, woven of several.

use bridge_api::RoundEnd;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HeaderName};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::answer::Unreadable;
use crate::answer_head::clean;
use crate::handler::Answer;
use crate::relay::{Ear, Manner, Source, Watch, WatchKind};
use crate::rounds::{Failed, Refusal, Rounds, Step};
use crate::transcript::{End, Transcript};
use crate::{AnswerBody, InterceptError};

/// Tells the providers' SDKs not to try again: tools have run, and would run again.
const X_SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// The head of an answer, and how its body comes.
pub(super) struct Head {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) manner: Manner,
}

/// Reads a body up to a limit. `first` was read of it before. A part of one that is larger is of no
/// use: relayed as it comes it might show the client calls that are none of its own.
pub(super) async fn gather(
    first: Option<Bytes>,
    mut source: Source,
    limit: usize,
) -> Result<Bytes, Unreadable> {
    let mut read = BytesMut::from(first.unwrap_or_default());
    while read.len() <= limit {
        match source.next().await {
            None => return Ok(read.freeze()),
            Some(piece) => read.extend_from_slice(&piece.map_err(Unreadable::Broken)?),
        }
    }
    Err(Unreadable::NoAnswer("more than is read"))
}

/// Goes from round to round until there is an answer for the caller. Nothing has gone to it before,
/// so a failure is an answer of its own.
///
/// Dropping the future ends the turn, as with a stream.
pub(super) async fn weave(
    mut rounds: Box<Rounds>,
    mut transcript: Transcript,
    mut head: Head,
    mut body: Bytes,
) -> Result<Answer, InterceptError> {
    let ear = Ear::new(rounds.dialect);
    transcript.hears_by(ear.clone());
    let mut is_first = true;
    loop {
        ear.hear(|observer| observer.whole(&body));
        if let Err(error) = rounds.weave.whole(body) {
            return failed(transcript, head, Failed::of_weave(error)).await;
        }
        let step = match rounds.end_round() {
            RoundEnd::Over => break,
            RoundEnd::Calls(_) | RoundEnd::Mixed(_) if rounds.notes.departure().has_left() => {
                Step::Failed(Failed::Left)
            }
            RoundEnd::Calls(calls) => {
                let calls = rounds.notes.takes(calls);
                if let Some(observed) = ear.end_round() {
                    rounds.notes.end_round(observed);
                }
                rounds.go_on(calls, Source::nothing()).await
            }
            RoundEnd::Mixed(calls) => {
                let calls = rounds.notes.takes(calls);
                rounds.finish_mixed(calls, Source::nothing()).await
            }
        };
        let next = match step {
            Step::Round(next_rounds, next) => {
                rounds = next_rounds;
                next
            }
            Step::Kept(kept) => {
                rounds = kept;
                break;
            }
            Step::Failed(reason) => return failed(transcript, head, reason).await,
        };
        (head.status, head.headers) = (next.status, next.headers);
        head.manner.is_framed = next.is_framed;
        clean(&mut head.headers);
        is_first = false;
        ear.begin();
        let limit = rounds.answer_bytes();
        body = match gather(None, next.source, limit).await {
            Ok(body) if body.is_empty() => {
                let reason = Failed::of_reading("the provider answered with nothing");
                return failed(transcript, head, reason).await;
            }
            Ok(body) => body,
            Err(Unreadable::NoAnswer(what)) => {
                let reason = Failed::of_reading(&format!("the provider answered with {what}"));
                return failed(transcript, head, reason).await;
            }
            Err(Unreadable::Broken(error)) => {
                let reason = rounds.broken(error);
                return failed(transcript, head, reason).await;
            }
        };
    }
    let body = rounds.weave.finish_whole();
    rounds.over();
    ear.is_last();
    if !is_first || head.headers.contains_key(CONTENT_LENGTH) {
        let length = HeaderValue::from(body.len());
        head.headers.insert(CONTENT_LENGTH, length);
    }
    let is_stream = false;
    let watch = Watch::new(rounds.dialect, &WatchKind::Woven { ear, is_stream }, None);
    Ok(answer(transcript, head, body, watch).await)
}

/// The turn has failed: the provider's refusal, or our own.
async fn failed(
    transcript: Transcript,
    mut head: Head,
    failed: Failed,
) -> Result<Answer, InterceptError> {
    let (error_type, message) = failed.recorded();
    let error = match failed {
        Failed::Left => return Err(InterceptError::Tools("the caller has left".to_owned())),
        Failed::Refused(refusal) => {
            let Refusal {
                status,
                headers,
                body,
                message: _,
            } = *refusal;
            (head.status, head.headers) = (status, headers);
            clean(&mut head.headers);
            let length = HeaderValue::from(body.len());
            head.headers.insert(CONTENT_LENGTH, length);
            head.headers
                .insert(X_SHOULD_RETRY, HeaderValue::from_static("false"));
            let watch = Watch::new(head.manner.dialect, &WatchKind::Failure { status }, None);
            return Ok(answer(transcript, head, body, watch).await);
        }
        Failed::Ended { error, .. } => error,
    };
    let observed = transcript.heard();
    transcript.close(End::failed(error_type, message, observed));
    transcript.settle().await;
    Err(InterceptError::AfterTools(error))
}

async fn answer(transcript: Transcript, head: Head, body: Bytes, watch: Watch) -> Answer {
    let source = Source::written(body);
    let mut body = AnswerBody::observed(source, None, transcript, watch, &head.manner);
    body.settle_empty().await;
    Answer {
        status: head.status,
        headers: head.headers,
        body,
    }
}
