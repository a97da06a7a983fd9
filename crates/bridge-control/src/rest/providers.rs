//! `/providers`

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use uuid::Uuid;

use super::problem::Failure;
use super::read::{Named, Paging, Params, Sent};
use crate::api::{
    NewProviderKey, Page, Problem, ProviderKeyView, ProviderPatch, ProviderSpec, ProviderView,
};
use crate::control::ControlServer;

/// Providers by name, their keys masked
#[utoipa::path(get, path = "/api/v1/providers", tag = "providers",
    params(Paging),
    responses(
        (status = 200, body = Page<ProviderView>),
        (status = 400, body = Problem),
        (status = 401, body = Problem)))]
pub(super) async fn list(
    State(control): State<ControlServer>,
    params: Params,
) -> Result<Json<Page<ProviderView>>, Failure> {
    Ok(Json(control.providers(params.page()?).await?))
}

/// One provider, its keys masked
#[utoipa::path(get, path = "/api/v1/providers/{name}", tag = "providers",
    params(("name" = String, Path, description = "name or id of the provider")),
    responses(
        (status = 200, body = ProviderView),
        (status = 401, body = Problem),
        (status = 404, body = Problem)))]
pub(super) async fn show(
    State(control): State<ControlServer>,
    Named(name): Named<String>,
    params: Params,
) -> Result<Json<ProviderView>, Failure> {
    params.finish()?;
    Ok(Json(control.provider(&name).await?))
}

/// Make a provider; gateways learn of it at once
#[utoipa::path(post, path = "/api/v1/providers", tag = "providers",
    request_body = ProviderSpec,
    responses(
        (status = 201, body = ProviderView),
        (status = 400, body = Problem),
        (status = 401, body = Problem),
        (status = 409, description = "the name is taken", body = Problem)))]
pub(super) async fn create(
    State(control): State<ControlServer>,
    params: Params,
    Sent(spec): Sent<ProviderSpec>,
) -> Result<(StatusCode, Json<ProviderView>), Failure> {
    params.finish()?;
    let made = control.create_provider(spec).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Change what is given of a provider, the rest stays; gateways learn of it at once
#[utoipa::path(patch, path = "/api/v1/providers/{name}", tag = "providers",
    request_body = ProviderPatch,
    params(("name" = String, Path, description = "name or id of the provider")),
    responses(
        (status = 200, body = ProviderView),
        (status = 400, body = Problem),
        (status = 401, body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "the new name is taken", body = Problem)))]
pub(super) async fn change(
    State(control): State<ControlServer>,
    Named(name): Named<String>,
    params: Params,
    Sent(patch): Sent<ProviderPatch>,
) -> Result<Json<ProviderView>, Failure> {
    params.finish()?;
    Ok(Json(control.change_provider(&name, patch).await?))
}

/// Make a provider, or make it what is given; gateways learn of it at once
#[utoipa::path(put, path = "/api/v1/providers/{name}", tag = "providers",
    request_body = ProviderSpec,
    params(("name" = String, Path, description = "name of the provider")),
    responses(
        (status = 200, description = "changed", body = ProviderView),
        (status = 201, description = "made", body = ProviderView),
        (status = 400, body = Problem),
        (status = 401, body = Problem)))]
pub(super) async fn put(
    State(control): State<ControlServer>,
    Named(name): Named<String>,
    params: Params,
    Sent(spec): Sent<ProviderSpec>,
) -> Result<(StatusCode, Json<ProviderView>), Failure> {
    params.finish()?;
    let put = control.put_provider(&name, spec).await?;
    let status = if put.is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(put.provider)))
}

/// Delete a provider and its keys
#[utoipa::path(delete, path = "/api/v1/providers/{name}", tag = "providers",
    params(("name" = String, Path, description = "name of the provider")),
    responses(
        (status = 204),
        (status = 401, body = Problem),
        (status = 404, body = Problem)))]
pub(super) async fn remove(
    State(control): State<ControlServer>,
    Named(name): Named<String>,
    params: Params,
) -> Result<StatusCode, Failure> {
    params.finish()?;
    control.delete_provider(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Add a key behind those the provider has
#[utoipa::path(post, path = "/api/v1/providers/{name}/keys", tag = "providers",
    request_body = NewProviderKey,
    params(("name" = String, Path, description = "name of the provider")),
    responses(
        (status = 201, body = ProviderKeyView),
        (status = 400, body = Problem),
        (status = 401, body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "the provider has it already, or as many as it may",
            body = Problem)))]
pub(super) async fn add_key(
    State(control): State<ControlServer>,
    Named(name): Named<String>,
    params: Params,
    Sent(new): Sent<NewProviderKey>,
) -> Result<(StatusCode, Json<ProviderKeyView>), Failure> {
    params.finish()?;
    let key = control.add_provider_key(&name, new).await?;
    Ok((StatusCode::CREATED, Json(key)))
}

/// Take a provider's key away
#[utoipa::path(delete, path = "/api/v1/providers/{name}/keys/{id}", tag = "providers",
    params(
        ("name" = String, Path, description = "name of the provider"),
        ("id" = String, Path, description = "id of the key")),
    responses(
        (status = 204),
        (status = 400, body = Problem),
        (status = 401, body = Problem),
        (status = 404, body = Problem)))]
pub(super) async fn remove_key(
    State(control): State<ControlServer>,
    Named((name, id)): Named<(String, String)>,
    params: Params,
) -> Result<StatusCode, Failure> {
    params.finish()?;
    let id = Uuid::try_parse(&id);
    let id = id.map_err(|_| Failure::invalid("id: must be a UUID").about("id"))?;
    control.delete_provider_key(&name, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
