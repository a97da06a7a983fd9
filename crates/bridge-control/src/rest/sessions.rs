//! `/sessions`

use axum::Json;
use axum::extract::State;

use super::problem::Failure;
use super::read::{Named, Paging, Params};
use crate::api::{Page, Problem, SessionDetail, SessionView};
use crate::control::ControlServer;
use crate::store::SessionFilter;

/// Sessions, newest first
#[utoipa::path(get, path = "/api/v1/sessions", tag = "sessions",
    params(
        ("user" = Option<String>, Query, description = "id or login name"),
        ("client" = Option<String>, Query, description = "name of the calling program"),
        Paging),
    responses(
        (status = 200, body = Page<SessionView>),
        (status = 400, body = Problem),
        (status = 401, body = Problem),
        (status = 404, description = "no such user", body = Problem)))]
pub(super) async fn list(
    State(control): State<ControlServer>,
    mut params: Params,
) -> Result<Json<Page<SessionView>>, Failure> {
    let user = params.text("user");
    let client = params.text("client");
    let page = params.page()?;
    let user = control.user_id(user.as_deref()).await?;
    let filter = SessionFilter { user, client };
    Ok(Json(control.sessions(filter, page).await?))
}

/// One session with its threads
#[utoipa::path(get, path = "/api/v1/sessions/{id}", tag = "sessions",
    params(
        ("id" = String, Path, description = "id of the session"),
        ("user" = Option<String>, Query,
            description = "id or login name, when several users have a session of this id")),
    responses(
        (status = 200, body = SessionDetail),
        (status = 401, body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "several users have a session of this id", body = Problem)))]
pub(super) async fn show(
    State(control): State<ControlServer>,
    Named(id): Named<String>,
    mut params: Params,
) -> Result<Json<SessionDetail>, Failure> {
    let user = params.text("user");
    params.finish()?;
    Ok(Json(control.session(&id, user.as_deref()).await?))
}
