//! Requests of a host program in the same process.

use bridge_auth::{KeySource, RequestSource, Seal};
use bridge_gateway::{InProcess, InProcessError};
use bridge_intercept::{AftercareLimits, OnAbort};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};

use crate::support::{Setup, Step, World, json, sse, until};

const BODY: &[u8] = br#"{"model":"m","messages":[{"role":"user","content":"hello"}]}"#;
const ANSWER: &str = r#"{"id":"msg_1","content":[],"usage":{"input_tokens":1,"output_tokens":1}}"#;

fn request(headers: &[(&str, &str)]) -> Request<Full<bytes::Bytes>> {
    let mut request = Request::builder()
        .method("POST")
        .uri("https://ignored/v1/messages?beta=true");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::new(BODY.into())).unwrap()
}

fn agents() -> RequestSource {
    RequestSource::new("agents").unwrap()
}

#[tokio::test]
async fn a_delegated_request_is_authorised_by_key_id_alone_in_both_modes() {
    type Headers<'h> = &'h [(&'h str, &'h str)];
    type Row<'r> = (Headers<'r>, Option<&'r str>, Option<&'r str>, KeySource);
    let rows: [Row<'_>; 3] = [
        (
            &[],
            Some("operator-anthropic-key"),
            None,
            KeySource::Centralized,
        ),
        // What an SDK sets by default is no claim here, and it does not travel.
        (
            &[("authorization", "Bearer dummy"), ("x-api-key", "dummy")],
            Some("operator-anthropic-key"),
            None,
            KeySource::Centralized,
        ),
        (
            &[
                ("x-coder-ai-governance-token", "gone-key"),
                ("authorization", "Bearer own-sub"),
            ],
            None,
            Some("Bearer own-sub"),
            KeySource::Byok,
        ),
    ];
    for (headers, api_key, bearer, kind) in rows {
        let world = World::playing(vec![json("200 OK", ANSWER)]).await;
        let host = InProcess::new(world.gateway.clone(), world.seal.clone());
        let transport = host.transport_for("anthropic", agents()).unwrap();
        let reply = transport.send("alice-id", request(headers)).await.unwrap();
        assert_eq!(reply.status(), StatusCode::OK);
        assert_eq!(
            reply.into_body().collect().await.unwrap().to_bytes(),
            ANSWER
        );
        assert_eq!(*world.asked.claims.lock(), [("id", "alice-id".to_owned())]);
        let seen = world.provider.seen().remove(0);
        assert!(
            seen.head.starts_with("POST /v1/messages?beta=true"),
            "{}",
            seen.head
        );
        assert_eq!(
            (seen.header("x-api-key"), seen.header("authorization")),
            (api_key, bearer)
        );
        assert!(
            !seen.head.contains("gone-key") && !seen.head.contains("dummy"),
            "{}",
            seen.head
        );
        world.ended(1).await;
        let started = world.started().remove(0);
        assert_eq!(
            (started.credential_kind, started.source.as_deref()),
            (kind, Some("agents"))
        );
        assert_eq!(
            started.workspace_id, None,
            "the key's workspace is not the host's"
        );
    }
}

