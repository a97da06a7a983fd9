//! One exchange, top to bottom.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use bridge_api::{DialectId, Envelope, EnvelopeLimits, RequestFacts};
use bridge_auth::{Grant, KeySource, Standing};
use bridge_guard::Exhausted;
use bridge_record::{ErrorType, Started};
use bridge_stream::{ContentDecoder, DecodeError, Encoding, UnknownEncoding};
use bridge_telemetry::Part;
use bridge_upstream::{Body, Outbound, Reply, UpstreamError};
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::admit::admit;
use crate::aftercare::Awaited;
use crate::answer_head::{BodyKind, clean, is_framed, no_answer, prepare_events};
use crate::bedrock::{Prepared, translate};
use crate::client_hint::session_from_body;
use crate::credential::{Chosen, choose};
use crate::failover::{Call, Unreached, reach};
use crate::handler::{Answer, Inbound, Plan};
use crate::relay::{Manner, Source, Watch, WatchKind};
use crate::retry::Retries;
use crate::transcript::{Closing, End, Transcript};
use crate::{AnswerBody, Blueprint, Cx, InterceptError, OnAbort, Provider};

/// Longest content type that is repeated in an error, in characters.
const LONGEST_CONTENT_TYPE: usize = 64;

/// Reads the request, records it, sends it, and hands back the answer as it arrives.
pub(crate) async fn run(
    blueprint: &Arc<Blueprint>,
    plan: &Plan,
    dialect: DialectId,
    cx: &Cx,
    inbound: Inbound,
) -> Result<Answer, InterceptError> {
    let Inbound {
        query,
        mut headers,
        body,
    } = inbound;
    let (envelope, mut facts) = read(
        dialect,
        headers.headers(),
        &body,
        blueprint.config.body_bytes,
    )?;
    let prepared = match &plan.provider.bedrock {
        Some(bedrock) => {
            let preparing = bedrock.prepare(blueprint, envelope, &mut headers, &mut facts);
            preparing.await?
        }
        None => None,
    };
    cx.asks_for(&facts.model);
    let conversation = conversation(cx, &facts);
    let chosen = choose(&plan.provider, &mut headers, conversation.as_deref())?;
    let provider = &plan.provider;
    let asking = blueprint
        .authorizer
        .permit(&cx.grant, &provider.name, &facts.model);
    let permitted = cx.parts.timed(Part::Auth, asking).await;
    permitted.map_err(InterceptError::Permit)?;
    let is_central = chosen.kind == KeySource::Centralized;
    if blueprint.config.send_actor && provider.provider_type.takes_actor() && is_central {
        headers.name_actor(&cx.grant.actor, &blueprint.policy);
    }
    let is_background = facts.background;
    let mut transcript = open(
        blueprint,
        plan,
        cx,
        facts,
        conversation,
        &chosen,
        prepared.as_ref(),
    )
    .await?;
    if is_background {
        let message = "background requests are not supported".to_owned();
        let error_type = ErrorType::BadRequest;
        transcript.close(End::Refused {
            error_type,
            message: Some(message),
        });
        transcript.settle().await;
        return Err(InterceptError::Background);
    }
    let kind = chosen.kind;
    match admit(
        blueprint,
        provider,
        plan.label,
        &transcript.closing().model,
        kind,
    ) {
        Ok(pass) => transcript.leaves(pass),
        Err(wait) => return Err(held_back(transcript, provider, wait).await),
    }
    let retries = Retries::of(
        &blueprint.config.retry,
        provider.retries(),
        headers.headers(),
    );
    let (path, query, body) = match &prepared {
        Some(prepared) => (prepared.path.as_str(), None, prepared.body.clone()),
        None => (plan.upstream_path.as_str(), query.as_deref(), body),
    };
    let request = Outbound {
        method: plan.method.clone(),
        path_and_query: provider.endpoint.target(path, query),
        headers,
        credential: None,
        body,
    };
    let call = Call::new(request, chosen.keys, retries);
    let departure = transcript.departure().clone();
    let (blueprint, provider) = (Arc::clone(blueprint), Arc::clone(provider));
    let work = exchange(blueprint, provider, dialect, transcript, call);
    match departure.on_abort() {
        OnAbort::Cancel => work.await,
        OnAbort::ReadOn(_) => Awaited::new(Box::pin(work), departure).await,
    }
}

/// Sends the request, and hands back the answer as it arrives. It owns all it needs, so that it can
/// go on without its caller.
async fn exchange(
    blueprint: Arc<Blueprint>,
    provider: Arc<Provider>,
    dialect: DialectId,
    mut transcript: Transcript,
    call: Call,
) -> Result<Answer, InterceptError> {
    let parts = Arc::clone(transcript.parts());
    match reach(&blueprint, &provider, &parts, call, Some(&mut transcript)).await {
        Ok(reply) => answer(&blueprint, &provider, dialect, transcript, reply).await,
        Err(Unreached::Failed(error)) => Err(unanswered(transcript, error).await),
        Err(Unreached::Exhausted(exhausted)) => {
            Err(keyless(transcript, &provider, exhausted).await)
        }
    }
}

