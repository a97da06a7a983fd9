//! Tool servers and users' tokens as operators see them.

use std::fs;

use bridge_auth::Secret;
use bridge_control::api::{NewToolServer, NewUserToken, SecretText, ToolCredentialKind};
use bridge_control::{ControlConfig, SealingKey};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::stage::{Stage, TOKEN};

pub(crate) fn server(name: &str, credential: ToolCredentialKind) -> NewToolServer {
    NewToolServer {
        name: name.to_owned(),
        url: format!("https://{name}.example/mcp"),
        enabled: true,
        credential,
        ..NewToolServer::default()
    }
}

fn full() -> Value {
    json!({
        "name": "wiki",
        "url": "https://wiki.example/mcp",
        "allow": ["^read_"],
        "deny": ["secret"],
        "headers": {"X-Tenant": "hidden-tenant-value"},
        "credential": "token",
        "token": "hidden-fixed-token",
        "upstream": {"proxy_url": "http://user:hidden-word@proxy.example:3128", "idle_timeout_ms": 5},
    })
}

/// What is there of it, whole.
fn assert_hidden(shown: &Value) {
    let text = shown.to_string();
    for secret in [
        "hidden-tenant-value",
        "hidden-fixed-token",
        "hidden-word",
        "hidden-client-secret",
        "hidden-user-token",
        "hidden-refresh-token",
    ] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

#[tokio::test]
async fn tool_servers_are_made_changed_and_deleted() {
    let stage = Stage::new();
    let (status, made) = stage.send(Method::POST, "/tool-servers", &full()).await;
    assert_eq!(status, 201, "{made}");
    assert_hidden(&made);
    assert_eq!(made["headers"][0]["name"], "x-tenant");
    assert_eq!(made["credential"], "token");
    assert_eq!(made["upstream"]["proxy"], "http://proxy.example:3128");
    assert_eq!(made["problem"], Value::Null);
    let id = made["id"].as_str().unwrap();
    for path in [
        format!("/tool-servers/{id}"),
        "/tool-servers/wiki".to_owned(),
    ] {
        assert_eq!(stage.get(&path).await, (StatusCode::OK, made.clone()));
    }
    let (status, taken) = stage.send(Method::POST, "/tool-servers", &full()).await;
    assert_eq!(
        (status, &taken["error"]["field"]),
        (StatusCode::CONFLICT, &json!("name"))
    );

    let patch = json!({
        "name": "pages",
        "deny": [],
        "headers": {"x-tenant": null, "X-Other": "hidden-tenant-value"},
        "upstream": {"proxy_url": null},
    });
    let (status, changed) = stage
        .send(Method::PATCH, "/tool-servers/wiki", &patch)
        .await;
    assert_eq!(status, 200, "{changed}");
    assert_hidden(&changed);
    assert_eq!(
        (&changed["id"], &changed["name"]),
        (&json!(id), &json!("pages"))
    );
    assert_eq!(
        changed["allow"],
        json!(["^read_"]),
        "what is not given stays"
    );
    assert_eq!(changed["deny"], json!([]));
    assert_eq!(changed["headers"][0]["name"], "x-other");
    assert_eq!(changed["headers"].as_array().unwrap().len(), 1);
    assert_eq!(changed["token_masked"], made["token_masked"]);
    assert_eq!(changed["upstream"]["proxy"], Value::Null);
    assert_eq!(changed["upstream"]["idle_timeout_ms"], 5);

    let caller = json!({"credential": "caller", "upstream": null, "headers": {"x-other": null}});
    let (_, changed) = stage
        .send(Method::PATCH, "/tool-servers/pages", &caller)
        .await;
    assert_eq!(changed["token_masked"], Value::Null);
    assert_eq!(changed["upstream"], Value::Null);
    let (status, _) = stage.call(Method::DELETE, "/tool-servers/pages", "").await;
    assert_eq!(status, 204);
    let (status, _) = stage.call(Method::DELETE, "/tool-servers/pages", "").await;
    assert_eq!(status, 404);
    let (_, none) = stage.get("/tool-servers").await;
    assert_eq!(none, json!({"items": [], "next": null}));
}

#[tokio::test]
async fn tool_servers_come_in_pages() {
    let stage = Stage::new();
    for name in ["c", "a", "b"] {
        let new = server(name, ToolCredentialKind::None);
        stage.control.create_tool_server(new).await.unwrap();
    }
    let names = |page: &Value| {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|item| item["name"].clone()).collect::<Vec<_>>()
    };
    let (_, first) = stage.get("/tool-servers?limit=2").await;
    assert_eq!(
        (names(&first), &first["next"]),
        (vec![json!("a"), json!("b")], &json!("b"))
    );
    let (_, second) = stage.get("/tool-servers?limit=2&after=b").await;
    assert_eq!(
        (names(&second), &second["next"]),
        (vec![json!("c")], &Value::Null)
    );
}

