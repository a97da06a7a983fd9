//! Making and changing providers over REST.

use bridge_control::api::ProviderView;
use bridge_proto::v1::GetProvidersRequest;
use bridge_proto::v1::provider_configurator_service_client::ProviderConfiguratorServiceClient;
use http::Method;
use serde_json::{Value, json};

use crate::stage::Stage;

const MODEL: &str = "global.anthropic.claude-sonnet-4-5-20250929-v1:0";
const ROLE: &str = "arn:aws:iam::123456789012:role/gateway";
/// Stand in what is sent, and never in what is answered.
const SECRETS: [&str; 4] = [
    "hidden-signing",
    "hidden-session",
    "hidden-word",
    "hidden-key",
];

async fn made(stage: &Stage, body: &Value) -> Value {
    let (status, made) = stage.send(Method::POST, "/providers", body).await;
    assert_eq!(status, 201, "{made}");
    made
}

async fn patched(stage: &Stage, name: &str, body: &Value) -> Value {
    let path = format!("/providers/{name}");
    let (status, changed) = stage.send(Method::PATCH, &path, body).await;
    assert_eq!(status, 200, "{body}: {changed}");
    changed
}

/// The field at fault and the text, which shows no secret.
async fn refused(stage: &Stage, method: Method, path: &str, body: &Value) -> (u16, Value, String) {
    let (status, problem) = stage.send(method, path, body).await;
    let part = |name: &str| problem.pointer(&format!("/error/{name}")).cloned();
    let message = part("message").unwrap().as_str().unwrap().to_owned();
    for secret in SECRETS {
        assert!(!message.contains(secret), "{message}");
    }
    (status.as_u16(), part("field").unwrap_or_default(), message)
}

fn bedrock() -> Value {
    json!({"name": "aws", "type": "bedrock", "display_name": "Claude on AWS", "settings": {
        "_type": "bedrock", "_version": 1, "region": "eu-central-1", "role_arn": ROLE,
        "access_key_id": "access-key-id-of-it", "secret_access_key": "hidden-signing",
        "session_token": "hidden-session"}})
}

#[tokio::test]
async fn bedrock_is_made_and_changed_field_by_field() {
    let stage = Stage::new();
    let aws = made(&stage, &bedrock()).await;
    let external_id = aws["settings"]["external_id"].as_str().unwrap().to_owned();
    assert_eq!(external_id.len(), 32);
    let expected = json!({
        "_type": "bedrock", "_version": 1, "region": "eu-central-1", "protocol": "invoke",
        "model": MODEL, "small_fast_model": "global.anthropic.claude-haiku-4-5-20251001-v1:0", "access_key_masked": "ac...it",
        "has_session_token": true, "role_arn": ROLE, "external_id": external_id, "profile": null,
    });
    assert_eq!(aws["settings"], expected);
    assert_eq!(
        (&aws["base_url"], &aws["enabled"]),
        (&json!(""), &json!(true))
    );
    assert_eq!(aws["display_name"], "Claude on AWS");

    let change = json!({"settings": {"model": "large", "external_id": external_id}});
    let aws = patched(&stage, "aws", &change).await;
    assert_eq!(aws["settings"]["model"], "large");
    assert_eq!(
        aws["settings"]["region"], "eu-central-1",
        "what is absent stays"
    );
    assert_eq!(aws["settings"]["has_session_token"], true);
    let change = json!({"settings": {"model": null, "role_arn": null,
        "access_key_id": "other", "secret_access_key": "hidden-signing-2"}});
    let by_id = aws["id"].as_str().unwrap();
    let aws = patched(&stage, by_id, &change).await;
    assert_eq!(aws["settings"]["model"], MODEL);
    assert_eq!(
        aws["settings"]["has_session_token"], false,
        "it was the other key's"
    );
    assert_eq!(
        aws["settings"]["external_id"], external_id,
        "trust policies name it"
    );

    let (_, list) = stage.get("/providers").await;
    for secret in SECRETS {
        assert!(!list.to_string().contains(secret), "{list}");
    }
    let (channel, _served) = stage.gateway().await;
    let mut client = ProviderConfiguratorServiceClient::new(channel);
    let mut told = async || {
        let request = GetProvidersRequest {
            takes_every_type: true,
        };
        let set = client.get_providers(request).await.unwrap().into_inner();
        let provider = set.providers.unwrap().providers.remove(0);
        provider.settings.unwrap().bedrock.unwrap()
    };
    let settings = told().await;
    assert_eq!(
        settings.secret_access_key.as_deref(),
        Some("hidden-signing-2")
    );
    assert_eq!(settings.region, "eu-central-1");
    patched(&stage, "aws", &json!({"enabled": false})).await;
    let settings = told().await;
    assert_eq!(
        settings.secret_access_key, None,
        "secrets of a disabled one stay at home"
    );
    assert_eq!(settings.access_key_id, None);
}