async fn held_back(
    mut transcript: Transcript,
    provider: &Provider,
    wait: Duration,
) -> InterceptError {
    transcript.close(End::Refused {
        error_type: ErrorType::Overloaded,
        message: Some("the breaker is open".to_owned()),
    });
    transcript.settle().await;
    InterceptError::BreakerOpen {
        provider: provider.name.to_string(),
        wait,
    }
}

async fn keyless(
    mut transcript: Transcript,
    provider: &Provider,
    exhausted: Exhausted,
) -> InterceptError {
    let (error_type, message) = match exhausted {
        Exhausted::For { .. } => (ErrorType::RateLimited, "all keys are rate limited"),
        Exhausted::Unauthorized => (ErrorType::Unauthorized, "all keys were refused"),
    };
    transcript.close(End::Refused {
        error_type,
        message: Some(message.to_owned()),
    });
    transcript.settle().await;
    InterceptError::exhausted(provider, exhausted)
}

/// The records are safe before the caller is told.
async fn unanswered(mut transcript: Transcript, error: UpstreamError) -> InterceptError {
    let reason = error.class().as_str();
    transcript
        .metrics()
        .upstream_failed(&transcript.closing().provider, reason);
    transcript.close(End::Unanswered { error: &error });
    transcript.settle().await;
    let provider = &transcript.closing().provider;
    InterceptError::unreached(provider, error)
}

async fn unusable(mut transcript: Transcript, what: String, status: u16) -> InterceptError {
    transcript
        .metrics()
        .upstream_failed(&transcript.closing().provider, "not_an_answer");
    transcript.close(End::Unusable {
        message: format!("the provider answered with {what}"),
    });
    transcript.settle().await;
    InterceptError::NotAnAnswer { what, status }
}

/// Reads what the gateway needs to know of a request. The bytes themselves go on untouched.
fn read(
    dialect: DialectId,
    headers: &HeaderMap,
    body: &Bytes,
    limit: usize,
) -> Result<(Envelope, RequestFacts), InterceptError> {
    let encodings = encodings(headers).map_err(|_| InterceptError::UnknownEncoding)?;
    let plain = if encodings.is_empty() {
        body.clone()
    } else {
        decoded(&encodings, body, limit)?
    };
    let envelope =
        Envelope::parse(plain, &EnvelopeLimits::default()).map_err(InterceptError::Body)?;
    let facts = dialect.facts(&envelope);
    Ok((envelope, facts))
}

/// What was done to a body. Several headers are one list (RFC 9110, section 5.3).
fn encodings(headers: &HeaderMap) -> Result<Vec<Encoding>, UnknownEncoding> {
    let lines = headers.get_all(CONTENT_ENCODING).iter();
    let lines: Vec<&[u8]> = lines.map(HeaderValue::as_bytes).collect();
    Encoding::from_header(&lines.join(&b','))
}

fn decoded(encodings: &[Encoding], body: &Bytes, limit: usize) -> Result<Bytes, InterceptError> {
    let mut decoder = ContentDecoder::new(encodings, limit);
    let mut plain = Vec::with_capacity(body.len().saturating_mul(4).min(limit));
    let outcome = decoder
        .feed(body, &mut plain)
        .and_then(|()| decoder.finish());
    match outcome {
        Ok(()) => Ok(Bytes::from(plain)),
        Err(DecodeError::TooLarge { .. }) => Err(InterceptError::TooLarge { limit }),
        Err(cause) => Err(InterceptError::Encoding(cause)),
    }
}

async fn open(
    blueprint: &Blueprint,
    plan: &Plan,
    cx: &Cx,
    facts: RequestFacts,
    conversation: Option<String>,
    chosen: &Chosen,
    prepared: Option<&Prepared>,
) -> Result<Transcript, InterceptError> {
    let closing = Closing {
        provider: plan.provider.name.clone(),
        route: plan.label,
        model: facts.model.clone(),
        client: cx.hint.client,
        key_hint: chosen.hint.clone(),
        outcome: None,
    };
    let started = Started {
        initiator: cx.grant.actor.id,
        api_key_id: cx.grant.api_key_id.clone(),
        provider: plan.provider.format.as_str().to_owned(),
        provider_name: plan.provider.name.to_string(),
        model: facts.model,
        route: plan.label.to_owned(),
        streaming: facts.stream,
        client: cx.hint.client.to_owned(),
        user_agent: cx.hint.user_agent.clone(),
        client_session_id: conversation,
        client_agent_id: cx.hint.agent_id.clone(),
        correlating_tool_call_id: facts.tool_call_id,
        credential_kind: chosen.kind,
        credential_hint: closing.key_hint.clone(),
        workspace_id: cx.workspace_id.clone(),
        agent_firewall_session_id: cx.firewall.as_ref().map(|mark| mark.session_id.clone()),
        agent_firewall_sequence_number: cx.firewall.as_ref().map(|mark| mark.sequence_number),
        source: cx.source.clone(),
        correlation_id: cx.correlation_id.clone(),
        metadata: metadata(&cx.grant, prepared),
    };
    Transcript::open(blueprint, cx, started, facts.prompt, closing)
        .await
        .map_err(InterceptError::Record)
}

