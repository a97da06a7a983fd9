//! What operators do, and how they are told what is wrong.

use axum::body::Body;
use bridge_auth::Secret;
use bridge_control::ControlConfig;
use bridge_control::api::{CreatedKey, Page, ProviderView, SessionView, UserStatus, UserView};
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::stage::{Stage, TOKEN, read};

#[tokio::test]
async fn only_the_admin_token_opens() {
    let stage = Stage::new();
    let ask = async |path: &str, headers: &[&str]| {
        let mut request = Request::builder().uri(path);
        for value in headers {
            request = request.header("authorization", *value);
        }
        let response = stage.answer(request.body(Body::empty()).unwrap()).await;
        let challenge = response.headers().contains_key("www-authenticate");
        let (status, body) = read(response).await;
        assert_eq!(challenge, status == 401);
        (status, body)
    };
    let good = format!("Bearer {TOKEN}");
    let lower = format!("bearer {TOKEN}");
    for header in [good.as_str(), lower.as_str()] {
        assert_eq!(ask("/api/v1/users", &[header]).await.0, 200);
    }
    let longer = format!("{good}x");
    for headers in [
        vec![],
        vec!["Bearer"],
        vec!["Bearer "],
        vec![TOKEN],
        vec!["Basic operator-token"],
        vec!["Bearer operator-toke"],
        vec![longer.as_str()],
        vec!["Bearer \u{e9}"],
        vec![good.as_str(), good.as_str()],
    ] {
        for path in ["/api/v1/users", "/api/v1/nothing", "/api/v1/users/a/b"] {
            let (status, body) = ask(path, &headers).await;
            assert_eq!(status, 401, "{path} {headers:?}");
            assert_eq!(body["error"]["code"], "unauthorized");
        }
    }
    assert_eq!(ask("/api/v1/openapi.json", &[]).await.0, 200);

    let stage = Stage::with_config(ControlConfig::new(Secret::new(String::new())));
    let request = Request::builder()
        .uri("/api/v1/users")
        .header("authorization", "Bearer ");
    let response = stage.answer(request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), 401);
}

#[tokio::test]
async fn the_document_names_every_route() {
    let stage = Stage::new();
    let (_, document) = stage.get("/openapi.json").await;
    let paths = document["paths"].as_object().unwrap();
    let methods: usize = paths
        .values()
        .map(|path| path.as_object().unwrap().len())
        .sum();
    assert_eq!((paths.len(), methods), (18, 32), "{:?}", paths.keys());
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for name in [
        "UserView",
        "CreatedKey",
        "ProviderSpec",
        "InterceptionDetail",
        "Problem",
    ] {
        assert!(schemas.contains_key(name), "{name}");
    }
    // Every path of the document is a route: with names that fit nothing, none is unknown.
    for (path, methods) in paths {
        let path = path.strip_prefix("/api/v1").unwrap();
        let path = path.replace(['{', '}'], "");
        for method in methods.as_object().unwrap().keys() {
            let method = method.to_uppercase().parse().unwrap();
            let (status, body) = stage.call(method, &path, "").await;
            assert_ne!(status, 405, "{path}");
            assert_ne!(body["error"]["message"], "no such route", "{path}");
        }
    }
}

#[tokio::test]
async fn users_are_made_changed_and_deleted() {
    let stage = Stage::new();
    let new = json!({"username": "ada", "email": "ada@example.com", "name": "Ada L."});
    let (status, made) = stage.send(Method::POST, "/users", &new).await;
    assert_eq!(status, 201);
    let made: UserView = serde_json::from_value(made).unwrap();
    assert_eq!(made.status, UserStatus::Active);
    for path in [format!("/users/{}", made.id), "/users/ADA".to_owned()] {
        let (status, found) = stage.get(&path).await;
        assert_eq!(status, 200);
        assert_eq!(serde_json::from_value::<UserView>(found).unwrap(), made);
    }
    let patch = json!({"status": "suspended", "email": ""});
    let (status, changed) = stage.send(Method::PATCH, "/users/ada", &patch).await;
    assert_eq!(status, 200);
    assert_eq!(
        (&changed["status"], &changed["email"]),
        (&json!("suspended"), &json!(null))
    );

    let (status, body) = stage.call(Method::DELETE, "/users/ada", "").await;
    assert_eq!((status, body), (StatusCode::NO_CONTENT, Value::Null));
    let (_, gone) = stage.get("/users/ada").await;
    assert_eq!(gone["status"], "deleted");
    let (status, _) = stage.call(Method::DELETE, "/users/ada", "").await;
    assert_eq!(status, 409);
    let (status, _) = stage.send(Method::POST, "/users", &new).await;
    assert_eq!(status, 201);

    let (_, page) = stage.get("/users?limit=1").await;
    let page: Page<UserView> = serde_json::from_value(page).unwrap();
    let after = page.next.unwrap();
    let (_, rest) = stage.get(&format!("/users?limit=1&after={after}")).await;
    let rest: Page<UserView> = serde_json::from_value(rest).unwrap();
    assert_eq!(
        (page.items.len(), rest.items.len(), rest.next),
        (1, 1, None)
    );
}

