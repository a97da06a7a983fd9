//! Tokens that are got anew, from a token endpoint that is really there.

#[path = "renewal/at_once.rs"]
mod at_once;
#[path = "renewal/meanwhile.rs"]
mod meanwhile;
#[path = "renewal/scene.rs"]
mod scene;
#[path = "renewal/tls.rs"]
mod tls;
#[path = "renewal/trouble.rs"]
mod trouble;

use bridge_control::api::{NewUserToken, SecretText, ToolServerPatch};
use bridge_proto::v1::ToolServerProblemKind;
use jiff::Timestamp;

use crate::tool_answers::{problem, user_token};
use scene::{Scene, granted};

#[tokio::test]
async fn a_token_that_ends_soon_is_got_anew_and_refresh_tokens_follow_each_other() {
    let scene = Scene::new().await;
    scene.set("token-0", 3_600).await;
    assert_eq!(user_token(&scene.ask().await, "wiki").token, "token-0");
    assert!(scene.endpoint.asked().is_empty(), "there is time");

    scene.set("token-0", -5).await;
    scene.endpoint.answer(200, &granted(1, 3_600));
    let answer = scene.ask().await;
    let first = user_token(&answer, "wiki");
    assert_eq!(first.token, "token-1");
    let left = first.expires_at.unwrap().seconds - Timestamp::now().as_second();
    assert!((3_500..=3_600).contains(&left), "{left}");
    // "bridged:word"
    let basic = Some("Basic YnJpZGdlZDp3b3Jk".to_owned());
    let form = |token: &str| format!("grant_type=refresh_token&refresh_token={token}");
    assert_eq!(scene.endpoint.asked(), [(basic.clone(), form("refresh-0"))]);
    // It is kept: nobody is asked for it again.
    assert_eq!(user_token(&scene.ask().await, "wiki").token, "token-1");

    scene
        .endpoint
        .answer(200, r#"{"access_token":"token-2","expires_in":60}"#);
    let answer = scene.ask_again(&answer).await;
    assert_eq!(user_token(&answer, "wiki").token, "token-2");
    // A server that gives no other refresh token takes the one that there is again.
    scene.endpoint.answer(200, &granted(3, 60));
    let answer = scene.ask_again(&answer).await;
    assert_eq!(user_token(&answer, "wiki").token, "token-3");
    let asked: Vec<_> = scene
        .endpoint
        .asked()
        .into_iter()
        .map(|(_, body)| body)
        .collect();
    assert_eq!(
        asked,
        [form("refresh-0"), form("refresh-1"), form("refresh-1")]
    );
    let (_, listed) = scene.stage.get("/tool-tokens").await;
    assert_eq!(listed["items"][0]["state"], "good");
    assert!(listed["items"][0]["refreshed_at"].is_string());
}

#[tokio::test]
async fn a_refresh_token_alone_is_enough() {
    let scene = Scene::new().await;
    let new = NewUserToken {
        refresh_token: Some(SecretText::new("refresh-0".to_owned())),
        ..NewUserToken::default()
    };
    scene
        .stage
        .control
        .set_user_token("wiki", "ada", new)
        .await
        .unwrap();
    scene.endpoint.answer(200, &granted(1, 3_600));
    assert_eq!(user_token(&scene.ask().await, "wiki").token, "token-1");
}

#[tokio::test]
async fn a_token_whose_endpoint_is_taken_away_is_not_called_renewable() {
    let scene = Scene::new().await;
    scene.set("token-0", -5).await;
    let state = async || {
        let (_, listed) = scene.stage.get("/tool-tokens").await;
        listed["items"][0]["state"].clone()
    };
    assert_eq!(state().await, "renewable");
    let patch = ToolServerPatch {
        oauth: Some(None),
        ..ToolServerPatch::default()
    };
    let control = &scene.stage.control;
    control.change_tool_server("wiki", patch).await.unwrap();
    let told = problem(&scene.ask().await, "wiki");
    assert_eq!(told.0, ToolServerProblemKind::Expired);
    assert_eq!(state().await, "expired");
}

#[tokio::test]
async fn what_was_got_anew_is_counted() {
    let scene = Scene::new().await;
    scene.set("token-0", -5).await;
    scene.endpoint.answer(200, &granted(1, 3_600));
    assert_eq!(user_token(&scene.ask().await, "wiki").token, "token-1");
    let text = scene.stage.metrics.expose();
    let line = r#"bridge_tool_token_renewals_total{kind="renewed"} 1"#;
    assert!(text.contains(line), "{text}");
}
