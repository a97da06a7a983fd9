//! Records as messages. `proto/bridge/control/v1/record.proto` says what each field means.

use bridge_auth::KeySource;
use bridge_proto::v1::{self, record};
use bridge_record::{
    Ended, ErrorType, Event, ModelThought, Outcome, PromptUsage, Record, Started, TokenUsage,
    ToolUsage,
};
use prost_types::value::Kind;
use prost_types::{Struct, Timestamp, Value};

/// Metadata of token usage: the answer ended before the provider told its final figures.
const PARTIAL: &str = "partial";
/// Metadata of token usage: the gateway measured the output, because of that.
const ESTIMATED: &str = "estimated";

/// The message that says the same as the record.
pub(super) fn message(record: &Record) -> v1::Record {
    let stamp = Stamp {
        interception: record.interception.to_string(),
        at: Timestamp::from(record.at),
    };
    v1::Record {
        record_id: record.id.to_string(),
        event: Some(event(&record.event, stamp)),
    }
}

/// What every message has.
struct Stamp {
    interception: String,
    at: Timestamp,
}

fn event(event: &Event, stamp: Stamp) -> record::Event {
    match event {
        Event::Started(started) => record::Event::Started(begin(started, stamp)),
        Event::Tokens(usage) => record::Event::TokenUsage(tokens(usage, stamp)),
        Event::Prompt(usage) => record::Event::PromptUsage(prompt(usage, stamp)),
        Event::Tool(usage) => record::Event::ToolUsage(tool(usage, stamp)),
        Event::Thought(thought) => record::Event::ModelThought(think(thought, stamp)),
        Event::Ended(ended) => record::Event::Ended(end(ended, stamp)),
    }
}

fn begin(started: &Started, stamp: Stamp) -> v1::InterceptionStarted {
    let credential_kind = match started.credential_kind {
        KeySource::Centralized => v1::CredentialKind::Centralized,
        KeySource::Byok => v1::CredentialKind::Byok,
    };
    v1::InterceptionStarted {
        id: stamp.interception,
        initiator_id: started.initiator.to_string(),
        provider: started.provider.clone(),
        model: started.model.clone(),
        metadata: facts(&started.metadata),
        started_at: Some(stamp.at),
        api_key_id: started.api_key_id.clone(),
        client: started.client.clone(),
        user_agent: started.user_agent.clone(),
        correlating_tool_call_id: started.correlating_tool_call_id.clone(),
        client_session_id: started.client_session_id.clone(),
        provider_name: started.provider_name.clone(),
        credential_kind: credential_kind.into(),
        credential_hint: started.credential_hint.clone(),
        agent_firewall_session_id: started.agent_firewall_session_id.clone(),
        agent_firewall_sequence_number: started.agent_firewall_sequence_number,
        workspace_id: started.workspace_id.clone().unwrap_or_default(),
        route: started.route.clone(),
        streaming: started.streaming,
        client_agent_id: started.client_agent_id.clone(),
        source: started.source.clone().unwrap_or_default(),
        correlation_id: started.correlation_id.clone().unwrap_or_default(),
    }
}

fn end(ended: &Ended, stamp: Stamp) -> v1::InterceptionEnded {
    let outcome = match ended.outcome {
        Outcome::Completed => v1::Outcome::Completed,
        Outcome::Failed => v1::Outcome::Failed,
        Outcome::Aborted => v1::Outcome::Aborted,
        Outcome::Cut => v1::Outcome::Cut,
    };
    v1::InterceptionEnded {
        id: stamp.interception,
        ended_at: Some(stamp.at),
        credential_hint: ended.credential_hint.clone(),
        error_type: ended.error_type.map(|kind| error_type(kind).into()),
        error_message: ended.error_message.clone(),
        outcome: outcome.into(),
        provider_status: ended.provider_status.map(u32::from),
    }
}

const fn error_type(kind: ErrorType) -> v1::ErrorType {
    match kind {
        ErrorType::BadRequest => v1::ErrorType::BadRequest,
        ErrorType::Unauthorized => v1::ErrorType::Unauthorized,
        ErrorType::RateLimited => v1::ErrorType::RateLimited,
        ErrorType::Overloaded => v1::ErrorType::Overloaded,
        ErrorType::ServerError => v1::ErrorType::ServerError,
        ErrorType::Timeout => v1::ErrorType::Timeout,
        ErrorType::Unknown => v1::ErrorType::Unknown,
    }
}

fn tokens(usage: &TokenUsage, stamp: Stamp) -> v1::TokenUsage {
    let extra = usage.extra.iter();
    v1::TokenUsage {
        interception_id: stamp.interception,
        msg_id: usage.response_id.clone(),
        input_tokens: count(usage.input),
        output_tokens: count(usage.output),
        extra_tokens: extra
            .map(|(name, tokens)| (name.clone(), count(*tokens)))
            .collect(),
        created_at: Some(stamp.at),
        cache_read_input_tokens: count(usage.cache_read),
        cache_write_input_tokens: count(usage.cache_write),
        metadata: marks(usage),
    }
}

/// Only marks that are set are said.
fn marks(usage: &TokenUsage) -> Option<Struct> {
    let marks = [(PARTIAL, usage.partial), (ESTIMATED, usage.estimated)];
    let set = marks.into_iter().filter(|(_, is_set)| *is_set);
    let mut set = set
        .map(|(name, _)| (name.to_owned(), Kind::BoolValue(true)))
        .peekable();
    set.peek().is_some().then(|| object(set))
}

fn prompt(usage: &PromptUsage, stamp: Stamp) -> v1::PromptUsage {
    v1::PromptUsage {
        interception_id: stamp.interception,
        msg_id: usage.response_id.clone(),
        prompt: usage.prompt.clone(),
        metadata: None,
        created_at: Some(stamp.at),
    }
}

fn tool(usage: &ToolUsage, stamp: Stamp) -> v1::ToolUsage {
    v1::ToolUsage {
        interception_id: stamp.interception,
        msg_id: usage.response_id.clone(),
        server_url: usage.server_url.clone(),
        tool: usage.tool.clone(),
        input: usage.input.clone(),
        injected: usage.injected,
        invocation_error: usage.invocation_error.clone(),
        metadata: None,
        created_at: Some(stamp.at),
        tool_call_id: usage.call_id.clone(),
        item_id: usage.item_id.clone().unwrap_or_default(),
        tool_kind: usage.kind.clone(),
        namespace: usage.namespace.clone().unwrap_or_default(),
        server_name: usage.server.clone(),
        duration_ms: usage.duration_ms,
    }
}

fn think(thought: &ModelThought, stamp: Stamp) -> v1::ModelThought {
    v1::ModelThought {
        interception_id: stamp.interception,
        content: thought.content.clone(),
        metadata: None,
        created_at: Some(stamp.at),
        source: thought.source.clone(),
        msg_id: thought.response_id.clone(),
    }
}

/// Counts beyond 2^63 are garbage from a provider; the largest that can be written stands for them.
fn count(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}

fn facts(facts: &[(String, String)]) -> Option<Struct> {
    if facts.is_empty() {
        return None;
    }
    let facts = facts.iter().cloned();
    Some(object(
        facts.map(|(name, text)| (name, Kind::StringValue(text))),
    ))
}

fn object(fields: impl IntoIterator<Item = (String, Kind)>) -> Struct {
    let fields = fields.into_iter();
    Struct {
        fields: fields
            .map(|(name, kind)| (name, Value { kind: Some(kind) }))
            .collect(),
    }
}
