//! How many records a second the store keeps, synced to the disk.

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on has failed"
)]

use std::hint::black_box;

use bridge_control::api::{InterceptionStatus, TokenSums, UserStatus, UserView};
use bridge_control::record::{Ended, NewRecord, Prompt, RecordEvent, Started, Tokens, Tool};
use bridge_control::store::{SqliteStore, Store};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use jiff::Timestamp;
use serde_json::Map;
use uuid::Uuid;

/// Five records each; together as many as a gateway sends at most in one batch.
const INTERCEPTIONS: u64 = 819;

fn user() -> UserView {
    UserView {
        id: Uuid::now_v7(),
        username: "ada".to_owned(),
        email: None,
        name: None,
        status: UserStatus::Active,
        is_system: false,
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
    }
}

fn events(user: Uuid, session: &str) -> [RecordEvent; 5] {
    let started = Started {
        user,
        api_key_id: "key0000000".to_owned(),
        provider: "anthropic".to_owned(),
        provider_name: "anthropic".to_owned(),
        model: "model-one".to_owned(),
        route: "/v1/messages".to_owned(),
        streaming: true,
        client: "Claude Code".to_owned(),
        user_agent: "agent/1.2.3".to_owned(),
        client_session_id: Some(session.to_owned()),
        client_agent_id: None,
        correlating_tool_call_id: Some(format!("call-{session}")),
        credential_kind: "centralized",
        credential_hint: "op...ey".to_owned(),
        workspace_id: None,
        agent_firewall_session_id: None,
        agent_firewall_sequence_number: None,
        source: None,
        correlation_id: None,
        metadata: Map::new(),
    };
    let tokens = Tokens {
        response_id: "answer".to_owned(),
        usage: TokenSums {
            input: 1_000,
            output: 200,
            cache_read: 30_000,
            cache_write: 500,
        },
        extra: [("reasoning".to_owned(), 50)].into(),
        metadata: Map::new(),
    };
    let prompt = Prompt {
        response_id: "answer".to_owned(),
        prompt: "Please read the file and say what it does. ".repeat(12),
        metadata: Map::new(),
    };
    let tool = Tool {
        response_id: "answer".to_owned(),
        kind: "function".to_owned(),
        tool: "read".to_owned(),
        namespace: None,
        call_id: Some(format!("call-{session}")),
        item_id: None,
        input: r#"{"path": "src/main.rs"}"#.to_owned(),
        injected: false,
        server: None,
        server_url: None,
        invocation_error: None,
        duration_ms: None,
        metadata: Map::new(),
    };
    let ended = Ended {
        status: InterceptionStatus::Completed,
        credential_hint: "op...ey".to_owned(),
        provider_status: Some(200),
        error_type: None,
        error_message: None,
    };
    [
        RecordEvent::Started(Box::new(started)),
        RecordEvent::Tokens(tokens),
        RecordEvent::Prompt(prompt),
        RecordEvent::Tool(Box::new(tool)),
        RecordEvent::Ended(ended),
    ]
}

fn batch(user: Uuid) -> Vec<NewRecord> {
    let at = Timestamp::now();
    (0..INTERCEPTIONS)
        .flat_map(|number| {
            let interception = Uuid::now_v7();
            events(user, &format!("session-{}", number % 20)).map(|event| NewRecord {
                id: Uuid::now_v7(),
                interception,
                at,
                event,
            })
        })
        .collect()
}

fn keep(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("control.db")).unwrap();
    let user = user();
    runtime.block_on(store.insert_user(user.clone())).unwrap();
    let mut group = criterion.benchmark_group("records");
    group
        .throughput(Throughput::Elements(INTERCEPTIONS * 5))
        .sample_size(20);
    group.bench_function("kept in one batch", |bencher| {
        bencher.iter_batched(
            || batch(user.id),
            |records| {
                let rejections = runtime.block_on(store.store_records(records)).unwrap();
                assert!(black_box(rejections).is_empty());
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(records, keep);
criterion_main!(records);
