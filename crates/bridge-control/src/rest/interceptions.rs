//! `/interceptions`

use axum::Json;
use axum::extract::State;
use uuid::Uuid;

use super::problem::Failure;
use super::read::{Named, Paging, Params};
use crate::api::{InterceptionDetail, InterceptionStatus, InterceptionView, Page, Problem};
use crate::control::ControlServer;
use crate::store::InterceptionFilter;

/// Interceptions, newest first
#[utoipa::path(get, path = "/api/v1/interceptions", tag = "interceptions",
    params(
        ("user" = Option<String>, Query, description = "id or login name"),
        ("provider" = Option<String>, Query, description = "name or format family"),
        ("model" = Option<String>, Query, description = "as the caller wrote it"),
        ("client" = Option<String>, Query, description = "name of the calling program"),
        ("session" = Option<String>, Query, description = "id of the session"),
        ("outcome" = Option<InterceptionStatus>, Query, description = "whether and how it ended"),
        ("started_after" = Option<String>, Query, description = "then or later, RFC 3339"),
        ("started_before" = Option<String>, Query, description = "earlier than that, RFC 3339"),
        Paging),
    responses(
        (status = 200, body = Page<InterceptionView>),
        (status = 400, body = Problem),
        (status = 401, body = Problem),
        (status = 404, description = "no such user", body = Problem)))]
pub(super) async fn list(
    State(control): State<ControlServer>,
    mut params: Params,
) -> Result<Json<Page<InterceptionView>>, Failure> {
    let user = params.text("user");
    let filter = InterceptionFilter {
        user: None,
        provider: params.text("provider"),
        model: params.text("model"),
        client: params.text("client"),
        session: params.text("session"),
        status: params.text("outcome").map(status).transpose()?,
        started_after: params.time("started_after")?,
        started_before: params.time("started_before")?,
    };
    let page = params.page()?;
    let user = control.user_id(user.as_deref()).await?;
    let filter = InterceptionFilter { user, ..filter };
    Ok(Json(control.interceptions(filter, page).await?))
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it stands in a chain that gives values"
)]
fn status(name: String) -> Result<InterceptionStatus, Failure> {
    InterceptionStatus::from_name(&name).ok_or_else(|| {
        let known = InterceptionStatus::ALL.map(InterceptionStatus::as_str);
        let message = format!("outcome: must be one of {}", known.join(", "));
        Failure::invalid(message).about("outcome")
    })
}

/// One interception with everything that is remembered of it
#[utoipa::path(get, path = "/api/v1/interceptions/{id}", tag = "interceptions",
    params(("id" = String, Path, description = "id of the interception")),
    responses(
        (status = 200, body = InterceptionDetail),
        (status = 400, body = Problem),
        (status = 401, body = Problem),
        (status = 404, body = Problem)))]
pub(super) async fn show(
    State(control): State<ControlServer>,
    Named(id): Named<String>,
    params: Params,
) -> Result<Json<InterceptionDetail>, Failure> {
    params.finish()?;
    let id = Uuid::try_parse(&id);
    let id = id.map_err(|_| Failure::invalid("id: must be a UUID").about("id"))?;
    Ok(Json(control.interception(id).await?))
}
