//! Records on the wire.

use std::time::{Duration, SystemTime};

use bridge_auth::{ActorId, KeySource};
use bridge_proto::v1::{self, record};
use bridge_record::{
    Ended, ErrorType, Event, InterceptionId, ModelThought, Outcome, PromptUsage, Record, Rejected,
    Sink as _, Started, TokenUsage, ToolUsage,
};
use bridge_rpc::{ChannelConfig, RemoteSink};
use tokio::time::Instant;
use tonic::Status;
use uuid::Uuid;

use crate::control::{Control, Cutter, connect};

fn sink() -> (Control, RemoteSink, Cutter) {
    let control = Control::default();
    let (dialer, cutter) = control.serve_pipe();
    let sink = RemoteSink::new(&connect(dialer));
    (control, sink, cutter)
}

fn interception() -> InterceptionId {
    Uuid::from_u128(7).into()
}

/// To the nanosecond.
fn at() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::new(1_795_000_000, 123_456_789)
}

fn record(event: Event) -> Record {
    Record::new(interception(), at(), event)
}

fn stamp() -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp {
        seconds: 1_795_000_000,
        nanos: 123_456_789,
    })
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn object(name: &str, kind: prost_types::value::Kind) -> Option<prost_types::Struct> {
    let value = prost_types::Value { kind: Some(kind) };
    Some(prost_types::Struct {
        fields: [(text(name), value)].into(),
    })
}

/// Delivers one event: exactly this message arrives.
async fn check(event: Event, expected: record::Event) {
    let (control, sink, _cutter) = sink();
    let record = record(event);
    assert_eq!(
        sink.deliver(std::slice::from_ref(&record)).await.unwrap(),
        []
    );
    let batches = control.batches();
    let expected = v1::Record {
        record_id: record.id.to_string(),
        event: Some(expected),
    };
    assert_eq!(batches.len(), 1);
    assert_eq!(batches[0].records, [expected]);
}

fn full_start() -> Started {
    Started {
        initiator: ActorId::from_bytes([1; 16]),
        api_key_id: text("key-1"),
        provider: text("anthropic"),
        provider_name: text("claude"),
        model: text("some-model"),
        route: text("/v1/messages"),
        streaming: true,
        client: text("Claude Code"),
        user_agent: text("agent/1"),
        client_session_id: Some(text("session")),
        client_agent_id: Some(text("agent")),
        correlating_tool_call_id: Some(text("call")),
        credential_kind: KeySource::Byok,
        credential_hint: text("ab...yz"),
        workspace_id: Some(text("workspace")),
        agent_firewall_session_id: Some(text("firewall")),
        agent_firewall_sequence_number: Some(-3),
        source: Some(text("host")),
        correlation_id: Some(text("correlation")),
        metadata: vec![(text("team"), text("north"))],
    }
}

fn full_started() -> v1::InterceptionStarted {
    v1::InterceptionStarted {
        id: interception().to_string(),
        initiator_id: text("01010101-0101-0101-0101-010101010101"),
        provider: text("anthropic"),
        model: text("some-model"),
        metadata: object("team", prost_types::value::Kind::StringValue(text("north"))),
        started_at: stamp(),
        api_key_id: text("key-1"),
        client: text("Claude Code"),
        user_agent: text("agent/1"),
        correlating_tool_call_id: Some(text("call")),
        client_session_id: Some(text("session")),
        provider_name: text("claude"),
        credential_kind: v1::CredentialKind::Byok.into(),
        credential_hint: text("ab...yz"),
        agent_firewall_session_id: Some(text("firewall")),
        agent_firewall_sequence_number: Some(-3),
        workspace_id: text("workspace"),
        route: text("/v1/messages"),
        streaming: true,
        client_agent_id: Some(text("agent")),
        source: text("host"),
        correlation_id: text("correlation"),
    }
}

