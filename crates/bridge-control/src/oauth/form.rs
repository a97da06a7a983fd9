//! What is asked of an authorization server.

use data_encoding::BASE64;
use url::form_urlencoded::{Serializer, byte_serialize};
use zeroize::Zeroizing;

use super::Client;
use crate::api::{ClientAuth, SecretText};

/// A request's secrets: its `authorization` header if it has one, and its body.
pub(super) struct Request {
    pub(super) authorization: Option<Zeroizing<String>>,
    pub(super) body: Zeroizing<String>,
}

/// A client without a secret is named in the body (RFC 6749, section 3.2.1); one with a secret is not
/// named twice.
pub(super) fn request(client: &Client, refresh_token: &SecretText) -> Request {
    let oauth = &client.oauth;
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "refresh_token");
    form.append_pair("refresh_token", refresh_token.expose());
    if !oauth.scopes.is_empty() {
        form.append_pair("scope", &oauth.scopes.join(" "));
    }
    let authorization = match (&client.client_secret, oauth.client_auth) {
        (None, ClientAuth::Basic | ClientAuth::Post) => {
            form.append_pair("client_id", &oauth.client_id);
            None
        }
        (Some(secret), ClientAuth::Post) => {
            form.append_pair("client_id", &oauth.client_id);
            form.append_pair("client_secret", secret.expose());
            None
        }
        (Some(secret), ClientAuth::Basic) => Some(basic(&oauth.client_id, secret)),
    };
    Request {
        authorization,
        body: Zeroizing::new(form.finish()),
    }
}

/// Both halves are encoded as in a form before they are joined (RFC 6749, section 2.3.1).
fn basic(client_id: &str, secret: &SecretText) -> Zeroizing<String> {
    let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let secret = Zeroizing::new(encoded(secret.expose()));
    let pair = Zeroizing::new(format!("{}:{}", encoded(client_id), secret.as_str()));
    Zeroizing::new(format!("Basic {}", BASE64.encode(pair.as_bytes())))
}

#[cfg(test)]
mod tests;
