//! What was recorded.

use axum::Router;
use axum::routing::get;

use super::answering::Answering;

#[tokio::test]
async fn records_are_listed_against_a_real_control_plane() {
    let server = Answering::start().await;
    let nothing = ["Nothing is recorded yet."];
    server.check("bridged interceptions list", &nothing).await;
    server
        .check(
            "bridged interceptions list --outcome failed --after 2026-11-24T00:00:00Z",
            &nothing,
        )
        .await;
    server
        .check("bridged sessions list --client Codex", &nothing)
        .await;
    server
        .refused("bridged interceptions list --outcome odd", "outcome")
        .await;
    server
        .refused(
            "bridged interceptions show 6f1c0a52-2d39-4f38-9d3e-3a8f6f6f3f10",
            "6f1c0a52",
        )
        .await;
    server.refused("bridged sessions show one", "one").await;
}

/// A recorded request as the operator's API tells it.
const DETAIL: &str = r#"{
    "id": "6f1c0a52-2d39-4f38-9d3e-3a8f6f6f3f10",
    "user": { "id": "6f1c0a52-2d39-4f38-9d3e-3a8f6f6f3f11", "username": "ada" },
    "provider": "anthropic", "provider_name": "anthropic", "model": "claude-sonnet-4-5",
    "client": "Claude Code", "route": "/v1/messages", "streaming": true,
    "credential_kind": "centralized", "session_id": "s-1", "client_session_id": "s-1",
    "client_agent_id": null, "status": "failed", "started_at": "2026-11-24T12:00:00Z",
    "ended_at": "2026-11-24T12:00:01Z", "duration_ms": 1000,
    "usage": { "input": 7, "output": 9, "cache_read": 5, "cache_write": 3 },
    "prompt": "fix it", "tool_calls": 1, "provider_status": 529,
    "error_type": "overloaded", "error_message": "try later",
    "api_key_id": "abcdefghij", "user_agent": "claude-cli/2", "credential_hint": "op...ey",
    "workspace_id": null, "thread_parent_id": null, "thread_root_id": null,
    "correlating_tool_call_id": null, "agent_firewall_session_id": null,
    "agent_firewall_sequence_number": null, "source": null, "correlation_id": null,
    "metadata": { "authorization": "grace" },
    "tokens": [{ "response_id": "r", "input": 7, "output": 9, "cache_read": 5, "cache_write": 3,
        "extra": {}, "metadata": { "partial": true, "estimated": true },
        "created_at": "2026-11-24T12:00:00Z" }],
    "prompts": [{ "response_id": "r", "prompt": "fix it\nand \u001b[2J test it",
        "metadata": {}, "created_at": "2026-11-24T12:00:00Z" }],
    "tools": [{ "response_id": "r", "kind": "function", "tool": "Bash", "namespace": null,
        "call_id": "c", "item_id": null, "input": "{\"command\":\"ls\"}", "injected": false,
        "server": null, "server_url": null, "invocation_error": null, "duration_ms": null,
        "metadata": {}, "created_at": "2026-11-24T12:00:00Z" },
        { "response_id": "r", "kind": "function", "tool": "search", "namespace": null,
        "call_id": "d", "item_id": null, "input": "{\"page\":7}", "injected": true,
        "server": "docs", "server_url": "https://docs.example/mcp",
        "invocation_error": "no page\n\u001b[2J 7", "duration_ms": 1250,
        "metadata": {}, "created_at": "2026-11-24T12:00:00Z" }],
    "thoughts": [{ "response_id": "r", "content": "it is broken", "source": "thinking",
        "metadata": {}, "created_at": "2026-11-24T12:00:00Z" }]
}"#;

#[tokio::test]
async fn one_record_is_shown_whole_and_harmless() {
    let page = format!(r#"{{ "items": [{DETAIL}], "next": "more" }}"#);
    let router = Router::new()
        .route("/api/v1/interceptions", get(move || async move { page }))
        .route("/api/v1/interceptions/{id}", get(|| async { DETAIL }));
    let server = Answering::with(router, tempfile::tempdir().unwrap()).await;
    let text = server
        .check(
            "bridged interceptions show 6f1c0a52-2d39-4f38-9d3e-3a8f6f6f3f10",
            &[
                "Claude Code",
                "claude-sonnet-4-5",
                "/v1/messages (stream)",
                "grace",
                "overloaded",
                "try later",
                "7 in, 9 out, 5 read from cache, 3 written to cache (partial, output estimated)",
                "  fix it\n",
                "thinking\n  it is broken",
                "tool call: Bash (function)\n  {\"command\":\"ls\"}",
                "injected tool call: search (function) of docs, 1250 ms\n  \
                 at https://docs.example/mcp\n  failed: no page \u{fffd}[2J 7\n  {\"page\":7}",
            ],
        )
        .await;
    assert!(!text.contains('\u{1b}'), "{text}");
    server
        .check(
            "bridged interceptions list --limit 1",
            &["There are more: raise --limit.", "fix it"],
        )
        .await;
}