/// The client's id for the conversation, from its headers or else from the body.
fn conversation(cx: &Cx, facts: &RequestFacts) -> Option<String> {
    let from_body = || facts.session.best().and_then(session_from_body);
    cx.hint.session_id.clone().or_else(from_body)
}

/// Facts about caller and request that have no field of their own.
fn metadata(grant: &Grant, prepared: Option<&Prepared>) -> Vec<(String, String)> {
    let mut metadata = vec![("username".to_owned(), grant.actor.username.clone())];
    match grant.standing {
        Standing::Confirmed => {}
        // Nobody can say whether the key was still good, and whoever reads the record should know.
        Standing::Grace => metadata.push((
            "authorization".to_owned(),
            grant.standing.as_str().to_owned(),
        )),
    }
    if let Some(prepared) = prepared {
        metadata.push(("requested_model".to_owned(), prepared.asked.clone()));
    }
    metadata
}

/// Decides how an answer is relayed. Nothing has been said to the caller yet, so what is no answer
/// can still become a failure.
async fn answer(
    blueprint: &Blueprint,
    provider: &Provider,
    dialect: DialectId,
    transcript: Transcript,
    reply: Reply,
) -> Result<Answer, InterceptError> {
    let Reply {
        status,
        mut headers,
        body,
    } = reply;
    if let Some(what) = no_answer(status) {
        return Err(unusable(transcript, what.to_owned(), status.as_u16()).await);
    }
    let mut body = match translated(provider, status, &mut headers, body).await {
        Ok(source) => source,
        Err(error) => return Err(unanswered(transcript, error).await),
    };
    let Ok(content) = content_decoder(&headers, blueprint.config.answer_bytes) else {
        let what = "an unknown encoding".to_owned();
        return Err(unusable(transcript, what, status.as_u16()).await);
    };
    let mut kind = BodyKind::of(status, &headers);
    let mut first = None;
    if matches!(kind, BodyKind::Whole | BodyKind::Unsaid) {
        let parts = Arc::clone(transcript.parts());
        first = match parts.timed(Part::FirstByte, first_piece(&mut body)).await {
            Ok(Some(piece)) => Some(piece),
            Ok(None) => {
                let what = "nothing".to_owned();
                return Err(unusable(transcript, what, status.as_u16()).await);
            }
            Err(error) => return Err(unanswered(transcript, error).await),
        };
    }
    if let (BodyKind::Unsaid, Some(piece)) = (kind, &mut first) {
        kind = match &content {
            Some(_) => BodyKind::Whole,
            None => match transcript
                .parts()
                .timed(Part::FirstByte, sniffed(&mut body, piece))
                .await
            {
                Ok(kind) => kind,
                Err(error) => return Err(unanswered(transcript, error).await),
            },
        };
    }
    let watch = match kind {
        BodyKind::Events => WatchKind::Events,
        BodyKind::Whole | BodyKind::Unsaid => WatchKind::Whole {
            limit: blueprint.config.answer_bytes,
        },
        BodyKind::Failure => WatchKind::Failure { status },
        BodyKind::Foreign => {
            let what = content_type(&headers);
            return Err(unusable(transcript, what, status.as_u16()).await);
        }
    };
    let manner = Manner {
        dialect,
        is_framed: is_framed(&headers),
        ping_after: blueprint.config.ping_after,
        held_bytes: blueprint.config.held_bytes,
    };
    clean(&mut headers);
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

/// The body in the caller's dialect, which mostly is the provider's own.
async fn translated(
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

fn content_decoder(
    headers: &HeaderMap,
    limit: usize,
) -> Result<Option<ContentDecoder>, UnknownEncoding> {
    let encodings = encodings(headers)?;
    Ok((!encodings.is_empty()).then(|| ContentDecoder::new(&encodings, limit)))
}

fn content_type(headers: &HeaderMap) -> String {
    let text = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    match text {
        Some(text) => crate::client_hint::shortened(text, LONGEST_CONTENT_TYPE),
        None => "something that is no JSON".to_owned(),
    }
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
        match poll_fn(|cx| body.poll_data(cx)).await {
            None => return Ok(None),
            Some(Err(error)) => return Err(error),
            Some(Ok(piece)) if !piece.is_empty() => return Ok(Some(piece)),
            Some(Ok(_)) => {}
        }
    }
}
