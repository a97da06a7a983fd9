//! The OpenAPI document, made from the handlers and the types they read and write.

use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{
    gateway_keys, interceptions, keys, providers, sessions, tool_servers, user_tokens, users,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "bridged operator API",
        description = "Users, keys, gateways, providers, tool servers and what was recorded."
    ),
    paths(
        users::list,
        users::create,
        users::show,
        users::change,
        users::remove,
        keys::list,
        keys::create,
        keys::show,
        keys::remove,
        gateway_keys::list,
        gateway_keys::create,
        gateway_keys::remove,
        providers::list,
        providers::create,
        providers::show,
        providers::put,
        providers::change,
        providers::remove,
        providers::add_key,
        providers::remove_key,
        tool_servers::list,
        tool_servers::create,
        tool_servers::show,
        tool_servers::change,
        tool_servers::remove,
        user_tokens::list,
        user_tokens::set,
        user_tokens::remove,
        interceptions::list,
        interceptions::show,
        sessions::list,
        sessions::show,
    ),
    modifiers(&AdminToken),
    security(("admin_token" = []))
)]
struct Api;

struct AdminToken;

impl Modify for AdminToken {
    fn modify(&self, document: &mut Document) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("admin_token", SecurityScheme::Http(scheme));
    }
}

/// All routes: these, and those beside them.
pub(super) fn with(beside: Document) -> Document {
    let mut document = Api::openapi();
    document.merge(beside);
    document
}
