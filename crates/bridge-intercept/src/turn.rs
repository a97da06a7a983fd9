//! One exchange, top to bottom.

use std::sync::Arc;

use bridge_api::{DialectId, Envelope, EnvelopeLimits, RequestFacts};
use bridge_auth::{Grant, KeySource, Scrubbed, Standing};
use bridge_record::Started;
use bridge_stream::{ContentDecoder, DecodeError, Encoding, UnknownEncoding};
use bridge_telemetry::Part;
use bridge_upstream::Outbound;
use bytes::Bytes;
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, HeaderValue};

use crate::admit::admit;
use crate::aftercare::Awaited;
use crate::bedrock::Prepared;
use crate::client_hint::session_from_body;
use crate::credential::{Chosen, choose};
use crate::failover::{Call, Unreached, reach};
use crate::handler::{Answer, Inbound, Plan};
use crate::retry::Retries;
use crate::rounds::{Begin, Rounds, Weaving};
use crate::sight::Sight;
use crate::tools::Kit;
use crate::transcript::{Closing, Notes, Transcript};
use crate::{Blueprint, Cx, InterceptError, OnAbort, Provider};

mod answer;
mod offering;
mod unserved;
mod whole;

use self::answer::answer;
pub(crate) use self::answer::{content_decoder, content_type, translated};
use self::offering::{Asked, Offering};
use self::unserved::{held_back, in_background, keyless, unanswered};

/// Reads the request, records it, sends it, and hands back the answer as it arrives.
pub(crate) async fn run(
    blueprint: &Arc<Blueprint>,
    plan: &Plan,
    dialect: DialectId,
    cx: &Cx,
    inbound: Inbound,
    kit: Option<&Kit>,
) -> Result<Answer, InterceptError> {
    let Inbound {
        query,
        mut headers,
        body,
    } = inbound;
    let limit = blueprint.config.body_bytes;
    let (mut envelope, mut facts) = read(dialect, headers.headers(), &body, limit)?;
    let conversation = conversation(cx, &facts);
    let mut offering = None;
    if let Some(kit) = kit {
        let asked = Asked {
            blueprint,
            cx,
            dialect,
            facts: &facts,
            conversation: conversation.as_deref(),
        };
        // In a box, because who has no tools has no use for its room.
        offering = Box::pin(Offering::make(kit, asked, &mut envelope, &mut headers)).await;
    }
    let body = if envelope.is_edited() {
        envelope.to_bytes()
    } else {
        body
    };
    let offered = offering.as_deref_mut();
    let prepared = prepare(blueprint, plan, envelope, &mut headers, &mut facts, offered).await?;

    cx.asks_for(&facts.model);
    let chosen = choose(&plan.provider, &mut headers, conversation.as_deref())?;
    permit(blueprint, plan, cx, &facts.model).await?;
    name_actor(blueprint, plan, cx, chosen.kind, &mut headers);

    let is_background = facts.background;
    let sight = Sight::of_turn(cx, plan);
    let edited = prepared.as_ref();
    let transcript = open(blueprint, plan, cx, facts, conversation, &chosen, edited).await?;
    if is_background {
        return Err(in_background(transcript).await);
    }
    let transcript = pass(blueprint, plan, chosen.kind, transcript).await?;

    let provider = &plan.provider;
    let retry = &blueprint.config.retry;
    let retries = Retries::of(retry, provider.retries(), headers.headers());
    let query = query.as_deref();
    let weaving = offering.map(|offering| {
        transcript.offers(offering.offered.shelved.clone());
        // Bedrock's paths have no query.
        let query = query.filter(|_| prepared.is_none());
        offering.into_weaving(plan, cx, query, &headers)
    });
    let request = outbound(plan, query, headers, body, prepared);
    let call = Call::new(request, chosen.keys, retries);
    let departure = transcript.departure().clone();
    let (blueprint, provider) = (Arc::clone(blueprint), Arc::clone(provider));
    let work = exchange(
        blueprint, provider, dialect, transcript, sight, call, weaving,
    );
    match departure.on_abort() {
        OnAbort::Cancel => work.await,
        OnAbort::ReadOn(_) => Awaited::new(Box::pin(work), departure).await,
    }
}

