//! From the contract's messages to records, or the reason why not.
//!
//! A reason names the field; contents never appear in it. Texts that only describe are cut to the
//! sizes of the store's columns instead of being refused, because a record is worth more than the
//! tail of a name.

use bridge_proto::v1;
use bridge_proto::v1::record::Event;
use jiff::Timestamp;
use serde_json::{Map, Number, Value};
use uuid::Uuid;

use super::{Ended, NewRecord, Prompt, RecordEvent, Rejection, Started, Thought, Tokens, Tool};
use crate::api::{InterceptionStatus, TokenSums};

/// More tokens than this in one answer are a mistake; sums over millions of records still fit.
const MOST_TOKENS: u64 = 1_000_000_000_000;
/// No call takes longer, in milliseconds: as many as a column can hold.
const LONGEST: u64 = i64::MAX.unsigned_abs();
/// The last instant that RFC 3339 can write, 9999-12-31, with a day to spare for time zones.
const LAST_SECOND: i64 = 253_402_214_400;

/// Sizes of texts that only describe, in characters.
const NAME: usize = 64;
const SESSION: usize = 256;
const ID: usize = 512;
const TEXT: usize = 1_024;

/// Reads one record.
pub(crate) fn parse(record: v1::Record) -> Result<NewRecord, Rejection> {
    let v1::Record { record_id, event } = record;
    read(&record_id, event).map_err(|reason| Rejection { record_id, reason })
}

fn read(record_id: &str, event: Option<Event>) -> Result<NewRecord, String> {
    let id = uuid("record_id", record_id)?;
    let (interception, at, event) = match event.ok_or("event: missing or unknown")? {
        Event::Started(message) => started(message)?,
        Event::Ended(message) => ended(message)?,
        Event::TokenUsage(message) => tokens(message)?,
        Event::PromptUsage(message) => prompt(message)?,
        Event::ToolUsage(message) => tool(message)?,
        Event::ModelThought(message) => thought(message)?,
    };
    Ok(NewRecord {
        id,
        interception,
        at,
        event,
    })
}

type Parts = (Uuid, Timestamp, RecordEvent);

fn started(message: v1::InterceptionStarted) -> Result<Parts, String> {
    let interception = uuid("id", &message.id)?;
    let user = uuid("initiator_id", &message.initiator_id)?;
    let at = time("started_at", message.started_at)?;
    if message.api_key_id.is_empty() {
        return Err("api_key_id: empty".to_owned());
    }
    let provider_name = match message.provider_name.trim() {
        "" => message.provider.clone(),
        name => name.to_owned(),
    };
    let credential_kind = match message.credential_kind() {
        v1::CredentialKind::Byok => "byok",
        v1::CredentialKind::Centralized | v1::CredentialKind::Unspecified => "centralized",
    };
    let client = match message.client.trim() {
        "" => "Unknown".to_owned(),
        name => cut(name.to_owned(), NAME),
    };
    let started = Started {
        user,
        api_key_id: cut(message.api_key_id, ID),
        provider: cut(message.provider, NAME),
        provider_name: cut(provider_name, ID),
        model: cut(message.model, ID),
        route: cut(message.route, ID),
        streaming: message.streaming,
        client,
        user_agent: cut(message.user_agent, TEXT),
        client_session_id: given(message.client_session_id, SESSION),
        client_agent_id: given(message.client_agent_id, SESSION),
        correlating_tool_call_id: given(message.correlating_tool_call_id, ID),
        credential_kind,
        credential_hint: cut(message.credential_hint, NAME),
        workspace_id: given(Some(message.workspace_id), NAME),
        agent_firewall_session_id: given(message.agent_firewall_session_id, NAME),
        agent_firewall_sequence_number: message.agent_firewall_sequence_number,
        source: given(Some(message.source), NAME),
        correlation_id: given(Some(message.correlation_id), SESSION),
        metadata: object(message.metadata),
    };
    Ok((interception, at, RecordEvent::Started(Box::new(started))))
}

fn ended(message: v1::InterceptionEnded) -> Result<Parts, String> {
    let interception = uuid("id", &message.id)?;
    let at = time("ended_at", message.ended_at)?;
    let status = match message.outcome() {
        v1::Outcome::Completed => InterceptionStatus::Completed,
        v1::Outcome::Failed => InterceptionStatus::Failed,
        v1::Outcome::Aborted => InterceptionStatus::Aborted,
        v1::Outcome::Cut => InterceptionStatus::Cut,
        v1::Outcome::Unspecified => return Err("outcome: missing or unknown".to_owned()),
    };
    let provider_status = match message.provider_status {
        None => None,
        Some(status) => Some(u16::try_from(status).map_err(|_| "provider_status: too large")?),
    };
    let error_type = message.error_type.map(|_| match message.error_type() {
        v1::ErrorType::BadRequest => "bad_request",
        v1::ErrorType::Unauthorized => "unauthorized",
        v1::ErrorType::RateLimited => "rate_limited",
        v1::ErrorType::Overloaded => "overloaded",
        v1::ErrorType::ServerError => "server_error",
        v1::ErrorType::Timeout => "timeout",
        v1::ErrorType::Unknown | v1::ErrorType::Unspecified => "unknown",
    });
    let ended = Ended {
        status,
        credential_hint: cut(message.credential_hint, NAME),
        provider_status,
        error_type,
        error_message: given(message.error_message, TEXT),
    };
    Ok((interception, at, RecordEvent::Ended(ended)))
}

