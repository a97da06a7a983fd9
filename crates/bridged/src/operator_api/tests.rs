//! The client against a small real server.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request as Incoming, State};
use axum::response::IntoResponse;
use bridge_telemetry::{discard, task};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;

/// Answers by method and path, and remembers what was asked.
#[derive(Clone)]
struct Server {
    seen: Arc<Mutex<Vec<String>>>,
    respond: fn(&str) -> (u16, String),
}

async fn answer(State(server): State<Server>, request: Incoming) -> impl IntoResponse {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let call = format!("{} {}", head.method, head.uri);
    let token = head
        .headers
        .get(AUTHORIZATION)
        .map(|value| value.to_str().unwrap().to_owned());
    let line = format!(
        "{call} {} {}",
        token.unwrap_or_default(),
        String::from_utf8_lossy(&body)
    );
    server.seen.lock().push(line);
    let (status, text) = (server.respond)(&call);
    (StatusCode::from_u16(status).unwrap(), text)
}

async fn serve(respond: fn(&str) -> (u16, String)) -> (OperatorApi, Server, task::Task<()>) {
    let seen = Arc::default();
    let server = Server { seen, respond };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = url_of(listener.local_addr().unwrap());
    let router = Router::new().fallback(answer).with_state(server.clone());
    let running = task::spawn(&discard(), "server", async move {
        axum::serve(listener, router).await.unwrap();
    });
    let token = Secret::new("operator-key".to_owned());
    (OperatorApi::try_new(&url, &token).unwrap(), server, running)
}

#[tokio::test]
async fn things_are_sent_and_read_with_the_token() {
    let (api, server, _running) = serve(|_| (201, json!({"made": true}).to_string())).await;
    let made: Value = api
        .send(Method::POST, &path(&["users", "a b/c@d"]), &json!({"x": 1}))
        .await
        .unwrap();
    assert_eq!(made["made"], true);
    assert_eq!(
        *server.seen.lock(),
        [r#"POST /api/v1/users/a%20b%2Fc%40d Bearer operator-key {"x":1}"#]
    );
}

#[tokio::test]
async fn lists_are_read_page_by_page_up_to_a_limit() {
    let (api, server, _running) = serve(|call| {
        let page = if call.contains("after=two") {
            json!({"items": [3], "next": null})
        } else {
            json!({"items": [1, 2], "next": "two"})
        };
        (200, page.to_string())
    })
    .await;
    let all: Listed<u64> = api.list("/keys", &[("user", "a&b")], 100).await.unwrap();
    assert_eq!((all.items, all.has_more), (vec![1, 2, 3], false));
    let some: Listed<u64> = api.list("/keys", &[], 2).await.unwrap();
    assert_eq!((some.items, some.has_more), (vec![1, 2], true));
    let seen = server.seen.lock();
    assert!(
        seen[0].starts_with("GET /api/v1/keys?limit=100&user=a%26b Bearer"),
        "{seen:?}"
    );
    assert!(
        seen[1].starts_with("GET /api/v1/keys?limit=98&user=a%26b&after=two "),
        "{seen:?}"
    );
}

#[tokio::test]
async fn a_list_that_never_ends_is_left() {
    let (api, _server, _running) =
        serve(|_| (200, json!({"items": [], "next": "again"}).to_string())).await;
    let found: Listed<u64> = api.list("/keys", &[], 10).await.unwrap();
    assert!(found.items.is_empty());
}

#[tokio::test]
async fn refusals_are_told_in_the_servers_words() {
    let (api, _server, _running) = serve(|call| {
        let problem = |code: &str, message: &str, field: Option<&str>| {
            json!({"error": {"code": code, "message": message, "field": field}}).to_string()
        };
        match call {
            "DELETE /api/v1/users/bob" => {
                (404, problem("not_found", "no user named \"bob\"", None))
            }
            "DELETE /api/v1/users/x" => (400, problem("invalid", "is too long", Some("username"))),
            "DELETE /api/v1/users/401" => (401, problem("unauthorized", "no", None)),
            _ => (502, "<html>bad gateway</html>".to_owned()),
        }
    })
    .await;
    for (user, part) in [
        ("bob", "no user named \"bob\""),
        ("x", "username: is too long"),
        ("401", "refuses the admin token"),
        ("html", "DELETE /users/html was answered with status 502"),
    ] {
        let told = api
            .delete(&path(&["users", user]))
            .await
            .unwrap_err()
            .to_string();
        assert!(
            told.contains(part) && !told.contains("operator-key"),
            "{told}"
        );
    }
}

#[tokio::test]
async fn answers_that_are_not_of_this_api_are_not_taken() {
    let (api, _server, _running) = serve(|_| (200, "hello".to_owned())).await;
    let told = api.fetch::<Value>("/users").await.unwrap_err().to_string();
    assert!(told.contains("not as bridged does"), "{told}");
}

#[tokio::test]
async fn an_absent_server_is_named_with_what_to_do() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = url_of(listener.local_addr().unwrap());
    drop(listener);
    let api = OperatorApi::try_new(&url, &Secret::new("operator-key".to_owned())).unwrap();
    let told = api.fetch::<Value>("/users").await.unwrap_err().to_string();
    let wanted = format!(
        "no bridged answers at {url}: start one with `bridged serve`, or name it with --admin-url"
    );
    assert_eq!(told, wanted);
}

#[test]
fn addresses_that_cannot_be_called_are_explained() {
    let check = |url: &str, part: &str| {
        let token = Secret::new("operator-key".to_owned());
        let told = OperatorApi::try_new(url, &token).unwrap_err().to_string();
        assert!(told.contains(part), "{told}");
    };
    check("https://127.0.0.1:4181", "https is not spoken here");
    check("127.0.0.1:4181", "give one like");
    check("ftp://h", "give one like");
    check("http://h/api", "host and port only");
    check("", "give one like");
    let token = Secret::new("two\nlines".to_owned());
    let told = OperatorApi::try_new("http://h", &token).unwrap_err();
    assert!(matches!(told, ApiError::Token), "{told}");
}

#[test]
fn servers_that_listen_everywhere_are_called_here() {
    let check = |address: &str, url: &str| assert_eq!(url_of(address.parse().unwrap()), url);
    check("0.0.0.0:4181", "http://127.0.0.1:4181");
    check("[::]:4181", "http://[::1]:4181");
    check("10.0.0.7:80", "http://10.0.0.7:80");
}
