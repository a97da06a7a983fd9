//! `/tool-servers`

use axum::Json;
use axum::extract::State;
use http::StatusCode;

use super::problem::Failure;
use super::read::{Named, Paging, Params, Sent};
use crate::api::{NewToolServer, Page, Problem, ToolServerPatch, ToolServerView};
use crate::control::ControlServer;

/// Tool servers by name, their secrets masked
#[utoipa::path(get, path = "/api/v1/tool-servers", tag = "tool servers",
    params(Paging),
    responses(
        (status = 200, body = Page<ToolServerView>),
        (status = 400, body = Problem),
        (status = 401, body = Problem)))]
pub(super) async fn list(
    State(control): State<ControlServer>,
    params: Params,
) -> Result<Json<Page<ToolServerView>>, Failure> {
    Ok(Json(control.tool_servers(params.page()?).await?))
}

/// One tool server, its secrets masked
#[utoipa::path(get, path = "/api/v1/tool-servers/{server}", tag = "tool servers",
    params(("server" = String, Path, description = "name or id of the tool server")),
    responses(
        (status = 200, body = ToolServerView),
        (status = 401, body = Problem),
        (status = 404, body = Problem)))]
pub(super) async fn show(
    State(control): State<ControlServer>,
    Named(server): Named<String>,
    params: Params,
) -> Result<Json<ToolServerView>, Failure> {
    params.finish()?;
    Ok(Json(control.tool_server(&server).await?))
}

/// Make a tool server; gateways learn of it at once
#[utoipa::path(post, path = "/api/v1/tool-servers", tag = "tool servers",
    request_body = NewToolServer,
    responses(
        (status = 201, body = ToolServerView),
        (status = 400, body = Problem),
        (status = 401, body = Problem),
        (status = 409, description = "the name is taken, or there are as many as there may be",
            body = Problem),
        (status = 503, description = "secrets cannot be encrypted", body = Problem)))]
pub(super) async fn create(
    State(control): State<ControlServer>,
    params: Params,
    Sent(new): Sent<NewToolServer>,
) -> Result<(StatusCode, Json<ToolServerView>), Failure> {
    params.finish()?;
    let made = control.create_tool_server(new).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Change what is given of a tool server, the rest stays; gateways learn of it at once
#[utoipa::path(patch, path = "/api/v1/tool-servers/{server}", tag = "tool servers",
    request_body = ToolServerPatch,
    params(("server" = String, Path, description = "name or id of the tool server")),
    responses(
        (status = 200, body = ToolServerView),
        (status = 400, body = Problem),
        (status = 401, body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "the new name is taken, or a secret cannot be decrypted",
            body = Problem),
        (status = 503, description = "secrets cannot be encrypted", body = Problem)))]
pub(super) async fn change(
    State(control): State<ControlServer>,
    Named(server): Named<String>,
    params: Params,
    Sent(patch): Sent<ToolServerPatch>,
) -> Result<Json<ToolServerView>, Failure> {
    params.finish()?;
    Ok(Json(control.change_tool_server(&server, patch).await?))
}

/// Delete a tool server, its secrets and all tokens of users for it
#[utoipa::path(delete, path = "/api/v1/tool-servers/{server}", tag = "tool servers",
    params(("server" = String, Path, description = "name or id of the tool server")),
    responses(
        (status = 204),
        (status = 401, body = Problem),
        (status = 404, body = Problem)))]
pub(super) async fn remove(
    State(control): State<ControlServer>,
    Named(server): Named<String>,
    params: Params,
) -> Result<StatusCode, Failure> {
    params.finish()?;
    control.delete_tool_server(&server).await?;
    Ok(StatusCode::NO_CONTENT)
}