/// Edits a request that goes to Bedrock, and remembers with what is offered how to do so again.
async fn prepare(
    blueprint: &Blueprint,
    plan: &Plan,
    envelope: Envelope,
    headers: &mut Scrubbed,
    facts: &mut RequestFacts,
    offering: Option<&mut Offering>,
) -> Result<Option<Prepared>, InterceptError> {
    let Some(bedrock) = &plan.provider.bedrock else {
        return Ok(None);
    };
    let keep = offering.map(|offering| &mut offering.rewrite);
    let preparing = bedrock.prepare(blueprint, envelope, headers, facts, keep);
    preparing.await
}

/// Asks whether the caller may use the model.
async fn permit(
    blueprint: &Blueprint,
    plan: &Plan,
    cx: &Cx,
    model: &str,
) -> Result<(), InterceptError> {
    let name = &plan.provider.name;
    let asking = blueprint.authorizer.permit(&cx.grant, name, model);
    let permitted = cx.parts.timed(Part::Auth, asking).await;
    permitted.map_err(InterceptError::Permit)
}

/// Tells the provider who asks, where that is wanted and the key is the operator's.
fn name_actor(
    blueprint: &Blueprint,
    plan: &Plan,
    cx: &Cx,
    kind: KeySource,
    headers: &mut Scrubbed,
) {
    let is_central = kind == KeySource::Centralized;
    if blueprint.config.send_actor && plan.provider.provider_type.takes_actor() && is_central {
        headers.name_actor(&cx.grant.actor, &blueprint.policy);
    }
}

/// Past the breaker, or the end of the turn where it is open.
async fn pass(
    blueprint: &Blueprint,
    plan: &Plan,
    kind: KeySource,
    transcript: Transcript,
) -> Result<Transcript, InterceptError> {
    let provider = &plan.provider;
    match admit(blueprint, provider, plan.label, transcript.model(), kind) {
        Ok(pass) => {
            transcript.leaves(pass);
            Ok(transcript)
        }
        Err(wait) => Err(held_back(transcript, provider, wait).await),
    }
}

/// What the provider gets: the caller's own path and body, or those that were made for Bedrock.
fn outbound(
    plan: &Plan,
    query: Option<&str>,
    headers: Scrubbed,
    body: Bytes,
    prepared: Option<Prepared>,
) -> Outbound {
    let endpoint = &plan.provider.endpoint;
    let (path_and_query, body) = match prepared {
        Some(Prepared { path, body, .. }) => (endpoint.target(&path, None), body),
        None => (endpoint.target(&plan.upstream_path, query), body),
    };
    Outbound {
        method: plan.method.clone(),
        path_and_query,
        headers,
        credential: None,
        body,
    }
}

/// Sends the request, and hands back the answer as it arrives. It owns all it needs, so that it can
/// go on without its caller.
async fn exchange(
    blueprint: Arc<Blueprint>,
    provider: Arc<Provider>,
    dialect: DialectId,
    transcript: Transcript,
    sight: Sight,
    mut call: Call,
    weaving: Option<Box<Weaving>>,
) -> Result<Answer, InterceptError> {
    match reach(&blueprint, &provider, &sight, &mut call, Some(&transcript)).await {
        Ok(reply) => {
            let rounds = weaving.map(|weaving| {
                let begin = Begin {
                    blueprint: Arc::clone(&blueprint),
                    provider: Arc::clone(&provider),
                    dialect,
                    notes: Notes::clone(&transcript),
                    sight,
                    call,
                    weaving,
                };
                Box::new(Rounds::new(begin))
            });
            answer(&blueprint, &provider, dialect, transcript, reply, rounds).await
        }
        Err(Unreached::Failed(error)) => Err(unanswered(transcript, error).await),
        Err(Unreached::Exhausted(exhausted)) => {
            Err(keyless(transcript, &provider, exhausted).await)
        }
    }
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
