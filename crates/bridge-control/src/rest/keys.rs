//! `/keys`

use axum::Json;
use axum::extract::State;
use http::StatusCode;

use super::problem::Failure;
use super::read::{Named, Paging, Params, Sent};
use crate::api::{CreatedKey, KeyView, NewKey, Page, Problem};
use crate::control::ControlServer;

/// Keys in the order in which they were made
#[utoipa::path(get, path = "/api/v1/keys", tag = "keys",
    params(
        ("user" = Option<String>, Query, description = "id or login name of the owner"),
        Paging),
    responses(
        (status = 200, body = Page<KeyView>),
        (status = 400, body = Problem),
        (status = 401, body = Problem),
        (status = 404, description = "no such user", body = Problem)))]
pub(super) async fn list(
    State(control): State<ControlServer>,
    mut params: Params,
) -> Result<Json<Page<KeyView>>, Failure> {
    let user = params.text("user");
    let page = params.page()?;
    Ok(Json(control.keys(user.as_deref(), page).await?))
}

/// Make a key; the answer is the only place where its secret is shown
#[utoipa::path(post, path = "/api/v1/keys", tag = "keys", request_body = NewKey,
    responses(
        (status = 201, body = CreatedKey),
        (status = 400, body = Problem),
        (status = 401, body = Problem),
        (status = 404, description = "no such user", body = Problem),
        (status = 409, description = "the user is deleted", body = Problem)))]
pub(super) async fn create(
    State(control): State<ControlServer>,
    params: Params,
    Sent(new): Sent<NewKey>,
) -> Result<(StatusCode, Json<CreatedKey>), Failure> {
    params.finish()?;
    let key = control.create_key(new).await?;
    Ok((StatusCode::CREATED, Json(key)))
}

/// One key
#[utoipa::path(get, path = "/api/v1/keys/{id}", tag = "keys",
    params(("id" = String, Path, description = "id of the key")),
    responses(
        (status = 200, body = KeyView),
        (status = 401, body = Problem),
        (status = 404, body = Problem)))]
pub(super) async fn show(
    State(control): State<ControlServer>,
    Named(id): Named<String>,
    params: Params,
) -> Result<Json<KeyView>, Failure> {
    params.finish()?;
    Ok(Json(control.key(&id).await?))
}

/// Revoke a key, at once
#[utoipa::path(delete, path = "/api/v1/keys/{id}", tag = "keys",
    params(("id" = String, Path, description = "id of the key")),
    responses(
        (status = 204),
        (status = 401, body = Problem),
        (status = 404, body = Problem)))]
pub(super) async fn remove(
    State(control): State<ControlServer>,
    Named(id): Named<String>,
    params: Params,
) -> Result<StatusCode, Failure> {
    params.finish()?;
    control.delete_key(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}