#[tokio::test]
async fn there_are_so_many_tool_servers_and_no_more() {
    let stage = Stage::new();
    for number in 0..64 {
        let new = server(&format!("s{number}"), ToolCredentialKind::None);
        stage.control.create_tool_server(new).await.unwrap();
    }
    let one_more = server("more", ToolCredentialKind::None);
    let told = stage
        .control
        .create_tool_server(one_more)
        .await
        .unwrap_err();
    assert!(
        told.to_string().contains("one more than there may be"),
        "{told}"
    );
}

#[tokio::test]
async fn oauth_settings_change_field_by_field() {
    let stage = Stage::new();
    let new = json!({
        "name": "desk", "url": "https://desk.example/mcp", "credential": "user",
        "oauth": {
            "token_url": "https://login.example/token", "client_id": "bridged",
            "client_secret": "hidden-client-secret", "scopes": ["read"],
        },
    });
    let (status, made) = stage.send(Method::POST, "/tool-servers", &new).await;
    assert_eq!(status, 201, "{made}");
    assert_hidden(&made);
    assert_eq!(made["oauth"]["client_auth"], "basic");
    assert!(made["oauth"]["client_secret_masked"].is_string());
    let patch = json!({"oauth": {"client_auth": "post", "scopes": []}});
    let (_, changed) = stage
        .send(Method::PATCH, "/tool-servers/desk", &patch)
        .await;
    assert_eq!(changed["oauth"]["client_id"], "bridged");
    assert_eq!(changed["oauth"]["client_auth"], "post");
    assert_eq!(changed["oauth"]["scopes"], json!([]));
    assert!(changed["oauth"]["client_secret_masked"].is_string());
    let patch = json!({"oauth": {"client_secret": null}});
    let (_, changed) = stage
        .send(Method::PATCH, "/tool-servers/desk", &patch)
        .await;
    assert_eq!(changed["oauth"]["client_secret_masked"], Value::Null);
    let patch = json!({"oauth": {"token_url": "http://login.example/token"}});
    let (status, told) = stage
        .send(Method::PATCH, "/tool-servers/desk", &patch)
        .await;
    assert_eq!(
        (status, &told["error"]["field"]),
        (StatusCode::BAD_REQUEST, &json!("oauth.token_url"))
    );
}