#[tokio::test]
async fn anthropic_with_settings_of_bedrock_is_bedrock() {
    let stage = Stage::new();
    let body = json!({"name": "claude", "type": "anthropic"});
    let claude = made(&stage, &body).await;
    assert_eq!(claude["base_url"], "https://api.anthropic.com");
    let change = json!({"settings": {"region": "us-east-1"}});
    let claude = patched(&stage, "claude", &change).await;
    assert_eq!(
        (&claude["type"], &claude["base_url"]),
        (&json!("bedrock"), &json!(""))
    );
    let (status, again) = put(&stage, json!({"type": "bedrock"})).await;
    assert_eq!(status, 200, "what is not given stays");
    assert_eq!(again, claude, "and was not changed now");
    assert_eq!(again["settings"]["region"], "us-east-1");
}

async fn put(stage: &Stage, body: Value) -> (u16, Value) {
    let (status, put) = stage.send(Method::PUT, "/providers/claude", &body).await;
    (status.as_u16(), put)
}

/// Otherwise requests signed for AWS, with their session token, would go to somebody else's address.
#[tokio::test]
async fn who_names_another_type_takes_the_settings_of_bedrock_away() {
    for (kind, base_url, keys) in [
        ("anthropic", json!("https://api.anthropic.com"), json!(null)),
        (
            "anthropic",
            json!("https://api.anthropic.com"),
            json!(["hidden-key"]),
        ),
        ("openai", json!(null), json!(null)),
    ] {
        let stage = Stage::new();
        let mut aws = bedrock();
        aws["name"] = json!("claude");
        made(&stage, &aws).await;
        let body = json!({"type": kind, "base_url": base_url, "api_keys": keys});
        let (status, claude) = put(&stage, body).await;
        assert_eq!(status, 200, "{claude}");
        assert_eq!(
            (&claude["type"], &claude["settings"]),
            (&json!(kind), &Value::Null)
        );
    }
}

#[tokio::test]
async fn an_address_that_is_not_given_stays_as_long_as_the_type_does() {
    let stage = Stage::new();
    let far = "https://far.example/v1";
    let (_, claude) = put(&stage, json!({"type": "openai", "base_url": far})).await;
    assert_eq!(claude["base_url"], far);
    let (_, claude) = put(&stage, json!({"type": "openai", "icon": "box"})).await;
    assert_eq!(claude["base_url"], far);
    let (_, claude) = put(&stage, json!({"type": "anthropic"})).await;
    assert_eq!(claude["base_url"], "https://api.anthropic.com");
    let (_, claude) = put(&stage, json!({"type": "azure", "base_url": far})).await;
    assert_eq!(claude["base_url"], far);
    let (status, claude) = put(&stage, json!({"type": "azure", "enabled": false})).await;
    assert_eq!((status, &claude["base_url"]), (200, &json!(far)));
    let (status, _) = put(&stage, json!({"type": "google"})).await;
    assert_eq!(status, 400, "azure's address is not google's");
}

/// Otherwise a start that puts the providers of its file would fail for one of them, and without a
/// running server nobody can delete it.
#[tokio::test]
async fn what_cannot_be_read_is_told_and_can_be_put_anew() {
    let stage = Stage::new();
    let body = json!({"name": "main", "type": "openai", "api_keys": ["hidden-key"],
        "upstream": {"max_retries": 1}});
    let before = made(&stage, &body).await;
    let file = stage.folder.path().join("control.db");
    let connection = rusqlite::Connection::open(file).unwrap();
    let damage = "UPDATE providers SET upstream = '{\"_version\":2}'";
    assert_eq!(connection.execute(damage, []).unwrap(), 1);

    let path = "/providers/main";
    for (method, path, body) in [
        (Method::PATCH, path, json!({"enabled": false})),
        (
            Method::POST,
            "/providers/main/keys",
            json!({"key": "hidden-key-2"}),
        ),
    ] {
        let (status, field, text) = refused(&stage, method, path, &body).await;
        assert_eq!((status, field.as_str()), (409, Some("provider")), "{text}");
        assert!(text.contains("cannot be read"), "{text}");
    }
    let again = json!({"name": "main", "type": "openai"});
    let (status, _, _) = refused(&stage, Method::POST, "/providers", &again).await;
    assert_eq!(status, 409);

    let (status, after) = stage
        .send(Method::PUT, path, &json!({"type": "openai"}))
        .await;
    assert_eq!(status, 200, "{after}");
    assert_eq!(
        (&after["id"], &after["api_keys"]),
        (&before["id"], &before["api_keys"])
    );
    assert_eq!(after["upstream"], Value::Null);
    patched(&stage, "main", &json!({"enabled": false})).await;
}

