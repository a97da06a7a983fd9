//! From the head of an answer to the body that relays it.

use bridge_api::DialectId;
use bridge_stream::{ContentDecoder, UnknownEncoding};
use bridge_telemetry::Part;
use bridge_upstream::{Body, Reply, UpstreamError};
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};

use super::encodings;
use super::unserved::{unanswered, unusable};
use super::whole::{Head, gather, weave};
use crate::answer_head::{BodyKind, clean, is_framed, no_answer, prepare_events};
use crate::bedrock::translate;
use crate::handler::Answer;
use crate::relay::{Ear, Manner, Source, Watch, WatchKind};
use crate::rounds::Rounds;
use crate::transcript::Transcript;
use crate::{AnswerBody, Blueprint, InterceptError, Provider};

/// Longest content type that is repeated in an error, in characters.
const LONGEST_CONTENT_TYPE: usize = 64;

/// Decides how an answer is relayed. Nothing has been said to the caller yet, so what is no answer
/// can still become a failure.
pub(super) async fn answer(
    blueprint: &Blueprint,
    provider: &Provider,
    dialect: DialectId,
    transcript: Transcript,
    reply: Reply,
    rounds: Option<Box<Rounds>>,
) -> Result<Answer, InterceptError> {
    let Reply {
        status,
        mut headers,
        body,
        connecting: _,
    } = reply;
    let limit = blueprint.config.answer_bytes;
    let rounds = rounds.filter(|_| status.is_success());
    let is_woven = rounds.is_some();
    let opening = opened(provider, status, &mut headers, body, limit, is_woven);
    let Opened {
        mut body,
        content,
        is_framed,
    } = match opening.await {
        Ok(opened) => opened,
        Err(unreadable) => return Err(unreadable.told(transcript, status).await),
    };
    let sorting = sorted(status, &headers, content.is_some(), &mut body);
    let sorting = transcript.parts().timed(Part::FirstByte, sorting).await;
    let (kind, mut first) = match sorting {
        Ok(sorted) => sorted,
        Err(unreadable) => return Err(unreadable.told(transcript, status).await),
    };
    clean(&mut headers);
    let manner = Manner {
        dialect,
        is_framed,
        ping_after: blueprint.config.ping_after,
        held_bytes: blueprint.config.held_bytes,
    };
    let watch = match (kind, rounds) {
        (BodyKind::Whole | BodyKind::Unsaid, Some(rounds)) => {
            let whole = match gather(first, body, limit).await {
                Ok(whole) => whole,
                Err(unreadable) => return Err(unreadable.told(transcript, status).await),
            };
            let head = Head {
                status,
                headers,
                manner,
            };
            // In a box, because who has no tools has no use for its room.
            return Box::pin(weave(rounds, transcript, head, whole)).await;
        }
        (BodyKind::Events, Some(mut rounds)) => {
            rounds.is_stream();
            let ear = Ear::new(dialect);
            body = Source::woven(rounds, first.take(), body, ear.clone());
            let is_stream = true;
            WatchKind::Woven { ear, is_stream }
        }
        (BodyKind::Events, None) => WatchKind::Events,
        (BodyKind::Whole | BodyKind::Unsaid, None) => WatchKind::Whole { limit },
        (BodyKind::Failure, _) => WatchKind::Failure { status },
        (BodyKind::Foreign, _) => {
            let what = content_type(&headers);
            return Err(unusable(transcript, what, status.as_u16()).await);
        }
    };
    if kind == BodyKind::Events {
        prepare_events(&mut headers);
    }
    let watch = Watch::new(dialect, &watch, content);
    let mut body = AnswerBody::observed(body, first, transcript, watch, &manner);
    body.settle_empty().await;
    Ok(Answer {
        status,
        headers,
        body,
    })
}

/// A body in the caller's dialect.
struct Opened {
    body: Source,
    /// Undoes its encoding. One that is to be woven has none any more.
    content: Option<ContentDecoder>,
    /// Whether its end is told from its breaking off.
    is_framed: bool,
}