#[tokio::test]
async fn tokens_of_users_are_set_listed_and_removed() {
    let stage = Stage::new();
    stage.user("ada").await;
    stage.user("bob").await;
    for (name, kind) in [
        ("wiki", ToolCredentialKind::User),
        ("open", ToolCredentialKind::None),
    ] {
        stage
            .control
            .create_tool_server(server(name, kind))
            .await
            .unwrap();
    }
    let token = json!({"token": "hidden-user-token", "expires_at": "2100-01-01T00:00:00Z"});
    for user in ["ada", "bob"] {
        let path = format!("/tool-servers/wiki/tokens/{user}");
        let (status, set) = stage.send(Method::PUT, &path, &token).await;
        assert_eq!(status, 200, "{set}");
        assert_hidden(&set);
        assert_eq!(
            (&set["state"], &set["user"]["username"]),
            (&json!("good"), &json!(user))
        );
        assert_eq!(set["server"]["name"], "wiki");
    }
    let past = json!({"token": "hidden-user-token", "expires_at": "2001-01-01T00:00:00Z"});
    let (_, set) = stage
        .send(Method::PUT, "/tool-servers/wiki/tokens/bob", &past)
        .await;
    assert_eq!(set["state"], "expired");
    assert_eq!(set["problem"], "expired or refused: set a new token");
    let (_, all) = stage.get("/tool-tokens").await;
    assert_hidden(&all);
    assert_eq!(all["items"].as_array().unwrap().len(), 2);
    for query in ["user=ada", "server=wiki&limit=1", "user=ada&server=wiki"] {
        let (_, found) = stage.get(&format!("/tool-tokens?{query}")).await;
        assert_eq!(found["items"][0]["user"]["username"], "ada", "{query}");
        assert_eq!(found["items"].as_array().unwrap().len(), 1, "{query}");
    }
    let refused = async |path: &str, body: Value, status: u16, field: Value| {
        let (told, answer) = stage.send(Method::PUT, path, &body).await;
        assert_eq!(
            (told.as_u16(), &answer["error"]["field"]),
            (status, &field),
            "{answer}"
        );
        assert_hidden(&answer);
    };
    let path = "/tool-servers/wiki/tokens/ada";
    refused(
        "/tool-servers/open/tokens/ada",
        token.clone(),
        400,
        json!("server"),
    )
    .await;
    refused(
        "/tool-servers/none/tokens/ada",
        token.clone(),
        404,
        Value::Null,
    )
    .await;
    refused(
        "/tool-servers/wiki/tokens/eve",
        token.clone(),
        404,
        Value::Null,
    )
    .await;
    refused(path, json!({}), 400, json!("token")).await;
    refused(
        path,
        json!({"token": "hidden-user-token x"}),
        400,
        json!("token"),
    )
    .await;
    let renewable = json!({"refresh_token": "hidden-refresh-token"});
    refused(path, renewable, 400, json!("refresh_token")).await;
    for status in [204, 404] {
        let (told, _) = stage.call(Method::DELETE, path, "").await;
        assert_eq!(told, status);
    }
    stage.control.delete_user("bob").await.unwrap();
    let (_, none) = stage.get("/tool-tokens").await;
    assert_eq!(none["items"], json!([]));
    refused("/tool-servers/wiki/tokens/bob", token, 409, json!("user")).await;
}

/// Every byte that the control plane has written.
fn on_disk(stage: &Stage) -> Vec<u8> {
    let entries = fs::read_dir(stage.folder.path()).unwrap();
    let files = entries.map(|entry| entry.unwrap().path());
    let files = files.filter(|path| !path.ends_with("sealing.key"));
    files.flat_map(|path| fs::read(path).unwrap()).collect()
}

#[tokio::test]
async fn no_secret_of_tools_is_on_the_disk_in_the_clear() {
    let stage = Stage::new();
    stage.user("ada").await;
    stage.send(Method::POST, "/tool-servers", &full()).await;
    let desk = json!({
        "name": "desk", "url": "https://desk.example/mcp", "credential": "user",
        "oauth": {
            "token_url": "https://login.example/token", "client_id": "client-of-desk",
            "client_secret": "hidden-client-secret",
        },
    });
    stage.send(Method::POST, "/tool-servers", &desk).await;
    let token = json!({"token": "hidden-user-token", "refresh_token": "hidden-refresh-token"});
    let (status, _) = stage
        .send(Method::PUT, "/tool-servers/desk/tokens/ada", &token)
        .await;
    assert_eq!(status, 200);
    let bytes = on_disk(&stage);
    let has = |text: &str| {
        bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    };
    assert!(has("client-of-desk"), "this looks where things are written");
    for secret in [
        "hidden-tenant-value",
        "hidden-fixed-token",
        "hidden-word",
        "hidden-client-secret",
        "hidden-user-token",
        "hidden-refresh-token",
    ] {
        assert!(!has(secret), "{secret}");
    }
}

fn config(key: SealingKey) -> ControlConfig {
    ControlConfig {
        sealing_key: key,
        ..ControlConfig::new(Secret::new(TOKEN.to_owned()))
    }
}