#[tokio::test]
async fn connections_have_settings_of_their_own() {
    let stage = Stage::new();
    let body = json!({"name": "office", "type": "openai-compat", "base_url": "http://office/v1",
        "upstream": {"idle_timeout_ms": 90_000, "max_retries": 0,
            "proxy_url": "http://ada:hidden-word@proxy:3128/x?hidden-key"}});
    let office = made(&stage, &body).await;
    assert_eq!(office["upstream"]["proxy"], "http://proxy:3128");
    let change = json!({"upstream": {"idle_timeout_ms": null, "allowed_private": ["10.0.0.0/8"]}});
    let office = patched(&stage, "office", &change).await;
    let upstream = &office["upstream"];
    assert_eq!(upstream["idle_timeout_ms"], Value::Null);
    assert_eq!(upstream["max_retries"], 0);
    assert_eq!(upstream["allowed_private"], json!(["10.0.0.0/8"]));
    let change = json!({"upstream": {"proxy_url": ""}});
    let office = patched(&stage, "office", &change).await;
    assert_eq!(office["upstream"]["proxy"], "none");
    let office = patched(&stage, "office", &json!({"upstream": null})).await;
    assert_eq!(office["upstream"], Value::Null);
}

#[tokio::test]
async fn keys_are_the_complete_list_that_is_wanted() {
    let stage = Stage::new();
    let body = json!({"name": "main", "type": "openai",
        "api_keys": ["hidden-key-one", "hidden-key-two", "hidden-key-three"]});
    let main: ProviderView = serde_json::from_value(made(&stage, &body).await).unwrap();
    let [one, two, three] = [0, 1, 2].map(|at| main.keys[at].clone());
    let wanted = json!({"api_keys": [{"id": three.id}, {"api_key": "hidden-key-four"},
        {"id": one.id}]});
    let main: ProviderView =
        serde_json::from_value(patched(&stage, "main", &wanted).await).unwrap();
    assert_eq!(
        (&main.keys[0], &main.keys[2]),
        (&three, &one),
        "ids and ages stay"
    );
    assert_eq!(main.keys.len(), 3);
    let check = async |keys: Value, part: &str| {
        let body = json!({ "api_keys": keys });
        let (status, field, text) = refused(&stage, Method::PATCH, "/providers/main", &body).await;
        assert_eq!((status, field.as_str()), (400, Some("api_keys")), "{text}");
        assert!(text.contains(part), "{text}");
    };
    check(json!([{"id": one.id}, {"id": one.id}]), "given twice").await;
    check(json!([{"id": two.id}]), "no key with id").await;
    check(json!([{}]), "exactly one").await;
    check(
        json!([{"id": one.id, "api_key": "hidden-key"}]),
        "exactly one",
    )
    .await;
    check(json!([{"api_key": " hidden-key"}]), "white space").await;
    check(
        json!([{"id": one.id}, {"api_key": "hidden-key-one"}]),
        "given twice",
    )
    .await;
    let six: Vec<_> = (0..6)
        .map(|n| json!({"api_key": format!("hidden-key-{n}")}))
        .collect();
    check(json!(six), "at most 5").await;
    let renamed = patched(&stage, "main", &json!({"name": "first"})).await;
    assert_eq!(
        renamed["api_keys"].as_array().unwrap().len(),
        3,
        "absent is unchanged"
    );
    let none = patched(&stage, "first", &json!({"api_keys": []})).await;
    assert_eq!(none["api_keys"], json!([]));
}

