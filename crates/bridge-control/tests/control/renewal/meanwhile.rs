//! What the operator changes while a token is being got anew.

use bridge_control::api::ToolServerPatch;
use bridge_proto::v1::ToolServerProblemKind;

use super::scene::{Scene, granted};
use crate::tool_answers::{problem, user_token};

#[tokio::test]
async fn what_the_operator_sets_meanwhile_wins() {
    let scene = Scene::new().await;
    scene.set("token-0", -5).await;
    scene.endpoint.answer(200, &granted(1, 3_600));
    scene.endpoint.hold();
    let setting = async {
        scene.endpoint.until_asked(1).await;
        scene.set("of-operator", 3_600).await;
        scene.endpoint.release();
    };
    let (answer, ()) = tokio::join!(scene.ask(), setting);
    assert_eq!(user_token(&answer, "wiki").token, "of-operator");
    assert_eq!(user_token(&scene.ask().await, "wiki").token, "of-operator");
}

/// A token that was set for where the server is now must not be sent to where it was.
#[tokio::test]
async fn a_server_that_moves_meanwhile_is_told_with_its_new_address() {
    let scene = Scene::new().await;
    scene.set("token-0", -5).await;
    scene.endpoint.answer(200, &granted(1, 3_600));
    scene.endpoint.hold();
    let moving = async {
        scene.endpoint.until_asked(1).await;
        let patch = ToolServerPatch {
            url: Some("https://moved.example/mcp".to_owned()),
            ..ToolServerPatch::default()
        };
        let control = &scene.stage.control;
        control.change_tool_server("wiki", patch).await.unwrap();
        scene.set("of-operator", 3_600).await;
        scene.endpoint.release();
    };
    let (answer, ()) = tokio::join!(scene.ask(), moving);
    assert_eq!(user_token(&answer, "wiki").token, "of-operator");
    assert_eq!(answer.servers[0].url, "https://moved.example/mcp");
}

#[tokio::test]
async fn a_token_that_is_removed_meanwhile_does_not_come_back() {
    let scene = Scene::new().await;
    scene.set("token-0", -5).await;
    scene.endpoint.answer(200, &granted(1, 3_600));
    scene.endpoint.hold();
    let removing = async {
        scene.endpoint.until_asked(1).await;
        scene
            .stage
            .control
            .delete_user_token("wiki", "ada")
            .await
            .unwrap();
        scene.endpoint.release();
    };
    let (answer, ()) = tokio::join!(scene.ask(), removing);
    assert_eq!(problem(&answer, "wiki").0, ToolServerProblemKind::Expired);
    assert_eq!(
        problem(&scene.ask().await, "wiki").0,
        ToolServerProblemKind::NoToken
    );
}