#[tokio::test]
async fn a_secret_is_shown_once() {
    let stage = Stage::new();
    stage.user("ada").await;
    let new = json!({"user": "ada", "name": "laptop", "lifetime_seconds": 60});
    let (status, made) = stage.send(Method::POST, "/keys", &new).await;
    assert_eq!(status, 201);
    let made: CreatedKey = serde_json::from_value(made).unwrap();
    let secret = made.secret.expose();
    assert!(!format!("{made:?}").contains(secret));
    let life = made
        .key
        .expires_at
        .unwrap()
        .duration_since(made.key.created_at);
    assert_eq!(life.as_secs(), 60);

    let provider = json!({"type": "openai", "base_url": "https://example.com/v1",
        "api_keys": ["first-operator-key", "second-operator-key"]});
    let (status, put) = stage.send(Method::PUT, "/providers/main", &provider).await;
    assert_eq!(status, 201);
    let put: ProviderView = serde_json::from_value(put).unwrap();
    let (status, _) = stage.send(Method::PUT, "/providers/main", &provider).await;
    assert_eq!(status, 200);
    let key = json!({"key": "third-operator-key"});
    let (status, added) = stage.send(Method::POST, "/providers/main/keys", &key).await;
    assert_eq!(
        (status, &added["masked"]),
        (StatusCode::CREATED, &json!("th...ey"))
    );
    let (status, _) = stage.send(Method::POST, "/providers/main/keys", &key).await;
    assert_eq!(status, 409);
    let path = format!("/providers/main/keys/{}", put.keys[0].id);
    let (status, _) = stage.call(Method::DELETE, &path, "").await;
    assert_eq!(status, 204);
    let (status, _) = stage.call(Method::DELETE, &path, "").await;
    assert_eq!(status, 404);

    let id = made.key.id.as_str();
    for path in [
        "/keys",
        "/keys?user=ada",
        &format!("/keys/{id}"),
        "/providers",
        "/providers/main",
    ] {
        let (status, body) = stage.get(path).await;
        assert_eq!(status, 200, "{path}");
        let text = body.to_string();
        let (_, hidden) = secret.split_once('-').unwrap();
        assert!(
            !text.contains(hidden) && !text.contains("operator-key"),
            "{text}"
        );
    }
    let (_, main) = stage.get("/providers/main").await;
    assert_eq!(main["api_keys"].as_array().unwrap().len(), 2);
    let (status, _) = stage.call(Method::DELETE, "/providers/main", "").await;
    assert_eq!(status, 204);
    let (status, _) = stage.get("/providers/main").await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let stage = Stage::new();
    stage.user("ada").await;
    let gone = stage.user("gone").await;
    stage.control.delete_user("gone").await.unwrap();
    let check =
        async |method: Method, path: &str, body: &str, status: u16, code: &str, field: Value| {
            let (found, problem) = stage.call(method, path, body.to_owned()).await;
            let error = &problem["error"];
            let answer = (found.as_u16(), &error["code"], &error["field"]);
            assert_eq!(
                answer,
                (status, &json!(code), &field),
                "{path} {body}: {problem}"
            );
            assert!(
                !error["message"].as_str().unwrap().contains("private"),
                "{problem}"
            );
        };
    let none = Value::Null;
    let (get, post, put, patch) = (Method::GET, Method::POST, Method::PUT, Method::PATCH);
    let invalid = "invalid";

    for body in [
        "",
        "{",
        "null",
        "[]",
        "3",
        "\"private\"",
        "{\"username\":",
        "{} {}",
        "\u{feff}{}",
    ] {
        let field = if body == "{} {}" {
            json!("username")
        } else {
            none.clone()
        };
        check(post.clone(), "/users", body, 400, invalid, field).await;
    }
    for (body, field) in [
        (r#"{"username": "", "email": "a@b"}"#, "username"),
        (r#"{"username": 3}"#, "username"),
        (r#"{"username": null}"#, "username"),
        (r#"{"username": ["private"]}"#, "username"),
        (r#"{"email": "a@b"}"#, "username"),
        (r#"{"username": "a", "username": "b"}"#, "username"),
        (r#"{"username": "a", "email": "private"}"#, "email"),
        (r#"{"username": "a", "name": " "}"#, "name"),
        (r#"{"username": "a", "admin": true}"#, "admin"),
    ] {
        check(post.clone(), "/users", body, 400, invalid, json!(field)).await;
    }
    check(
        post.clone(),
        "/users",
        r#"{"username": "ADA"}"#,
        409,
        "conflict",
        json!("username"),
    )
    .await;
    for (body, field) in [
        ("{}", "status"),
        (r#"{"status": "deleted"}"#, "status"),
        (r#"{"status": "private"}"#, "status"),
        (r#"{"email": "private"}"#, "email"),
    ] {
        check(
            patch.clone(),
            "/users/ada",
            body,
            400,
            invalid,
            json!(field),
        )
        .await;
    }
    let body = r#"{"status": "active"}"#;
    check(
        patch.clone(),
        "/users/bob",
        body,
        404,
        "not_found",
        none.clone(),
    )
    .await;
    let path = format!("/users/{}", gone.id);
    check(
        patch.clone(),
        &path,
        body,
        409,
        "conflict",
        json!("username"),
    )
    .await;

    for (body, status, code, field) in [
        (r#"{"user": "bob"}"#, 404, "not_found", none.clone()),
        (r#"{"user": "gone"}"#, 409, "conflict", json!("user")),
        (
            r#"{"user": "ada", "lifetime_seconds": 0}"#,
            400,
            invalid,
            json!("lifetime_seconds"),
        ),
        (
            r#"{"user": "ada", "lifetime_seconds": -1}"#,
            400,
            invalid,
            json!("lifetime_seconds"),
        ),
        (
            r#"{"user": "ada", "lifetime_seconds": 1e30}"#,
            400,
            invalid,
            json!("lifetime_seconds"),
        ),
        (
            r#"{"user": "ada", "lifetime_seconds": 18446744073709551615}"#,
            400,
            invalid,
            json!("lifetime_seconds"),
        ),
        (
            r#"{"user": "ada", "workspace_id": "private"}"#,
            400,
            invalid,
            json!("workspace_id"),
        ),
        (
            r#"{"user": "ada", "name": ""}"#,
            400,
            invalid,
            json!("name"),
        ),
        (
            r#"{"user": "ada", "private_": 1}"#,
            400,
            invalid,
            json!("private_"),
        ),
    ] {
        // The name of an unknown field is the operator's own word.
        if body.contains("private_") {
            let (status, problem) = stage.call(post.clone(), "/keys", body).await;
            assert_eq!((status.as_u16(), &problem["error"]["field"]), (400, &field));
        } else {
            check(post.clone(), "/keys", body, status, code, field).await;
        }
    }

    let good = r#"{"type": "openai", "base_url": "http://a/"}"#;
    check(
        put.clone(),
        "/providers/Main",
        good,
        400,
        invalid,
        json!("name"),
    )
    .await;
    check(
        put.clone(),
        "/providers/a%2Fb",
        good,
        400,
        invalid,
        json!("name"),
    )
    .await;
    for (body, field) in [
        (r#"{"type": "gemini", "base_url": "http://a/"}"#, "type"),
        (r#"{"type": "openai", "base_url": "private"}"#, "base_url"),
        (r#"{"type": "azure"}"#, "base_url"),
        (
            r#"{"type": "openai", "base_url": "http://a/", "enabled": "yes"}"#,
            "enabled",
        ),
        (
            r#"{"type": "openai", "base_url": "http://a/", "api_keys": ["private", "private"]}"#,
            "api_keys",
        ),
        (
            r#"{"type": "openai", "base_url": "http://a/", "api_keys": "private"}"#,
            "api_keys",
        ),
        (
            r#"{"type": "openai", "base_url": "http://a/", "api_keys": ["a", 7]}"#,
            "api_keys[1]",
        ),
        (
            r#"{"type": "copilot", "base_url": "http://a/", "api_keys": ["private"]}"#,
            "api_keys",
        ),
    ] {
        check(
            put.clone(),
            "/providers/main",
            body,
            400,
            invalid,
            json!(field),
        )
        .await;
    }
    let key = r#"{"key": "a"}"#;
    check(
        post.clone(),
        "/providers/main/keys",
        key,
        404,
        "not_found",
        none.clone(),
    )
    .await;
    check(
        post.clone(),
        "/providers/main/keys",
        r#"{"key": " "}"#,
        400,
        invalid,
        json!("key"),
    )
    .await;
    check(
        Method::DELETE,
        "/providers/main/keys/x",
        "",
        400,
        invalid,
        json!("id"),
    )
    .await;

    for (path, field) in [
        ("/users?limit=0", "limit"),
        ("/users?limit=501", "limit"),
        ("/users?limit=private", "limit"),
        ("/users?limit=", "limit"),
        ("/users?limit=1&limit=2", "limit"),
        ("/users?after=private", "after"),
        ("/users?page=2", "page"),
        ("/users/ada?x", "x"),
        ("/interceptions?outcome=private", "outcome"),
        ("/interceptions?started_after=private", "started_after"),
        (
            "/interceptions?started_before=2026-13-01T00:00:00Z",
            "started_before",
        ),
        ("/interceptions?after=%00", "after"),
        ("/interceptions/ada", "id"),
        ("/sessions?model=a", "model"),
    ] {
        check(get.clone(), path, "", 400, invalid, json!(field)).await;
    }
    for path in [
        "/users/bob",
        "/keys/none",
        "/keys?user=bob",
        "/providers/none",
        "/sessions/none",
        "/interceptions?user=bob",
        "/nothing",
        "/users/a/b",
        "",
        "/interceptions/00000000-0000-0000-0000-000000000000",
    ] {
        check(get.clone(), path, "", 404, "not_found", none.clone()).await;
    }
    check(get.clone(), "/users/%FF", "", 400, invalid, none.clone()).await;
    check(
        patch,
        "/users",
        "{}",
        405,
        "method_not_allowed",
        none.clone(),
    )
    .await;
    check(
        Method::DELETE,
        "/openapi.json",
        "",
        405,
        "method_not_allowed",
        none.clone(),
    )
    .await;
    let long = format!(r#"{{"username": "{}"}}"#, "a".repeat(64 << 10));
    check(post, "/users", &long, 413, "too_large", none).await;
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let stage = Stage::new();
    let request = Request::builder()
        .method(Method::PUT)
        .uri("/api/v1/users")
        .header("authorization", format!("Bearer {TOKEN}"));
    let response = stage.answer(request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), 405);
    let allow = response.headers()["allow"].to_str().unwrap();
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
}

#[tokio::test]
async fn a_broken_store_is_our_fault_and_tells_nothing() {
    let stage = Stage::new();
    let file = stage.folder.path().join("control.db");
    let connection = rusqlite::Connection::open(file).unwrap();
    connection.execute_batch("DROP TABLE users").unwrap();
    let (status, problem) = stage.get("/users").await;
    assert_eq!(status, 503);
    assert_eq!(problem["error"]["code"], "unavailable");
    assert!(!problem.to_string().contains("table"), "{problem}");
    let metrics = stage.metrics.expose();
    assert!(metrics.contains("kind=\"control\"} 1"), "{metrics}");
}

#[tokio::test]
async fn other_routes_may_be_merged_beside() {
    let stage = Stage::new();
    let health = axum::routing::get(async || "ok");
    let router = stage
        .control
        .rest()
        .merge(axum::Router::new().route("/healthz", health));
    let request = Request::builder()
        .uri("/healthz")
        .body(Body::empty())
        .unwrap();
    let response = tower::ServiceExt::oneshot(router, request).await.unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn lists_of_nothing_are_pages_too() {
    let stage = Stage::new();
    for path in [
        "/users",
        "/keys",
        "/providers",
        "/interceptions",
        "/sessions",
    ] {
        let (status, page) = stage.get(path).await;
        assert_eq!(
            (status, page),
            (StatusCode::OK, json!({"items": [], "next": null}))
        );
    }
    let (_, page) = stage.get("/sessions").await;
    serde_json::from_value::<Page<SessionView>>(page).unwrap();
}