#[tokio::test]
async fn what_breaks_a_rule_is_named_and_nothing_is_changed() {
    let stage = Stage::new();
    made(&stage, &bedrock()).await;
    made(&stage, &json!({"name": "main", "type": "openai"})).await;
    let (post, patch) = (Method::POST, Method::PATCH);
    let new = |change: &dyn Fn(&mut Value)| {
        let mut body = bedrock();
        body["name"] = json!("new");
        change(&mut body);
        body
    };
    let set = |field: &str, value: Value| new(&|body| body["settings"][field] = value.clone());
    let create = [
        (json!({"type": "openai"}), "name"),
        (json!({"name": "New", "type": "openai"}), "name"),
        (json!({"name": "new", "type": "azure"}), "base_url"),
        (json!({"name": "new", "type": "bedrock"}), "settings"),
        (new(&|body| body["type"] = json!("openai")), "settings"),
        (
            new(&|body| body["api_keys"] = json!(["hidden-key"])),
            "api_keys",
        ),
        (set("_type", json!("openai")), "settings._type"),
        (set("_version", json!(2)), "settings._version"),
        (set("region", json!("")), "settings.region"),
        (set("role_arn", json!("gateway")), "settings.role_arn"),
        (set("external_id", json!("mine")), "settings.external_id"),
        (
            set("secret_access_key", Value::Null),
            "settings.secret_access_key",
        ),
        (set("colour", json!("red")), "colour"),
        (
            json!({"name": "new", "type": "copilot", "api_keys": ["hidden-key"]}),
            "api_keys",
        ),
        (
            json!({"name": "new", "type": "chatgpt", "api_keys": ["hidden-key"]}),
            "api_keys",
        ),
        (
            json!({"name": "new", "type": "openai", "upstream": {"http_version": "3"}}),
            "upstream.http_version",
        ),
    ];
    for (body, at) in create {
        let (status, field, text) = refused(&stage, post.clone(), "/providers", &body).await;
        assert_eq!((status, field.as_str()), (400, Some(at)), "{text}");
    }
    let body = json!({"name": "new", "type": "gemini"});
    let (_, _, text) = refused(&stage, post.clone(), "/providers", &body).await;
    assert!(
        text.contains("unsupported provider type \"gemini\""),
        "{text}"
    );
    let taken = json!({"name": "main", "type": "openai"});
    let (status, _, _) = refused(&stage, post, "/providers", &taken).await;
    assert_eq!(status, 409);

    let change = [
        (json!({}), "body"),
        (json!({"type": "openai"}), "type"),
        (json!({"base_url": "nowhere"}), "base_url"),
        (json!({"settings": null}), "settings"),
        (
            json!({"settings": {"external_id": "mine"}}),
            "settings.external_id",
        ),
        (
            json!({"settings": {"access_key_id": "other"}}),
            "settings.secret_access_key",
        ),
        (
            json!({"settings": {"region": null, "protocol": "x"}}),
            "settings.protocol",
        ),
    ];
    let before = stage.get("/providers/aws").await;
    for (body, at) in change {
        let (status, field, text) = refused(&stage, patch.clone(), "/providers/aws", &body).await;
        assert_eq!((status, field.as_str()), (400, Some(at)), "{text}");
    }
    let (status, field, _) = refused(
        &stage,
        patch.clone(),
        "/providers/aws",
        &json!({"name": "main"}),
    )
    .await;
    assert_eq!((status, field.as_str()), (409, Some("name")));
    let (status, _, _) = refused(
        &stage,
        patch,
        "/providers/nobody",
        &json!({"enabled": true}),
    )
    .await;
    assert_eq!(status, 404);
    assert_eq!(stage.get("/providers/aws").await, before);
}

/// Each decides on what the one before made of it.
#[tokio::test]
async fn changes_at_the_same_time_lose_nothing() {
    let stage = Stage::new();
    made(&stage, &json!({"name": "main", "type": "openai"})).await;
    let change = |body: Value| {
        let stage = &stage;
        async move { patched(stage, "main", &body).await }
    };
    tokio::join!(
        change(json!({"display_name": "Main"})),
        change(json!({"icon": "box"})),
        change(json!({"upstream": {"max_retries": 3}})),
        change(json!({"upstream": {"http_version": "2"}})),
        change(json!({"api_keys": [{"api_key": "hidden-key"}]})),
    );
    let (_, main) = stage.get("/providers/main").await;
    assert_eq!(
        (&main["display_name"], &main["icon"]),
        (&json!("Main"), &json!("box"))
    );
    assert_eq!(main["upstream"]["max_retries"], 3);
    assert_eq!(main["upstream"]["http_version"], "2");
    assert_eq!(main["api_keys"].as_array().unwrap().len(), 1);
}
