//! Endpoints that refuse, fail, or are not there.

use bridge_control::api::ToolCredentialKind;
use bridge_proto::v1::ToolServerProblemKind;
use tokio::net::TcpListener;

use super::scene::{Endpoint, Scene, granted, wiki};
use crate::tool_answers::{problem, user_token};
use crate::tools::server;

#[tokio::test]
async fn a_refresh_token_that_is_refused_is_not_shown_again() {
    let scene = Scene::new().await;
    scene.set("token-0", -5).await;
    let body = r#"{"error":"invalid_grant","error_description":"hidden"}"#;
    scene.endpoint.answer(400, body);
    for _ in 0..3 {
        let told = problem(&scene.ask().await, "wiki");
        let text = "expired or refused: set a new token".to_owned();
        assert_eq!(told, (ToolServerProblemKind::Expired, text));
    }
    assert_eq!(scene.endpoint.asked().len(), 1);
    let (_, listed) = scene.stage.get("/tool-tokens").await;
    assert_eq!(listed["items"][0]["state"], "refused");
    // A new one is tried.
    scene.set("token-0", -5).await;
    scene.endpoint.answer(200, &granted(1, 3_600));
    assert_eq!(user_token(&scene.ask().await, "wiki").token, "token-1");
}

#[tokio::test]
async fn trouble_at_the_endpoint_is_told_and_passes() {
    let big = format!(r#"{{"access_token":"{}"}}"#, "a".repeat(70 << 10));
    for (status, body, part) in [
        (503, "hidden", "status 503"),
        (302, "", "status 302"),
        (200, "hidden", "not understood"),
        (200, big.as_str(), "broke"),
        (401, r#"{"error":"invalid_client"}"#, "invalid_client"),
    ] {
        let scene = Scene::new().await;
        scene.set("token-0", 3_600).await;
        let answer = scene.ask().await;
        scene.endpoint.answer(status, body);
        let again = scene.ask_again(&answer).await;
        let (kind, message) = problem(&again, "wiki");
        assert_eq!(kind, ToolServerProblemKind::NotRefreshed, "{message}");
        assert!(
            message.contains(part) && !message.contains("hidden"),
            "{message}"
        );
        // It is left alone for a while; who has a good token goes on with it.
        let again = scene.ask_again(&answer).await;
        assert_eq!(problem(&again, "wiki").1, message);
        assert_eq!(scene.endpoint.asked().len(), 1, "{message}");
        assert_eq!(user_token(&scene.ask().await, "wiki").token, "token-0");
        let (_, listed) = scene.stage.get("/tool-tokens").await;
        assert_eq!(listed["items"][0]["state"], "good");
    }
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_costs_its_own_server_only() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let wiki = wiki(format!("http://{address}/token"));
    let scene = Scene::with(Endpoint::new(), None, wiki).await;
    let open = server("open", ToolCredentialKind::None);
    scene.stage.control.create_tool_server(open).await.unwrap();
    scene.set("token-0", -5).await;
    let answer = scene.ask().await;
    assert_eq!(answer.servers.len(), 2);
    let (kind, message) = problem(&answer, "wiki");
    assert_eq!(kind, ToolServerProblemKind::NotRefreshed);
    assert!(message.contains("cannot be connected to"), "{message}");
}
