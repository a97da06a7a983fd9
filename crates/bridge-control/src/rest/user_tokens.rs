//! `/tool-tokens`, and `/tool-servers/{server}/tokens/{user}`

use axum::Json;
use axum::extract::State;
use http::StatusCode;

use super::problem::Failure;
use super::read::{Named, Paging, Params, Sent};
use crate::api::{NewUserToken, Page, Problem, UserTokenView};
use crate::control::ControlServer;

/// Users' tokens by tool server and user, masked
#[utoipa::path(get, path = "/api/v1/tool-tokens", tag = "tool servers",
    params(
        ("server" = Option<String>, Query, description = "name or id of a tool server"),
        ("user" = Option<String>, Query, description = "login name or id of a user"),
        Paging),
    responses(
        (status = 200, body = Page<UserTokenView>),
        (status = 400, body = Problem),
        (status = 401, body = Problem),
        (status = 404, description = "no such tool server or user", body = Problem)))]
pub(super) async fn list(
    State(control): State<ControlServer>,
    mut params: Params,
) -> Result<Json<Page<UserTokenView>>, Failure> {
    let (server, user) = (params.text("server"), params.text("user"));
    let page = params.page()?;
    let tokens = control.user_tokens(server.as_deref(), user.as_deref(), page);
    Ok(Json(tokens.await?))
}

/// Set a user's token for a tool server, in place of the one before; gateways learn of it at once
#[utoipa::path(put, path = "/api/v1/tool-servers/{server}/tokens/{user}", tag = "tool servers",
    request_body = NewUserToken,
    params(
        ("server" = String, Path, description = "name or id of the tool server"),
        ("user" = String, Path, description = "login name or id of the user")),
    responses(
        (status = 200, body = UserTokenView),
        (status = 400, body = Problem),
        (status = 401, body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "the user is deleted", body = Problem),
        (status = 503, description = "the token cannot be encrypted", body = Problem)))]
pub(super) async fn set(
    State(control): State<ControlServer>,
    Named((server, user)): Named<(String, String)>,
    params: Params,
    Sent(new): Sent<NewUserToken>,
) -> Result<Json<UserTokenView>, Failure> {
    params.finish()?;
    Ok(Json(control.set_user_token(&server, &user, new).await?))
}

/// Remove a user's token for a tool server; gateways learn of it at once
#[utoipa::path(delete, path = "/api/v1/tool-servers/{server}/tokens/{user}", tag = "tool servers",
    params(
        ("server" = String, Path, description = "name or id of the tool server"),
        ("user" = String, Path, description = "login name or id of the user")),
    responses(
        (status = 204),
        (status = 401, body = Problem),
        (status = 404, body = Problem)))]
pub(super) async fn remove(
    State(control): State<ControlServer>,
    Named((server, user)): Named<(String, String)>,
    params: Params,
) -> Result<StatusCode, Failure> {
    params.finish()?;
    control.delete_user_token(&server, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}