#[tokio::test]
async fn a_host_names_the_workspace_it_works_for() {
    let world = World::playing(vec![json("200 OK", ANSWER)]).await;
    let host = InProcess::new(world.gateway.clone(), world.seal.clone());
    let transport = host.transport_for("anthropic", agents()).unwrap();
    let delegation = world
        .seal
        .vouch("alice-id")
        .unwrap()
        .with_workspace("workspace-9");
    let reply = transport
        .send_as(delegation.with_source(agents()), request(&[]))
        .await
        .unwrap();
    drop(reply);
    world.ended(1).await;
    assert_eq!(
        world.started()[0].workspace_id.as_deref(),
        Some("workspace-9")
    );
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_before_the_gateway_sees_it() {
    let world = World::playing(vec![json("200 OK", ANSWER)]).await;
    let host = InProcess::new(world.gateway.clone(), world.seal.clone());
    let error = |name: &str| host.transport_for(name, agents()).unwrap_err();
    assert_eq!(error(""), InProcessError::NoProvider);
    for name in [".", "..", "a/b", "a\\b", "a%2fb", "a?b", "a#b"] {
        assert_eq!(error(name), InProcessError::ProviderName, "{name}");
    }
    let transport = host.transport_for("anthropic", agents()).unwrap();
    for id in ["", "  "] {
        let refused = transport.send(id, request(&[])).await.unwrap_err();
        assert_eq!(refused, InProcessError::NoKeyId);
    }
    assert!(world.asked.claims.lock().is_empty());
}

#[tokio::test]
async fn only_the_gateways_own_seal_is_believed() {
    let world = World::playing(vec![json("200 OK", ANSWER)]).await;
    let host = InProcess::new(world.gateway.clone(), Seal::new());
    let transport = host.transport_for("anthropic", agents()).unwrap();
    let reply = transport.send("alice-id", request(&[])).await.unwrap();
    assert_eq!(reply.status(), StatusCode::FORBIDDEN);
    assert!(world.asked.claims.lock().is_empty() && world.provider.seen().is_empty());
}

#[tokio::test]
async fn a_refused_key_reaches_no_handler() {
    let world = World::playing(vec![json("200 OK", ANSWER)]).await;
    let host = InProcess::new(world.gateway.clone(), world.seal.clone());
    let transport = host.transport_for("anthropic", agents()).unwrap();
    let reply = transport.send("other-id", request(&[])).await.unwrap();
    assert_eq!(reply.status(), StatusCode::FORBIDDEN);
    assert!(world.provider.seen().is_empty() && world.events().is_empty());
}

#[tokio::test]
async fn the_answer_is_readable_before_it_ends_and_dropping_it_ends_the_exchange() {
    let mut script = sse(&["event: message_start\ndata: {\"type\":\"message_start\"}\n\n"]);
    script.pop();
    script.push(Step::Hang);
    let world = World::playing(vec![script]).await;
    let host = InProcess::new(world.gateway.clone(), world.seal.clone());
    let transport = host.transport_for("anthropic", agents()).unwrap();
    let mut reply = transport.send("alice-id", request(&[])).await.unwrap();
    let piece = reply
        .body_mut()
        .frame()
        .await
        .unwrap()
        .unwrap()
        .into_data()
        .unwrap();
    assert!(piece.starts_with(b"event: message_start"), "{piece:?}");
    drop(reply);
    until(|| world.provider.deserted() == 1).await;
    assert_eq!(
        world.ended(1).await[0].outcome,
        bridge_record::Outcome::Aborted
    );
}

#[tokio::test]
async fn many_at_once_do_not_disturb_each_other() {
    let world = World::playing(vec![json("200 OK", ANSWER)]).await;
    let host = InProcess::new(world.gateway.clone(), world.seal.clone());
    let transport = host.transport_for("anthropic", agents()).unwrap();
    let all = (0..16).map(|_| transport.send("alice-id", request(&[])));
    for reply in futures_util::future::join_all(all).await {
        assert_eq!(
            reply
                .unwrap()
                .into_body()
                .collect()
                .await
                .unwrap()
                .to_bytes(),
            ANSWER
        );
    }
    assert_eq!(world.ended(16).await.len(), 16);
}

#[tokio::test]
async fn a_fault_behind_the_head_breaks_the_body_and_not_the_host() {
    let mut setup = Setup::playing(vec![json("200 OK", ANSWER)]);
    setup.is_broken = true;
    setup.intercept.on_abort = OnAbort::ReadOn(AftercareLimits::default());
    let mut world = World::with(setup).await;
    let host = InProcess::new(world.gateway.clone(), world.seal.clone());
    let transport = host.transport_for("anthropic", agents()).unwrap();
    let reply = transport.send("alice-id", request(&[])).await.unwrap();
    assert_eq!(reply.status(), StatusCode::OK);
    let error = reply.into_body().collect().await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("handler panicked: a fault of ours"),
        "{error}"
    );
    assert_eq!(
        world.ended(1).await.len(),
        1,
        "there is an end all the same"
    );
    // What has panicked is not read on.
    assert!(!world.metrics.expose().contains("bridge_aftercare_total{"));
    let log = world.log();
    assert!(log.contains("request handling panicked"), "{log}");
    assert!(!log.contains("request served"), "{log}");
}

#[tokio::test]
async fn a_fault_before_the_head_is_an_answer() {
    let world = World::playing(vec![json("200 OK", ANSWER)]).await;
    let host = InProcess::new(world.gateway.clone(), world.seal.clone());
    let transport = host.transport_for("anthropic", agents()).unwrap();
    let reply = transport.send("broken-key", request(&[])).await.unwrap();
    assert_eq!(reply.status(), StatusCode::INTERNAL_SERVER_ERROR);
}