#[tokio::test(start_paused = true)]
async fn starts() {
    check(
        Event::Started(Box::new(full_start())),
        record::Event::Started(full_started()),
    )
    .await;
    let mut bare = full_start();
    bare.streaming = false;
    bare.client_session_id = None;
    bare.client_agent_id = None;
    bare.correlating_tool_call_id = None;
    bare.credential_kind = KeySource::Centralized;
    bare.workspace_id = None;
    bare.agent_firewall_session_id = None;
    bare.agent_firewall_sequence_number = None;
    bare.source = None;
    bare.correlation_id = None;
    bare.metadata = Vec::new();
    let expected = v1::InterceptionStarted {
        streaming: false,
        client_session_id: None,
        client_agent_id: None,
        correlating_tool_call_id: None,
        credential_kind: v1::CredentialKind::Centralized.into(),
        workspace_id: String::new(),
        agent_firewall_session_id: None,
        agent_firewall_sequence_number: None,
        source: String::new(),
        correlation_id: String::new(),
        metadata: None,
        ..full_started()
    };
    check(
        Event::Started(Box::new(bare)),
        record::Event::Started(expected),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn tokens() {
    let usage = TokenUsage {
        response_id: text("msg"),
        input: 1,
        output: 2,
        cache_read: 3,
        cache_write: u64::MAX,
        extra: vec![(text("reasoning"), 5)],
        partial: false,
        estimated: false,
    };
    let expected = v1::TokenUsage {
        interception_id: interception().to_string(),
        msg_id: text("msg"),
        input_tokens: 1,
        output_tokens: 2,
        extra_tokens: [(text("reasoning"), 5)].into(),
        created_at: stamp(),
        cache_read_input_tokens: 3,
        cache_write_input_tokens: i64::MAX,
        metadata: None,
    };
    check(
        Event::Tokens(Box::new(usage.clone())),
        record::Event::TokenUsage(expected.clone()),
    )
    .await;
    let usage = TokenUsage {
        partial: true,
        ..usage
    };
    let is_set = prost_types::value::Kind::BoolValue(true);
    let mut marks = object("partial", is_set.clone());
    let expected = v1::TokenUsage {
        metadata: marks.clone(),
        ..expected
    };
    check(
        Event::Tokens(Box::new(usage.clone())),
        record::Event::TokenUsage(expected.clone()),
    )
    .await;
    let usage = TokenUsage {
        estimated: true,
        ..usage
    };
    let estimated = object("estimated", is_set).into_iter();
    let fields = estimated.flat_map(|object| object.fields);
    marks.as_mut().unwrap().fields.extend(fields);
    let expected = v1::TokenUsage {
        metadata: marks,
        ..expected
    };
    check(
        Event::Tokens(Box::new(usage)),
        record::Event::TokenUsage(expected),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn prompts_tools_and_thoughts() {
    let id = interception().to_string();
    check(
        Event::Prompt(PromptUsage {
            response_id: text("msg"),
            prompt: text("hello"),
        }),
        record::Event::PromptUsage(v1::PromptUsage {
            interception_id: id.clone(),
            msg_id: text("msg"),
            prompt: text("hello"),
            metadata: None,
            created_at: stamp(),
        }),
    )
    .await;
    check(
        Event::Tool(Box::new(ToolUsage {
            response_id: text("msg"),
            kind: text("function"),
            tool: text("read"),
            namespace: Some(text("files")),
            call_id: text("call"),
            item_id: Some(text("item")),
            input: text("{}"),
            server: Some(text("files")),
            server_url: Some(text("https://tools.example")),
            injected: true,
            invocation_error: Some(text("no such file")),
            duration_ms: Some(1_250),
        })),
        record::Event::ToolUsage(v1::ToolUsage {
            interception_id: id.clone(),
            msg_id: text("msg"),
            server_url: Some(text("https://tools.example")),
            tool: text("read"),
            input: text("{}"),
            injected: true,
            invocation_error: Some(text("no such file")),
            metadata: None,
            created_at: stamp(),
            tool_call_id: text("call"),
            item_id: text("item"),
            tool_kind: text("function"),
            namespace: text("files"),
            server_name: Some(text("files")),
            duration_ms: Some(1_250),
        }),
    )
    .await;
    check(
        Event::Thought(ModelThought {
            response_id: text("msg"),
            content: text("hm"),
            source: text("thinking"),
        }),
        record::Event::ModelThought(v1::ModelThought {
            interception_id: id,
            content: text("hm"),
            metadata: None,
            created_at: stamp(),
            source: text("thinking"),
            msg_id: text("msg"),
        }),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn ends() {
    let outcomes = [
        (Outcome::Completed, v1::Outcome::Completed),
        (Outcome::Failed, v1::Outcome::Failed),
        (Outcome::Aborted, v1::Outcome::Aborted),
        (Outcome::Cut, v1::Outcome::Cut),
    ];
    let kinds = [
        (ErrorType::BadRequest, v1::ErrorType::BadRequest),
        (ErrorType::Unauthorized, v1::ErrorType::Unauthorized),
        (ErrorType::RateLimited, v1::ErrorType::RateLimited),
        (ErrorType::Overloaded, v1::ErrorType::Overloaded),
        (ErrorType::ServerError, v1::ErrorType::ServerError),
        (ErrorType::Timeout, v1::ErrorType::Timeout),
        (ErrorType::Unknown, v1::ErrorType::Unknown),
    ];
    let mut rows: Vec<_> = outcomes.map(|outcome| (outcome, None)).into();
    rows.extend(kinds.map(|kind| (outcomes[1], Some(kind))));
    for ((outcome, expected_outcome), kind) in rows {
        check(
            Event::Ended(Box::new(Ended {
                outcome,
                credential_hint: text("ab...yz"),
                provider_status: kind.map(|_| 503),
                error_type: kind.map(|(kind, _)| kind),
                error_message: kind.map(|_| text("busy")),
            })),
            record::Event::Ended(v1::InterceptionEnded {
                id: interception().to_string(),
                ended_at: stamp(),
                credential_hint: text("ab...yz"),
                error_type: kind.map(|(_, expected)| expected.into()),
                error_message: kind.map(|_| text("busy")),
                outcome: expected_outcome.into(),
                provider_status: kind.map(|_| 503),
            }),
        )
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn times_before_the_epoch_are_exact_too() {
    let (control, sink, _cutter) = sink();
    let mut record = prompt("hello");
    record.at = SystemTime::UNIX_EPOCH - Duration::new(1, 250_000_000);
    sink.deliver(&[record]).await.unwrap();
    let Some(record::Event::PromptUsage(usage)) = control.batches()[0].records[0].event.clone()
    else {
        panic!("no prompt");
    };
    let expected = prost_types::Timestamp {
        seconds: -2,
        nanos: 750_000_000,
    };
    assert_eq!(usage.created_at, Some(expected));
}

fn prompt(prompt: &str) -> Record {
    record(Event::Prompt(PromptUsage {
        response_id: String::new(),
        prompt: text(prompt),
    }))
}

#[tokio::test(start_paused = true)]
async fn refused_records_are_named() {
    let (control, sink, _cutter) = sink();
    let (good, bad) = (prompt("good"), prompt("bad"));
    control.reject(vec![v1::RejectedRecord {
        record_id: bad.id.to_string(),
        reason: text("no such interception"),
    }]);
    let expected = [Rejected {
        id: bad.id,
        reason: text("no such interception"),
    }];
    assert_eq!(sink.deliver(&[good, bad]).await.unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn failures_promise_nothing() {
    let (control, sink, _cutter) = sink();
    for status in [
        Status::unavailable("not now"),
        Status::permission_denied("not allowed"),
    ] {
        control.refuse_batch(Some(status));
        sink.deliver(&[prompt("hello")]).await.unwrap_err();
    }
    control.refuse_batch(None);
    control.reject(vec![v1::RejectedRecord {
        record_id: text("not an id"),
        reason: String::new(),
    }]);
    sink.deliver(&[prompt("hello")]).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn nothing_needs_no_call() {
    let (control, sink, _cutter) = sink();
    assert_eq!(sink.deliver(&[]).await.unwrap(), []);
    assert!(control.batches().is_empty());
}

#[tokio::test(start_paused = true)]
async fn large_batches_travel_in_parts_and_in_order() {
    let (control, sink, _cutter) = sink();
    let records: Vec<Record> = [30, 30, 30, 1]
        .map(|mebibytes| prompt(&"x".repeat(mebibytes << 20)))
        .into();
    assert_eq!(sink.deliver(&records).await.unwrap(), []);
    let batches = control.batches();
    let sizes: Vec<usize> = batches.iter().map(|batch| batch.records.len()).collect();
    assert_eq!(sizes, [2, 2]);
    let ids = batches.iter().flat_map(|batch| &batch.records);
    let ids: Vec<&str> = ids.map(|record| record.record_id.as_str()).collect();
    let expected: Vec<String> = records.iter().map(|record| record.id.to_string()).collect();
    assert_eq!(ids, expected);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_no_message_can_hold_is_refused_here() {
    let (control, sink, _cutter) = sink();
    let (huge, small) = (prompt(&"x".repeat(64 << 20)), prompt("small"));
    let refused = sink.deliver(&[huge.clone(), small.clone()]).await.unwrap();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].id, huge.id);
    assert_eq!(control.batches().len(), 1);
    let kept = &control.batches()[0].records[0];
    assert_eq!(kept.record_id, small.id.to_string());
}

#[tokio::test(start_paused = true)]
async fn a_small_batch_without_an_answer_holds_up_the_next_no_longer_than_another_call() {
    let (control, sink, _cutter) = sink();
    sink.deliver(&[prompt("hello")]).await.unwrap();
    control.close_gate();
    let call_timeout = ChannelConfig::default().call_timeout;
    let sent = Instant::now();
    sink.deliver(&[prompt("hello")]).await.unwrap_err();
    let small = sent.elapsed();
    assert!(small < call_timeout * 2, "{small:?}");
    let sent = Instant::now();
    let large = prompt(&"x".repeat(9 << 20));
    sink.deliver(&[large]).await.unwrap_err();
    let large = sent.elapsed();
    assert!(large > call_timeout * 5, "{large:?}");
}
