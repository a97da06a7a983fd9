//! `/gateway-keys`

use axum::Json;
use axum::extract::State;
use http::StatusCode;

use super::problem::Failure;
use super::read::{Named, Paging, Params, Sent};
use crate::api::{CreatedGatewayKey, GatewayKeyView, NewGatewayKey, Page, Problem};
use crate::control::ControlServer;

/// Gateway keys in the order in which they were made
#[utoipa::path(get, path = "/api/v1/gateway-keys", tag = "gateway keys",
    params(Paging),
    responses(
        (status = 200, body = Page<GatewayKeyView>),
        (status = 400, body = Problem),
        (status = 401, body = Problem)))]
pub(super) async fn list(
    State(control): State<ControlServer>,
    params: Params,
) -> Result<Json<Page<GatewayKeyView>>, Failure> {
    Ok(Json(control.gateway_keys(params.page()?).await?))
}

/// Make a gateway key; the answer is the only place where its secret is shown
#[utoipa::path(post, path = "/api/v1/gateway-keys", tag = "gateway keys",
    request_body = NewGatewayKey,
    responses(
        (status = 201, body = CreatedGatewayKey),
        (status = 400, body = Problem),
        (status = 401, body = Problem),
        (status = 409, description = "the name is taken, or there are too many",
            body = Problem)))]
pub(super) async fn create(
    State(control): State<ControlServer>,
    params: Params,
    Sent(new): Sent<NewGatewayKey>,
) -> Result<(StatusCode, Json<CreatedGatewayKey>), Failure> {
    params.finish()?;
    let key = control.create_gateway_key(new).await?;
    Ok((StatusCode::CREATED, Json(key)))
}

/// Delete a gateway key; gateways that are connected with it are cut off at once
#[utoipa::path(delete, path = "/api/v1/gateway-keys/{key}", tag = "gateway keys",
    params(("key" = String, Path, description = "name or id of the key")),
    responses(
        (status = 204),
        (status = 401, body = Problem),
        (status = 404, body = Problem)))]
pub(super) async fn remove(
    State(control): State<ControlServer>,
    Named(key): Named<String>,
    params: Params,
) -> Result<StatusCode, Failure> {
    params.finish()?;
    control.delete_gateway_key(&key).await?;
    Ok(StatusCode::NO_CONTENT)
}