async fn opened(
    provider: &Provider,
    status: StatusCode,
    headers: &mut HeaderMap,
    body: Body,
    limit: usize,
    is_woven: bool,
) -> Result<Opened, Unreadable> {
    if let Some(what) = no_answer(status) {
        return Err(Unreadable::NoAnswer(what));
    }
    let translating = translated(provider, status, headers, body);
    let mut body = translating.await.map_err(Unreadable::Broken)?;
    let content =
        content_decoder(headers, limit).map_err(|_| Unreadable::NoAnswer("an unknown encoding"))?;
    let is_framed = is_framed(headers);
    let content = match content {
        Some(content) if is_woven => {
            headers.remove(CONTENT_ENCODING);
            headers.remove(CONTENT_LENGTH);
            body = Source::decoded(body, content);
            None
        }
        content => content,
    };
    Ok(Opened {
        body,
        content,
        is_framed,
    })
}

/// The body in the caller's dialect, which mostly is the provider's own.
pub(crate) async fn translated(
    provider: &Provider,
    status: StatusCode,
    headers: &mut HeaderMap,
    body: Body,
) -> Result<Source, UpstreamError> {
    match &provider.bedrock {
        Some(bedrock) if bedrock.is_translated() => translate(status, headers, body).await,
        Some(_) | None => Ok(Source::from(body)),
    }
}

pub(crate) fn content_decoder(
    headers: &HeaderMap,
    limit: usize,
) -> Result<Option<ContentDecoder>, UnknownEncoding> {
    let encodings = encodings(headers)?;
    Ok((!encodings.is_empty()).then(|| ContentDecoder::new(&encodings, limit)))
}

pub(crate) fn content_type(headers: &HeaderMap) -> String {
    let text = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    match text {
        Some(text) => crate::client_hint::shortened(text, LONGEST_CONTENT_TYPE),
        None => "something that is no JSON".to_owned(),
    }
}

/// Why a body cannot be read.
pub(super) enum Unreadable {
    /// It is this, and no answer.
    NoAnswer(&'static str),
    Broken(UpstreamError),
}

impl Unreadable {
    /// Ends the turn.
    async fn told(self, transcript: Transcript, status: StatusCode) -> InterceptError {
        match self {
            Self::NoAnswer(what) => unusable(transcript, what.to_owned(), status.as_u16()).await,
            Self::Broken(error) => unanswered(transcript, error).await,
        }
    }
}

/// What a body is, by its head or else by its first bytes, which are given back.
async fn sorted(
    status: StatusCode,
    headers: &HeaderMap,
    is_encoded: bool,
    body: &mut Source,
) -> Result<(BodyKind, Option<Bytes>), Unreadable> {
    let kind = BodyKind::of(status, headers);
    if !matches!(kind, BodyKind::Whole | BodyKind::Unsaid) {
        return Ok((kind, None));
    }
    let first = first_piece(body).await.map_err(Unreadable::Broken)?;
    let mut first = first.ok_or(Unreadable::NoAnswer("nothing"))?;
    let kind = match (kind, is_encoded) {
        (BodyKind::Unsaid, false) => {
            let sniffing = sniffed(body, &mut first);
            sniffing.await.map_err(Unreadable::Broken)?
        }
        (BodyKind::Unsaid, true) => BodyKind::Whole,
        (kind, _) => kind,
    };
    Ok((kind, Some(first)))
}

/// What a body is by its first bytes. More are added to them until that can be told.
async fn sniffed(body: &mut Source, first: &mut Bytes) -> Result<BodyKind, UpstreamError> {
    loop {
        if let Some(kind) = BodyKind::sniff(first) {
            return Ok(kind);
        }
        match first_piece(body).await? {
            Some(more) => *first = [first.as_ref(), &more].concat().into(),
            None => return Ok(BodyKind::Foreign),
        }
    }
}

/// The first bytes of a body, or nothing when it has none.
async fn first_piece(body: &mut Source) -> Result<Option<Bytes>, UpstreamError> {
    loop {
        match body.next().await {
            None => return Ok(None),
            Some(Err(error)) => return Err(error),
            Some(Ok(piece)) if !piece.is_empty() => return Ok(Some(piece)),
            Some(Ok(_)) => {}
        }
    }
}
