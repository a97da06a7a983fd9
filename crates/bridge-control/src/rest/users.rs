//! `/users`

use axum::Json;
use axum::extract::State;
use http::StatusCode;

use super::problem::Failure;
use super::read::{Named, Paging, Params, Sent};
use crate::api::{NewUser, Page, Problem, UserPatch, UserView};
use crate::control::ControlServer;

/// Users in the order in which they were made
#[utoipa::path(get, path = "/api/v1/users", tag = "users",
    params(Paging),
    responses(
        (status = 200, body = Page<UserView>),
        (status = 400, body = Problem),
        (status = 401, body = Problem)))]
pub(super) async fn list(
    State(control): State<ControlServer>,
    params: Params,
) -> Result<Json<Page<UserView>>, Failure> {
    Ok(Json(control.users(params.page()?).await?))
}

/// Make a user
#[utoipa::path(post, path = "/api/v1/users", tag = "users", request_body = NewUser,
    responses(
        (status = 201, body = UserView),
        (status = 400, body = Problem),
        (status = 401, body = Problem),
        (status = 409, description = "the name is taken", body = Problem)))]
pub(super) async fn create(
    State(control): State<ControlServer>,
    params: Params,
    Sent(new): Sent<NewUser>,
) -> Result<(StatusCode, Json<UserView>), Failure> {
    params.finish()?;
    let user = control.create_user(new).await?;
    Ok((StatusCode::CREATED, Json(user)))
}

/// One user
#[utoipa::path(get, path = "/api/v1/users/{user}", tag = "users",
    params(("user" = String, Path, description = "id or login name")),
    responses(
        (status = 200, body = UserView),
        (status = 401, body = Problem),
        (status = 404, body = Problem)))]
pub(super) async fn show(
    State(control): State<ControlServer>,
    Named(user): Named<String>,
    params: Params,
) -> Result<Json<UserView>, Failure> {
    params.finish()?;
    Ok(Json(control.user(&user).await?))
}

/// Change a user; gateways learn of it at once
#[utoipa::path(patch, path = "/api/v1/users/{user}", tag = "users", request_body = UserPatch,
    params(("user" = String, Path, description = "id or login name")),
    responses(
        (status = 200, body = UserView),
        (status = 400, body = Problem),
        (status = 401, body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "the user is deleted", body = Problem)))]
pub(super) async fn change(
    State(control): State<ControlServer>,
    Named(user): Named<String>,
    params: Params,
    Sent(patch): Sent<UserPatch>,
) -> Result<Json<UserView>, Failure> {
    params.finish()?;
    Ok(Json(control.change_user(&user, patch).await?))
}

/// Delete a user; records stay, keys are refused at once
#[utoipa::path(delete, path = "/api/v1/users/{user}", tag = "users",
    params(("user" = String, Path, description = "id or login name")),
    responses(
        (status = 204),
        (status = 401, body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "the user is deleted", body = Problem)))]
pub(super) async fn remove(
    State(control): State<ControlServer>,
    Named(user): Named<String>,
    params: Params,
) -> Result<StatusCode, Failure> {
    params.finish()?;
    control.delete_user(&user).await?;
    Ok(StatusCode::NO_CONTENT)
}
