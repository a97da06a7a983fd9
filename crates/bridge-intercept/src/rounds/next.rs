//! The answer of a further round, from its head to the body that is read.

use bridge_api::read_error;
use bridge_upstream::{Reply, UpstreamError};
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, StatusCode};

use super::{Failed, Rounds};
use crate::answer_head::{BodyKind, is_framed, no_answer};
use crate::relay::Source;
use crate::transcript::End;
use crate::turn::{content_decoder, content_type, translated};

/// How much of a refusal is read.
const REFUSAL_BYTES: usize = 64 << 10;

/// An answer of a further round that can be read.
pub(crate) struct Next {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) is_framed: bool,
    /// Plain, whatever its encoding was.
    pub(crate) source: Source,
}

/// Looks at the head. What is no answer of the kind that the first one was is a failure.
pub(super) async fn read(rounds: &Rounds, reply: Reply) -> Result<Next, Failed> {
    let Reply {
        status,
        mut headers,
        body,
        connecting: _,
    } = reply;
    if let Some(what) = no_answer(status) {
        return Err(unusable(rounds, what, status));
    }
    let is_framed = is_framed(&headers);
    let source = match translated(&rounds.provider, status, &mut headers, body).await {
        Ok(source) => source,
        Err(error) => return Err(broken(rounds, error)),
    };
    let Ok(content) = content_decoder(&headers, rounds.answer_bytes()) else {
        return Err(unusable(rounds, "an unknown encoding", status));
    };
    let source = match content {
        Some(content) => {
            headers.remove(CONTENT_ENCODING);
            headers.remove(CONTENT_LENGTH);
            Source::decoded(source, content)
        }
        None => source,
    };
    match (BodyKind::of(status, &headers), rounds.is_stream) {
        (BodyKind::Failure, _) => Err(refused(rounds, status, headers, source).await),
        (BodyKind::Events, true) | (BodyKind::Whole, false) | (BodyKind::Unsaid, _) => Ok(Next {
            status,
            headers,
            is_framed,
            source,
        }),
        (BodyKind::Events, false) | (BodyKind::Whole, true) | (BodyKind::Foreign, _) => {
            Err(unusable(rounds, &content_type(&headers), status))
        }
    }
}

async fn refused(
    rounds: &Rounds,
    status: StatusCode,
    headers: HeaderMap,
    source: Source,
) -> Failed {
    let body = match source.whole(REFUSAL_BYTES).await {
        Ok(body) => body,
        Err(_) => Bytes::new(),
    };
    let message = read_error(&body).map(|error| error.message);
    let failed = Failed::refused(status, headers, body, message);
    rounds.notes.fails(&failed.as_end());
    failed
}

fn unusable(rounds: &Rounds, what: &str, status: StatusCode) -> Failed {
    let message = format!("the provider answered with {what}");
    rounds
        .metrics()
        .upstream_failed(rounds.notes.provider(), "not_an_answer");
    rounds.notes.fails(&End::Unusable {
        message: message.clone(),
    });
    Failed::unusable(message, what, status)
}

fn broken(rounds: &Rounds, error: UpstreamError) -> Failed {
    Failed::of_upstream(&rounds.notes, &rounds.provider, error)
}
