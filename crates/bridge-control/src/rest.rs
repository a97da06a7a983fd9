//! The operator's side: JSON over HTTP below `/api/v1`.

mod admit;
mod document;
mod gateway_keys;
mod interceptions;
mod keys;
mod problem;
mod providers;
mod read;
mod sessions;
mod users;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post};

use self::problem::Failure;
use crate::control::ControlServer;

impl ControlServer {
    /// The operator's API, to be served on a listener of its own. It answers below `/api/v1` only,
    /// so that other routes may be merged beside it. Everything but the OpenAPI document asks for
    /// the admin token.
    pub fn rest(&self) -> Router {
        let closed = Router::new()
            .route("/users", get(users::list).post(users::create))
            .route(
                "/users/{user}",
                get(users::show).patch(users::change).delete(users::remove),
            )
            .route("/keys", get(keys::list).post(keys::create))
            .route("/keys/{id}", get(keys::show).delete(keys::remove))
            .route(
                "/gateway-keys",
                get(gateway_keys::list).post(gateway_keys::create),
            )
            .route("/gateway-keys/{key}", delete(gateway_keys::remove))
            .route("/providers", get(providers::list))
            .route(
                "/providers/{name}",
                get(providers::show)
                    .put(providers::put)
                    .delete(providers::remove),
            )
            .route("/providers/{name}/keys", post(providers::add_key))
            .route("/providers/{name}/keys/{id}", delete(providers::remove_key))
            .route("/interceptions", get(interceptions::list))
            .route("/interceptions/{id}", get(interceptions::show))
            .route("/sessions", get(sessions::list))
            .route("/sessions/{id}", get(sessions::show))
            .fallback(no_route)
            .method_not_allowed_fallback(no_method)
            .layer(from_fn_with_state(self.clone(), admit::admit));
        let open = Router::new()
            .route("/openapi.json", get(document::show))
            .method_not_allowed_fallback(no_method);
        let api = closed.merge(open);
        Router::new()
            .nest("/api/v1", api)
            .layer(from_fn_with_state(self.clone(), problem::report))
            .with_state(self.clone())
    }
}

async fn no_route() -> Failure {
    Failure::no_route()
}

async fn no_method() -> Failure {
    Failure::no_method()
}
