//! Records and a sink for tests, here and in other crates: feature `sample`.

use std::time::SystemTime;

use async_trait::async_trait;
use bridge_auth::{ActorId, KeySource};

use crate::{
    DeliverError, Ended, Event, InterceptionId, Outcome, PromptUsage, Record, Rejected, Sink,
    Started,
};

/// The beginning of an interception of its own.
#[must_use]
pub fn started() -> Record {
    started_as(InterceptionId::generate())
}

/// The beginning of this interception.
#[must_use]
pub fn started_as(interception: InterceptionId) -> Record {
    let started = beginning(ActorId::from_bytes([7; 16]));
    record(interception, Event::Started(Box::new(started)))
}

/// A plain beginning, by this user. Nothing that may be absent is there.
#[must_use]
pub fn beginning(initiator: ActorId) -> Started {
    Started {
        initiator,
        api_key_id: "key".to_owned(),
        provider: "anthropic".to_owned(),
        provider_name: "anthropic".to_owned(),
        model: "a-model".to_owned(),
        route: "/v1/messages".to_owned(),
        streaming: true,
        client: "Unknown".to_owned(),
        user_agent: String::new(),
        client_session_id: None,
        client_agent_id: None,
        correlating_tool_call_id: None,
        credential_kind: KeySource::Centralized,
        credential_hint: "...".to_owned(),
        workspace_id: None,
        agent_firewall_session_id: None,
        agent_firewall_sequence_number: None,
        source: None,
        correlation_id: None,
        metadata: Vec::new(),
    }
}

/// A prompt of this many bytes.
#[must_use]
pub fn prompt(interception: InterceptionId, length: usize) -> Record {
    let prompt = PromptUsage {
        response_id: String::new(),
        prompt: "x".repeat(length),
    };
    record(interception, Event::Prompt(prompt))
}

/// A good end.
#[must_use]
pub fn ended(interception: InterceptionId) -> Record {
    let ended = Ended {
        outcome: Outcome::Completed,
        credential_hint: "...".to_owned(),
        provider_status: Some(200),
        error_type: None,
        error_message: None,
    };
    record(interception, Event::Ended(Box::new(ended)))
}

fn record(interception: InterceptionId, event: Event) -> Record {
    Record::new(interception, SystemTime::UNIX_EPOCH, event)
}

/// A sink that takes nothing.
#[derive(Debug, Clone, Copy)]
pub struct Away;

#[async_trait]
impl Sink for Away {
    async fn deliver(&self, _: &[Record]) -> Result<Vec<Rejected>, DeliverError> {
        Err(DeliverError("away".into()))
    }
}