#[tokio::test]
async fn a_lost_key_is_told_clearly_and_can_be_got_over() {
    let stage = Stage::new();
    stage.user("ada").await;
    stage.send(Method::POST, "/tool-servers", &full()).await;
    let users = server("desk", ToolCredentialKind::User);
    stage.control.create_tool_server(users).await.unwrap();
    let token = json!({"token": "hidden-user-token"});
    stage
        .send(Method::PUT, "/tool-servers/desk/tokens/ada", &token)
        .await;
    let Stage {
        control, folder, ..
    } = stage;
    drop(control);
    let path = folder.path().join("sealing.key");
    fs::remove_file(&path).unwrap();
    let stage = Stage::over(folder, config(SealingKey::File(path.clone())));

    let (status, shown) = stage.get("/tool-servers/wiki").await;
    assert_eq!(status, 200);
    assert!(
        shown["problem"]
            .as_str()
            .unwrap()
            .contains("restore the file"),
        "{shown}"
    );
    assert_eq!(
        shown["headers"][0],
        json!({"name": "x-tenant", "masked": null})
    );
    let (_, tokens) = stage.get("/tool-tokens").await;
    assert_eq!(tokens["items"][0]["state"], "unreadable");
    let (status, told) = stage
        .send(Method::PUT, "/tool-servers/desk/tokens/ada", &token)
        .await;
    assert_eq!(
        (status, &told["error"]["code"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("unavailable"))
    );
    assert!(
        told["error"]["message"]
            .as_str()
            .unwrap()
            .contains("is missing"),
        "{told}"
    );
    assert!(!path.exists());

    // The operator makes a new one, and gives the secrets anew.
    fs::write(&path, "b".repeat(64)).unwrap();
    let (status, set) = stage
        .send(Method::PUT, "/tool-servers/desk/tokens/ada", &token)
        .await;
    assert_eq!((status, &set["state"]), (StatusCode::OK, &json!("good")));
    let patch = json!({"url": "https://other.example/mcp"});
    let (status, told) = stage
        .send(Method::PATCH, "/tool-servers/wiki", &patch)
        .await;
    assert_eq!(
        (status, &told["error"]["field"]),
        (StatusCode::CONFLICT, &json!("headers"))
    );
    let patch = json!({"headers": {"x-tenant": "hidden-tenant-value"}});
    let (_, told) = stage
        .send(Method::PATCH, "/tool-servers/wiki", &patch)
        .await;
    assert_eq!(told["error"]["field"], "token");
    let patch = json!({"headers": {"x-tenant": null}, "token": "hidden-fixed-token"});
    let (_, told) = stage
        .send(Method::PATCH, "/tool-servers/wiki", &patch)
        .await;
    assert_eq!(told["error"]["field"], "upstream.proxy_url");
    let patch = json!({
        "headers": {"x-tenant": "hidden-tenant-value"}, "token": "hidden-fixed-token",
        "upstream": {"proxy_url": null},
    });
    let (status, mended) = stage
        .send(Method::PATCH, "/tool-servers/wiki", &patch)
        .await;
    assert_eq!(
        (status, &mended["problem"]),
        (StatusCode::OK, &Value::Null),
        "{mended}"
    );
}

#[tokio::test]
async fn without_a_key_secrets_are_refused_and_the_rest_works() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::over(folder, config(SealingKey::None));
    let (status, told) = stage.send(Method::POST, "/tool-servers", &full()).await;
    assert_eq!(status, 503, "{told}");
    let plain = server("open", ToolCredentialKind::Caller);
    stage.control.create_tool_server(plain).await.unwrap();
    stage.user("ada").await;
    let users = server("desk", ToolCredentialKind::User);
    stage.control.create_tool_server(users).await.unwrap();
    let new = NewUserToken {
        token: Some(SecretText::new("hidden-user-token".to_owned())),
        ..NewUserToken::default()
    };
    let told = stage
        .control
        .set_user_token("desk", "ada", new)
        .await
        .unwrap_err();
    assert!(told.to_string().contains("no sealing key"), "{told}");
}