fn tokens(message: v1::TokenUsage) -> Result<Parts, String> {
    let interception = uuid("interception_id", &message.interception_id)?;
    let at = time("created_at", message.created_at)?;
    let usage = TokenSums {
        input: count("input_tokens", message.input_tokens)?,
        output: count("output_tokens", message.output_tokens)?,
        cache_read: count("cache_read_input_tokens", message.cache_read_input_tokens)?,
        cache_write: count("cache_write_input_tokens", message.cache_write_input_tokens)?,
    };
    let tokens = Tokens {
        response_id: cut(message.msg_id, ID),
        usage,
        extra: message.extra_tokens.into_iter().collect(),
        metadata: object(message.metadata),
    };
    Ok((interception, at, RecordEvent::Tokens(tokens)))
}

fn prompt(message: v1::PromptUsage) -> Result<Parts, String> {
    let interception = uuid("interception_id", &message.interception_id)?;
    let at = time("created_at", message.created_at)?;
    let prompt = Prompt {
        response_id: cut(message.msg_id, ID),
        prompt: message.prompt,
        metadata: object(message.metadata),
    };
    Ok((interception, at, RecordEvent::Prompt(prompt)))
}

fn tool(message: v1::ToolUsage) -> Result<Parts, String> {
    let interception = uuid("interception_id", &message.interception_id)?;
    let at = time("created_at", message.created_at)?;
    let tool = Tool {
        response_id: cut(message.msg_id, ID),
        kind: cut(message.tool_kind, NAME),
        tool: cut(message.tool, ID),
        namespace: given(Some(message.namespace), ID),
        call_id: given(Some(message.tool_call_id), ID),
        item_id: given(Some(message.item_id), ID),
        input: message.input,
        injected: message.injected,
        server: given(message.server_name, ID),
        server_url: given(message.server_url, TEXT),
        invocation_error: given(message.invocation_error, TEXT),
        duration_ms: message.duration_ms.map(|ms| ms.min(LONGEST)),
        metadata: object(message.metadata),
    };
    Ok((interception, at, RecordEvent::Tool(Box::new(tool))))
}

fn thought(message: v1::ModelThought) -> Result<Parts, String> {
    let interception = uuid("interception_id", &message.interception_id)?;
    let at = time("created_at", message.created_at)?;
    let thought = Thought {
        response_id: cut(message.msg_id, ID),
        content: message.content,
        source: cut(message.source, NAME),
        metadata: object(message.metadata),
    };
    Ok((interception, at, RecordEvent::Thought(thought)))
}

fn uuid(field: &str, text: &str) -> Result<Uuid, String> {
    Uuid::try_parse(text).map_err(|_| format!("{field}: not a UUID"))
}

fn time(field: &str, time: Option<prost_types::Timestamp>) -> Result<Timestamp, String> {
    let time = time.ok_or_else(|| format!("{field}: missing"))?;
    if !(0..LAST_SECOND).contains(&time.seconds) || !(0..1_000_000_000).contains(&time.nanos) {
        return Err(format!("{field}: out of range"));
    }
    Timestamp::new(time.seconds, time.nanos).map_err(|_| format!("{field}: out of range"))
}

fn count(field: &str, tokens: i64) -> Result<u64, String> {
    u64::try_from(tokens)
        .ok()
        .filter(|tokens| *tokens <= MOST_TOKENS)
        .ok_or_else(|| format!("{field}: out of range"))
}

/// The text without surrounding white space, cut; none when nothing is left.
fn given(text: Option<String>, most: usize) -> Option<String> {
    let text = text?;
    match text.trim() {
        "" => None,
        trimmed => Some(cut(trimmed.to_owned(), most)),
    }
}

/// At most so many characters of it.
pub(crate) fn cut(mut text: String, most: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
    }
    text
}

fn object(fields: Option<prost_types::Struct>) -> Map<String, Value> {
    fields.map_or_else(Map::new, |fields| {
        let fields = fields.fields.into_iter();
        fields.map(|(name, field)| (name, value(field))).collect()
    })
}

fn value(value_: prost_types::Value) -> Value {
    use prost_types::value::Kind;
    match value_.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::NumberValue(number)) => {
            Number::from_f64(number).map_or(Value::Null, Value::Number)
        }
        Some(Kind::StringValue(text)) => Value::String(text),
        Some(Kind::BoolValue(truth)) => Value::Bool(truth),
        Some(Kind::StructValue(fields)) => Value::Object(object(Some(fields))),
        Some(Kind::ListValue(list)) => Value::Array(list.values.into_iter().map(value).collect()),
    }
}

#[cfg(test)]
mod tests;
