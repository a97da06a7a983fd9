//! Admission as a middleware of an axum router: behind it, handlers find who is asking and headers
//! that may go on, and cannot find the organisation's credential.
//!
//! Run it with `cargo run -p bridge-auth --example axum_server` and try the lines it prints.
#![expect(
    clippy::print_stdout,
    reason = "an example talks to the person who runs it"
)]

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::{Extension, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};
use bridge_auth::{
    Actor, ActorId, AuthError, Authorizer, Claim, Grant, HeaderPolicy, KeySource, RefusalReason,
    Scrubbed, Secret, SecretHint, Standing, Verdict,
};
use http::StatusCode;
use tokio::net::TcpListener;

/// What the middleware needs.
#[derive(Clone)]
struct Door {
    policy: Arc<HeaderPolicy>,
    authorizer: Arc<dyn Authorizer>,
}

/// What handlers may know of the caller.
#[derive(Clone)]
struct Caller {
    grant: Arc<Grant>,
    mode: KeySource,
    headers: Scrubbed,
}

/// Knows keys by the id before their first dot, and compares the rest in constant time.
struct Keys(HashMap<&'static str, (Secret, Arc<Grant>)>);

#[async_trait]
impl Authorizer for Keys {
    async fn authorize(&self, claim: Claim<'_>) -> Result<Arc<Grant>, AuthError> {
        let Claim::Key(presented) = claim else {
            return Err(AuthError::Refused(RefusalReason::UnknownKey));
        };
        let id = presented.expose().split('.').next().unwrap_or_default();
        match self.0.get(id) {
            Some((key, grant)) if key == presented => Ok(Arc::clone(grant)),
            Some(_) => Err(AuthError::Refused(RefusalReason::InvalidKey)),
            None => Err(AuthError::Refused(RefusalReason::UnknownKey)),
        }
    }
}

/// Admits a request or answers it. The request that goes on has scrubbed headers, so that a proxy
/// further in may send them as they are.
async fn admit(State(door): State<Door>, mut request: Request, next: Next) -> Response {
    let admitted = door.policy.admit(std::mem::take(request.headers_mut()));
    let claim = match admitted.presented.verdict() {
        Verdict::Found(credential) => Claim::Key(credential.secret()),
        Verdict::Absent => return (StatusCode::BAD_REQUEST, "no key provided\n").into_response(),
        Verdict::Malformed => return (StatusCode::FORBIDDEN, "unauthorized\n").into_response(),
    };
    let grant = match door.authorizer.authorize(claim).await {
        Ok(grant) => grant,
        // Callers learn nothing of the cause; a real gateway logs it.
        Err(AuthError::Refused(_)) => {
            return (StatusCode::FORBIDDEN, "unauthorized\n").into_response();
        }
        Err(AuthError::Unavailable(_)) => {
            return (StatusCode::SERVICE_UNAVAILABLE, "try again\n").into_response();
        }
    };
    let mode = admitted.presented.key_mode();
    *request.headers_mut() = admitted.scrubbed.headers().clone();
    request.extensions_mut().insert(Caller {
        grant,
        mode,
        headers: admitted.scrubbed,
    });
    next.run(request).await
}

/// Tells what would be sent to a provider, and with whose key. See the hyper example for sending.
async fn show(Extension(caller): Extension<Caller>, request: Request) -> String {
    let own = caller
        .headers
        .own_api_key()
        .or_else(|| caller.headers.own_bearer());
    let key = match &own {
        Some(secret) => format!("the caller's key {}", SecretHint::of(secret)),
        None => "the operator's key".to_owned(),
    };
    let mut text = format!(
        "{} asks for {} ({}), to be sent with {key} and these headers:\n",
        caller.grant.actor.username,
        request.uri(),
        caller.mode.as_str(),
    );
    for name in caller.headers.headers().keys() {
        text.push_str(&format!("  {name}\n"));
    }
    text
}

fn keys() -> Keys {
    let user = |number: u8, username: &str, key: &str| {
        let grant = Grant {
            actor: Actor {
                id: ActorId::from_bytes([number; 16]),
                username: username.to_owned(),
                email: None,
            },
            api_key_id: format!("key-{number}"),
            workspace_id: None,
            expires_at: None,
            standing: Standing::Confirmed,
        };
        (Secret::new(key.to_owned()), Arc::new(grant))
    };
    Keys(HashMap::from([
        ("ada", user(1, "ada", "ada.demo-key")),
        ("grace", user(2, "grace", "grace.demo-key")),
    ]))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let door = Door {
        policy: Arc::new(HeaderPolicy::default()),
        authorizer: Arc::new(keys()),
    };
    let app = Router::new()
        .route("/{*path}", routing::any(show))
        .layer(from_fn_with_state(door, admit));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;

    println!("with the operator's key:");
    println!("  curl http://{address}/v1/models -H 'Authorization: Bearer ada.demo-key' -b 'a=1'");
    println!("with a key of one's own:");
    println!(
        "  curl http://{address}/v1/models -H 'Authorization: Bearer my-own-provider-key' \\\n    \
         -H 'X-Coder-AI-Governance-Token: grace.demo-key'"
    );
    println!("without a key, and with a wrong one:");
    println!("  curl http://{address}/v1/models");
    println!("  curl http://{address}/v1/models -H 'X-Api-Key: ada.wrong'");
    axum::serve(listener, app).await?;
    Ok(())
}
