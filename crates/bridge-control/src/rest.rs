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
mod tool_servers;
mod user_tokens;
mod users;

use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post, put};
use axum::{Json, Router};
use bridge_auth::Secret;
use utoipa::openapi::OpenApi;

use self::problem::Failure;
use crate::control::ControlServer;

impl ControlServer {
    /// The operator's API, to be served on a listener of its own. It answers below `/api/v1` only,
    /// so that other routes may be merged beside it. Everything but the OpenAPI document asks for
    /// the admin token.
    pub fn rest(&self) -> Router {
        self.rest_beside(OpenApi::default())
    }

    /// The same beside other routes that the host program merges: the OpenAPI document names these
    /// as well.
    pub fn rest_beside(&self, others: OpenApi) -> Router {
        let document = document::with(others);
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
            .route("/providers", get(providers::list).post(providers::create))
            .route(
                "/providers/{name}",
                get(providers::show)
                    .put(providers::put)
                    .patch(providers::change)
                    .delete(providers::remove),
            )
            .route("/providers/{name}/keys", post(providers::add_key))
            .route("/providers/{name}/keys/{id}", delete(providers::remove_key))
            .route(
                "/tool-servers",
                get(tool_servers::list).post(tool_servers::create),
            )
            .route(
                "/tool-servers/{server}",
                get(tool_servers::show)
                    .patch(tool_servers::change)
                    .delete(tool_servers::remove),
            )
            .route("/tool-tokens", get(user_tokens::list))
            .route(
                "/tool-servers/{server}/tokens/{user}",
                put(user_tokens::set).delete(user_tokens::remove),
            )
            .route("/interceptions", get(interceptions::list))
            .route("/interceptions/{id}", get(interceptions::show))
            .route("/sessions", get(sessions::list))
            .route("/sessions/{id}", get(sessions::show))
            .fallback(no_route);
        let closed = behind_admin_token(closed, self.0.config.admin_token.clone());
        let open = Router::new()
            .route("/openapi.json", get(async move || Json(document)))
            .method_not_allowed_fallback(no_method);
        let api = closed.merge(open);
        Router::new()
            .nest("/api/v1", api)
            .layer(from_fn_with_state(self.clone(), problem::report))
            .with_state(self.clone())
    }
}

/// Lets to these routes of a host program whoever has the admin token, as the operator's API does.
/// Others, and methods that a route does not have, get the answers they get there.
pub fn behind_admin_token<S>(routes: Router<S>, admin_token: Secret) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    routes
        .method_not_allowed_fallback(no_method)
        .layer(from_fn_with_state(admin_token, admit::admit))
}

async fn no_route() -> Failure {
    Failure::no_route()
}

async fn no_method() -> Failure {
    Failure::no_method()
}
