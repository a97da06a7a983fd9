//! Users, records and pages to test with.

use jiff::{SignedDuration, Timestamp};
use serde_json::Map;
use uuid::Uuid;

use crate::api::{InterceptionStatus, TokenSums, UserStatus, UserView};
use crate::record::{Ended, NewRecord, Prompt, RecordEvent, Started, Thought, Tokens, Tool};
use crate::store::{PageQuery, Store, StoreError};

/// So many seconds after the beginning of 1970.
pub(super) fn at(second: u32) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(i64::from(second))
}

pub(super) fn user(username: &str, second: u32) -> UserView {
    UserView {
        id: Uuid::now_v7(),
        username: username.to_owned(),
        email: Some(format!("{username}@example.com")),
        name: None,
        status: UserStatus::Active,
        is_system: false,
        created_at: at(second),
        updated_at: at(second),
    }
}

/// A user who is in the store.
pub(super) async fn kept_user(store: &dyn Store, username: &str) -> Result<Uuid, StoreError> {
    let user = user(username, 1);
    store.insert_user(user.clone()).await?;
    Ok(user.id)
}

pub(super) fn page(limit: u32, after: Option<String>) -> PageQuery {
    PageQuery { limit, after }
}

pub(super) fn first_page() -> PageQuery {
    page(500, None)
}

pub(super) fn started(user: Uuid) -> Started {
    Started {
        user,
        api_key_id: "key0000000".to_owned(),
        provider: "anthropic".to_owned(),
        provider_name: "main".to_owned(),
        model: "model-one".to_owned(),
        route: "/v1/messages".to_owned(),
        streaming: true,
        client: "Claude Code".to_owned(),
        user_agent: "agent/1".to_owned(),
        client_session_id: None,
        client_agent_id: None,
        correlating_tool_call_id: None,
        credential_kind: "centralized",
        credential_hint: "at-start".to_owned(),
        workspace_id: None,
        agent_firewall_session_id: None,
        agent_firewall_sequence_number: Some(-1),
        source: None,
        correlation_id: None,
        metadata: Map::new(),
    }
}

/// One interception; its records are made with ids that are its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) id: Uuid,
    second: u32,
}

impl Sample {
    pub(super) fn new(second: u32) -> Self {
        let id = Uuid::now_v7();
        Self { id, second }
    }

    pub(super) fn record(&self, event: RecordEvent) -> NewRecord {
        NewRecord {
            id: Uuid::now_v7(),
            interception: self.id,
            at: at(self.second),
            event,
        }
    }

    pub(super) fn started(&self, started: Started) -> NewRecord {
        self.record(RecordEvent::Started(Box::new(started)))
    }

    pub(super) fn tokens(&self, input: u64) -> NewRecord {
        let usage = TokenSums {
            input,
            output: 2,
            cache_read: 3,
            cache_write: 4,
        };
        self.record(RecordEvent::Tokens(Tokens {
            response_id: "answer".to_owned(),
            usage,
            extra: [("reasoning".to_owned(), 1)].into(),
            metadata: Map::new(),
        }))
    }

    pub(super) fn prompt(&self, prompt: &str) -> NewRecord {
        self.record(RecordEvent::Prompt(Prompt {
            response_id: "answer".to_owned(),
            prompt: prompt.to_owned(),
            metadata: Map::new(),
        }))
    }

    pub(super) fn tool(&self, call_id: &str) -> NewRecord {
        self.record(RecordEvent::Tool(Box::new(Tool {
            response_id: "answer".to_owned(),
            kind: "function".to_owned(),
            tool: "read".to_owned(),
            namespace: None,
            call_id: Some(call_id.to_owned()),
            item_id: None,
            input: "{}".to_owned(),
            injected: false,
            server: None,
            server_url: None,
            invocation_error: None,
            duration_ms: None,
            metadata: Map::new(),
        })))
    }

    /// A call of a tool that the gateway offered, that failed after this long.
    pub(super) fn injected_tool(&self, duration_ms: u64) -> NewRecord {
        self.record(RecordEvent::Tool(Box::new(Tool {
            response_id: "answer".to_owned(),
            kind: "function".to_owned(),
            tool: "search".to_owned(),
            namespace: None,
            call_id: Some("injected-1".to_owned()),
            item_id: None,
            input: "{}".to_owned(),
            injected: true,
            server: Some("docs".to_owned()),
            server_url: Some("https://docs.example/mcp".to_owned()),
            invocation_error: Some("no such page".to_owned()),
            duration_ms: Some(duration_ms),
            metadata: Map::new(),
        })))
    }

    pub(super) fn thought(&self) -> NewRecord {
        self.record(RecordEvent::Thought(Thought {
            response_id: "answer".to_owned(),
            content: "well".to_owned(),
            source: "thinking".to_owned(),
            metadata: Map::new(),
        }))
    }

    /// Two seconds after the start.
    pub(super) fn ended(&self, status: InterceptionStatus) -> NewRecord {
        let record = self.record(RecordEvent::Ended(Ended {
            status,
            credential_hint: "at-end".to_owned(),
            provider_status: Some(200),
            error_type: None,
            error_message: None,
        }));
        NewRecord {
            at: at(self.second + 2),
            ..record
        }
    }
}

/// Stores records that must all be kept.
pub(super) async fn keep(store: &dyn Store, records: Vec<NewRecord>) -> Result<(), StoreError> {
    let rejections = store.store_records(records).await?;
    assert_eq!(rejections, []);
    Ok(())
}
