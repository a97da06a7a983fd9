//! Batches of records over the wire, read back as an operator reads them.

use bridge_proto::v1::record::Event;
use bridge_proto::v1::recorder_service_client::RecorderServiceClient;
use bridge_proto::v1::{
    InterceptionEnded, InterceptionStarted, Outcome, PromptUsage, Record, RecordBatchRequest,
    RejectedRecord, TokenUsage,
};
use serde_json::json;
use tonic::transport::Channel;
use uuid::Uuid;

use crate::stage::Stage;

fn now() -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp {
        seconds: 1_700_000_000,
        nanos: 500_000_000,
    })
}

pub(crate) fn record(event: Event) -> Record {
    Record {
        record_id: Uuid::now_v7().to_string(),
        event: Some(event),
    }
}

pub(crate) fn started(id: Uuid, user: Uuid) -> InterceptionStarted {
    InterceptionStarted {
        id: id.to_string(),
        initiator_id: user.to_string(),
        provider: "anthropic".to_owned(),
        provider_name: "main".to_owned(),
        model: "model-one".to_owned(),
        started_at: now(),
        api_key_id: "key0000000".to_owned(),
        client: "Claude Code".to_owned(),
        client_session_id: Some("talk/1 ü".to_owned()),
        route: "/v1/messages".to_owned(),
        ..InterceptionStarted::default()
    }
}

pub(crate) async fn send(channel: &Channel, records: Vec<Record>) -> Vec<RejectedRecord> {
    let mut client = RecorderServiceClient::new(channel.clone());
    let request = RecordBatchRequest { records };
    client
        .record_batch(request)
        .await
        .unwrap()
        .into_inner()
        .rejected
}

#[tokio::test]
async fn a_batch_is_kept_and_read_by_the_operator() {
    let stage = Stage::new();
    let ada = stage.user("ada").await.id;
    let (channel, _served) = stage.gateway().await;
    let id = Uuid::now_v7();
    // Longer than what gRPC servers take by default (4 MiB).
    let prompt = PromptUsage {
        interception_id: id.to_string(),
        prompt: "long ".repeat(1 << 20),
        created_at: now(),
        ..PromptUsage::default()
    };
    let tokens = TokenUsage {
        interception_id: id.to_string(),
        input_tokens: 7,
        created_at: now(),
        ..TokenUsage::default()
    };
    let ended = InterceptionEnded {
        id: id.to_string(),
        ended_at: now(),
        outcome: Outcome::Completed.into(),
        ..InterceptionEnded::default()
    };
    let batch = vec![
        record(Event::Started(started(id, ada))),
        record(Event::PromptUsage(prompt)),
        record(Event::TokenUsage(tokens)),
        record(Event::Ended(ended)),
    ];
    assert_eq!(send(&channel, batch.clone()).await, []);
    assert_eq!(send(&channel, batch).await, []);
    assert_eq!(send(&channel, Vec::new()).await, []);

    let (status, page) = stage.get("/interceptions?user=ada&outcome=completed").await;
    assert_eq!(status, 200);
    let row = &page["items"][0];
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    assert_eq!(page["next"], json!(null));
    assert_eq!(row["usage"]["input"], 7);
    assert_eq!(row["started_at"], "2023-11-14T22:13:20.5Z");
    assert_eq!(row["duration_ms"], 0);
    assert_eq!(row["prompt"].as_str().unwrap().len(), 200);
    assert_eq!(row["user"]["username"], "ada");

    let (status, detail) = stage.get(&format!("/interceptions/{id}")).await;
    assert_eq!(status, 200);
    assert_eq!(detail["id"], id.to_string());
    assert_eq!(
        detail["prompts"][0]["prompt"].as_str().unwrap().len(),
        5 << 20
    );

    let (status, session) = stage.get("/sessions/talk%2F1%20%C3%BC").await;
    assert_eq!(status, 200);
    assert_eq!(session["threads"][0]["root_id"], id.to_string());
    let (_, sessions) = stage.get("/sessions?client=Claude+Code").await;
    assert_eq!(sessions["items"][0]["models"], json!(["model-one"]));
    let (_, none) = stage.get("/interceptions?model=other").await;
    assert_eq!(none["items"], json!([]));
}

#[tokio::test]
async fn what_is_wrong_is_named_and_the_rest_is_kept() {
    let stage = Stage::new();
    let ada = stage.user("ada").await.id;
    let (channel, _served) = stage.gateway().await;
    let id = Uuid::now_v7();
    let garbage = InterceptionStarted {
        initiator_id: "private words".to_owned(),
        ..started(Uuid::now_v7(), ada)
    };
    let batch = vec![
        record(Event::Started(garbage)),
        Record {
            record_id: "\0".to_owned(),
            event: None,
        },
        record(Event::TokenUsage(TokenUsage {
            interception_id: Uuid::nil().to_string(),
            created_at: now(),
            ..TokenUsage::default()
        })),
        record(Event::Started(started(id, ada))),
    ];
    let rejected = send(&channel, batch).await;
    let reasons: Vec<_> = rejected
        .iter()
        .map(|rejected| rejected.reason.as_str())
        .collect();
    assert_eq!(
        reasons,
        [
            "initiator_id: not a UUID",
            "record_id: not a UUID",
            "interception_id: no such interception was started",
        ]
    );
    let (_, detail) = stage.get(&format!("/interceptions/{id}")).await;
    assert_eq!(detail["status"], "running");
    assert_eq!(detail["ended_at"], json!(null));
}
