//! Whatever is sent is answered: never a panic, never a 5xx, always JSON.

use http::Method;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::stage::Stage;

/// Words that the API knows, so that bodies come near to what is asked for.
fn name() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "username",
        "email",
        "name",
        "status",
        "user",
        "lifetime_seconds",
        "workspace_id",
        "type",
        "base_url",
        "enabled",
        "api_keys",
        "id",
        "api_key",
        "key",
        "settings",
        "_type",
        "region",
        "role_arn",
        "secret_access_key",
        "upstream",
        "idle_timeout_ms",
        "proxy_url",
        "allowed_private",
        "url",
        "allow",
        "headers",
        "credential",
        "token",
        "refresh_token",
        "oauth",
        "client_secret",
    ]);
    prop_oneof![4 => known.prop_map(str::to_owned), 1 => ".{0,8}"]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "ada",
            "active",
            "openai",
            "copilot",
            "bedrock",
            "eu-central-1",
            "http://a/",
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name(), inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

fn body() -> impl Strategy<Value = String> {
    let object = prop::collection::btree_map(name(), value(), 0..6);
    prop_oneof![
        4 => object.prop_map(|map| json!(map).to_string()),
        1 => value().prop_map(|value| value.to_string()),
        1 => ".{0,40}",
    ]
}

fn runner() -> TestRunner {
    TestRunner::new(Config {
        cases: 64,
        failure_persistence: None,
        ..Config::default()
    })
}

#[test]
fn odd_bodies_are_answered() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stage = Stage::new();
    runtime.block_on(stage.user("ada"));
    let aws = json!({"type": "bedrock", "settings": {"region": "eu-central-1"}});
    runtime.block_on(stage.send(Method::PUT, "/providers/main", &aws));
    let wiki = json!({"name": "wiki", "url": "http://a/", "credential": "user"});
    runtime.block_on(stage.send(Method::POST, "/tool-servers", &wiki));
    let routes = [
        (Method::POST, "/users"),
        (Method::PATCH, "/users/ada"),
        (Method::POST, "/keys"),
        (Method::POST, "/gateway-keys"),
        (Method::POST, "/providers"),
        (Method::PUT, "/providers/main"),
        (Method::PATCH, "/providers/main"),
        (Method::POST, "/providers/main/keys"),
        (Method::POST, "/tool-servers"),
        (Method::PATCH, "/tool-servers/wiki"),
        (Method::PUT, "/tool-servers/wiki/tokens/ada"),
    ];
    let end = runner().run(&body(), |body| {
        for (method, path) in &routes {
            let (status, answer) = runtime.block_on(stage.call(method.clone(), path, body.clone()));
            prop_assert!(
                status.is_success() || status.is_client_error(),
                "{} {}",
                status,
                answer
            );
            let has_error = answer["error"]["code"].is_string();
            prop_assert_eq!(has_error, status.is_client_error());
        }
        Ok(())
    });
    end.unwrap();
}

#[test]
fn odd_paths_and_queries_are_answered() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stage = Stage::new();
    let word = "[a-z0-9%&=+.;:'\"~!*()-]{0,16}";
    let route = prop::sample::select(vec![
        "users",
        "keys",
        "gateway-keys",
        "providers",
        "tool-servers",
        "tool-tokens",
        "interceptions",
        "sessions",
    ]);
    let params = prop::sample::select(vec![
        "limit",
        "after",
        "user",
        "outcome",
        "started_after",
        "session",
        "x",
    ]);
    let end = runner().run(
        &(route, word, params, word),
        |(route, name, param, value)| {
            for path in [
                format!("/{route}/{name}"),
                format!("/{route}?{param}={value}"),
            ] {
                if format!("/api/v1{path}").parse::<http::Uri>().is_err() {
                    continue;
                }
                let (status, answer) = runtime.block_on(stage.get(&path));
                let is_answer = status.is_success() || status.is_client_error();
                prop_assert!(is_answer, "{} {} {}", path, status, answer);
            }
            Ok(())
        },
    );
    end.unwrap();
}
