//! Many who ask at once, and who leaves before the answer is there.

use bridge_control::api::{NewUserToken, SecretText};
use bridge_proto::v1::{GetToolServersResponse, ToolServerProblemKind};
use futures_util::FutureExt as _;
use futures_util::future::join_all;

use super::scene::{Scene, granted};
use crate::tool_answers::{ask, problem, user_token};

/// ada's token has expired, and the endpoint keeps its answer back until it is released.
async fn held(status: u16, body: &str) -> Scene {
    let scene = Scene::new().await;
    scene.set("token-0", -5).await;
    scene.endpoint.answer(status, body);
    scene.endpoint.hold();
    scene
}

/// What twenty who ask at once are told; the endpoint answers when it has been asked.
async fn twenty_ask(scene: &Scene) -> Vec<GetToolServersResponse> {
    let opened = async {
        scene.endpoint.until_asked(1).await;
        scene.endpoint.release();
    };
    let asking = join_all((0..20).map(|_| scene.ask()));
    tokio::join!(asking, opened).0
}

/// Asks, and is gone before the endpoint answers.
async fn ask_and_leave(scene: &Scene) {
    tokio::select! {
        _ = scene.ask() => panic!("the endpoint has not answered"),
        () = scene.endpoint.until_asked(1) => {}
    }
}

#[tokio::test]
async fn many_gateways_that_ask_at_once_get_one_token_and_the_endpoint_is_asked_once() {
    let scene = held(200, &granted(1, 3_600)).await;
    for answer in twenty_ask(&scene).await {
        assert_eq!(user_token(&answer, "wiki").token, "token-1");
    }
    assert_eq!(scene.endpoint.asked().len(), 1);
}

#[tokio::test]
async fn a_refusal_is_heard_by_all_who_wait_for_it() {
    let scene = held(400, r#"{"error":"invalid_grant"}"#).await;
    for answer in twenty_ask(&scene).await {
        assert_eq!(problem(&answer, "wiki").0, ToolServerProblemKind::Expired);
    }
    assert_eq!(scene.endpoint.asked().len(), 1);
}

#[tokio::test]
async fn an_endpoint_is_asked_for_so_many_tokens_at_once() {
    let scene = Scene::new().await;
    scene.endpoint.answer(200, &granted(1, 3_600));
    scene.endpoint.hold();
    let mut users = Vec::new();
    for number in 0..40 {
        let name = format!("user-{number}");
        users.push(scene.stage.user(&name).await);
        let new = NewUserToken {
            refresh_token: Some(SecretText::new(format!("refresh-{number}"))),
            ..NewUserToken::default()
        };
        let control = &scene.stage.control;
        control.set_user_token("wiki", &name, new).await.unwrap();
    }
    let asking = users.iter().map(|user| {
        let mut client = scene.client.clone();
        async move { ask(&mut client, user, "", Vec::new()).await.unwrap() }
    });
    let opened = async {
        scene.endpoint.until_asked(32).await;
        // Others would be there long before all this is answered.
        for _ in 0..20 {
            scene.stage.get("/tool-tokens").await;
        }
        assert_eq!(scene.endpoint.asked().len(), 32);
        scene.endpoint.release();
    };
    let (answers, ()) = tokio::join!(join_all(asking), opened);
    for answer in answers {
        assert_eq!(user_token(&answer, "wiki").token, "token-1");
    }
    assert_eq!(scene.endpoint.asked().len(), 40);
}

/// A refresh token that was exchanged must not be lost with the gateway that asked first.
#[tokio::test]
async fn a_gateway_that_leaves_does_not_lose_the_token() {
    let scene = held(200, &granted(1, 3_600)).await;
    ask_and_leave(&scene).await;
    scene.endpoint.release();
    assert_eq!(user_token(&scene.ask().await, "wiki").token, "token-1");
    assert_eq!(scene.endpoint.asked().len(), 1);
}

/// What was exchanged has to be kept before the process may end.
#[tokio::test]
async fn who_ends_waits_for_tokens_that_are_being_got_anew() {
    let scene = held(200, &granted(1, 3_600)).await;
    ask_and_leave(&scene).await;
    let mut settled = std::pin::pin!(scene.stage.control.settle());
    assert!(settled.as_mut().now_or_never().is_none());
    scene.endpoint.release();
    settled.await;
    let (_, listed) = scene.stage.get("/tool-tokens").await;
    assert!(listed["items"][0]["refreshed_at"].is_string(), "{listed}");
    // Nothing runs any more.
    scene.stage.control.settle().await;
}
