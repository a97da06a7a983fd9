//! The demonstration against the simulated provider and a small operator's API.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::routing::get;
use bridge_simulate::{SimulateConfig, Simulator};
use bridge_telemetry::{discard, task};
use tokio::net::TcpListener;

use super::*;
use crate::operator_api::url_of;

async fn simulator() -> Simulator {
    let config = SimulateConfig::default();
    Simulator::bind(config, &discard()).await.unwrap()
}

/// The plan without a gateway in between: the provider's name falls away.
fn direct_plan() -> Vec<DemoRequest> {
    let mut plan = plan("a", "o");
    for request in &mut plan {
        request.path = request.path.split_off("/a".len());
    }
    plan
}

#[test]
fn the_plan_leads_to_each_format_in_both_modes() {
    let paths: Vec<_> = plan("anthropic", "office")
        .into_iter()
        .map(|r| r.path)
        .collect();
    assert_eq!(
        paths,
        [
            "/anthropic/v1/messages",
            "/anthropic/v1/messages",
            "/office/v1/chat/completions",
            "/office/v1/chat/completions",
            "/office/v1/responses",
            "/office/v1/responses",
        ]
    );
    let streaming = plan("a", "o")
        .iter()
        .filter(|r| r.last_event.is_some())
        .count();
    assert_eq!(streaming, 3);
}

#[tokio::test]
async fn every_request_of_the_plan_is_answered_whole() {
    let simulator = simulator().await;
    let key = Secret::new("gateway-key".to_owned());
    let mut answered = Vec::new();
    for request in &direct_plan() {
        let answer = perform(simulator.address(), &key, request).await.unwrap();
        assert_eq!(
            answer.events > 0,
            request.last_event.is_some(),
            "{}",
            request.title
        );
        answered.push(answer);
    }
    let text = answers(&answered);
    assert!(text.contains("Responses, blocking"), "{text}");
}

#[tokio::test]
async fn a_refusal_and_a_broken_stream_fail_the_demonstration() {
    let simulator = simulator().await;
    let key = Secret::new("gateway-key".to_owned());
    let mut request = direct_plan().remove(0);
    request.body = messages_body("simulate:error=429", true);
    let told = perform(simulator.address(), &key, &request)
        .await
        .unwrap_err()
        .to_string();
    assert!(told.contains("status 429"), "{told}");
    request.body = messages_body("simulate:stream-error", true);
    let told = perform(simulator.address(), &key, &request)
        .await
        .unwrap_err();
    assert!(matches!(told, DemoError::Incomplete { .. }), "{told}");
    request.path = "/nowhere".to_owned();
    let told = perform(simulator.address(), &key, &request)
        .await
        .unwrap_err();
    assert!(matches!(told, DemoError::Refused { .. }), "{told}");
}

fn view(status: &str, prompt: &str) -> Value {
    json!({
        "id": "6f1c0a52-2d39-4f38-9d3e-3a8f6f6f3f10",
        "user": { "id": "6f1c0a52-2d39-4f38-9d3e-3a8f6f6f3f11", "username": "demo" },
        "provider": "anthropic", "provider_name": "anthropic", "model": "claude-sonnet-4-5",
        "client": "Unknown", "route": "/v1/messages", "streaming": true,
        "credential_kind": "centralized", "session_id": "s", "client_session_id": null,
        "client_agent_id": null, "status": status, "started_at": "2026-11-24T12:00:00Z",
        "ended_at": null, "duration_ms": 12,
        "usage": { "input": 7, "output": 9, "cache_read": 0, "cache_write": 0 },
        "prompt": prompt, "tool_calls": 1, "provider_status": 200, "error_type": null,
        "error_message": null,
    })
}

#[tokio::test]
async fn records_are_waited_for_and_shown_oldest_first() {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let list = move || async move {
        let newest = if count.fetch_add(1, Ordering::SeqCst) < 2 {
            "running"
        } else {
            "completed"
        };
        let items = [view(newest, "second"), view("failed", "first \u{1b}[2J")];
        json!({ "items": items, "next": null }).to_string()
    };
    let router = Router::new().route("/api/v1/interceptions", get(list));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = url_of(listener.local_addr().unwrap());
    let _running = task::spawn(&discard(), "server", async move {
        axum::serve(listener, router).await.unwrap();
    });
    let api = OperatorApi::try_new(&url, &Secret::new("operator-key".to_owned())).unwrap();
    let found = recorded(&api, "demo", 2).await.unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 3);
    assert_eq!(found[1].prompt.as_deref(), Some("second"));
    let text = records(&found);
    for part in [
        "demo",
        "claude-sonnet-4-5",
        "failed",
        "completed",
        "stream",
        "second",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    assert!(!text.contains('\u{1b}'));
}
