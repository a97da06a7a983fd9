//! What is taken, and what is refused with which field.

use serde_json::{Value, json};

use crate::api::NewToolServer;
use crate::error::ControlError;
use crate::tool_server::made;

/// A good server with these fields on top; the field that is at fault, if one is.
fn fault(fields: &Value) -> Option<&'static str> {
    let mut new = json!({"name": "wiki", "url": "https://wiki.example/mcp"});
    for (name, value) in fields.as_object().unwrap() {
        new[name] = value.clone();
    }
    let new: NewToolServer = serde_json::from_value(new).unwrap();
    match made(&new) {
        Ok(_) => None,
        Err(ControlError::Invalid { field, message }) => {
            assert!(!message.contains("hidden"), "{message}");
            Some(field)
        }
        Err(other) => panic!("{fields}: {other:?}"),
    }
}

fn oauth(fields: &Value) -> Value {
    let mut oauth = json!({"token_url": "https://login.example/token", "client_id": "bridged"});
    for (name, value) in fields.as_object().unwrap() {
        oauth[name] = value.clone();
    }
    json!({"credential": "user", "oauth": oauth})
}

#[test]
fn good_servers_are_taken() {
    for fields in [
        json!({}),
        json!({"name": "a-1-b", "url": "http://localhost:8000/mcp?set=all"}),
        json!({"allow": ["^read_", "a|b"], "deny": ["(?i)secret$"]}),
        json!({"headers": {"X-Tenant": "one two", "authorization": "Basic eA=="}}),
        json!({"credential": "token", "token": "t"}),
        json!({"credential": "caller"}),
        json!({"credential": "user"}),
        oauth(&json!({"client_secret": "s", "client_auth": "post", "scopes": ["a", "b:c"]})),
        oauth(&json!({"token_url": "http://127.0.0.1:9/token"})),
        oauth(&json!({"token_url": "http://[::1]:9/token"})),
        json!({"upstream": {"proxy_url": "http://user:word@proxy.example", "allowed_private": ["10.0.0.0/8"]}}),
    ] {
        assert_eq!(fault(&fields), None, "{fields}");
    }
}

#[test]
fn bad_fields_are_named() {
    let many = vec!["a"; 65];
    let long = "a".repeat(33);
    for (fields, field) in [
        (json!({"name": ""}), "name"),
        (json!({"name": "Wiki"}), "name"),
        (json!({"name": "a--b"}), "name"),
        (json!({"name": long}), "name"),
        (json!({"url": "wiki.example"}), "url"),
        (json!({"url": "ftp://wiki.example"}), "url"),
        (json!({"url": "https://u:hidden@wiki.example"}), "url"),
        (json!({"allow": ["("]}), "allow"),
        (json!({"deny": [""]}), "deny"),
        (json!({"deny": many}), "deny"),
        (json!({"headers": {"x y": "hidden"}}), "headers"),
        (json!({"headers": {"Host": "hidden"}}), "headers"),
        (json!({"headers": {"x": ""}}), "headers"),
        (json!({"headers": {"x": "hidden\nhidden"}}), "headers"),
        (json!({"headers": {"x": " hidden"}}), "headers"),
        (
            json!({"headers": {"x": "hidden", "X": "hidden"}}),
            "headers",
        ),
        (
            json!({"credential": "caller", "headers": {"Authorization": "hidden"}}),
            "headers",
        ),
        (json!({"token": "hidden"}), "token"),
        (json!({"credential": "token"}), "token"),
        (
            json!({"credential": "token", "token": "hidden hidden"}),
            "token",
        ),
        (
            json!({"oauth": {"token_url": "https://a", "client_id": "b"}}),
            "oauth",
        ),
        (oauth(&json!({"token_url": ""})), "oauth.token_url"),
        (
            oauth(&json!({"token_url": "http://login.example/token"})),
            "oauth.token_url",
        ),
        (
            oauth(&json!({"token_url": "http://localhost.example/token"})),
            "oauth.token_url",
        ),
        (oauth(&json!({"client_id": ""})), "oauth.client_id"),
        (
            oauth(&json!({"client_secret": "hid den"})),
            "oauth.client_secret",
        ),
        (oauth(&json!({"scopes": ["a b"]})), "oauth.scopes"),
        (oauth(&json!({"scopes": ["\"a"]})), "oauth.scopes"),
        (
            json!({"upstream": {"idle_timeout_ms": 0}}),
            "upstream.idle_timeout_ms",
        ),
        (
            json!({"upstream": {"proxy_url": "hidden"}}),
            "upstream.proxy_url",
        ),
    ] {
        assert_eq!(fault(&fields), Some(field), "{fields}");
    }
}
