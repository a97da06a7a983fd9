//! Who is an operator: whoever presents the admin token.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use bridge_auth::Secret;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue};

use super::problem::Failure;

/// Lets a request with the admin token pass, and nothing of any other.
pub(super) async fn admit(
    State(admin_token): State<Secret>,
    request: Request,
    next: Next,
) -> Response {
    let presented = token(request.headers());
    if presented.is_some_and(|token| token == admin_token) {
        return next.run(request).await;
    }
    let mut response = Failure::unauthorized().into_response();
    let scheme = HeaderValue::from_static("Bearer");
    response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
    response
}

/// The token of the only `Authorization` header, if it is a bearer token and not empty. An empty
/// admin token therefore lets nobody in.
fn token(headers: &HeaderMap) -> Option<Secret> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let is_token = scheme.eq_ignore_ascii_case("bearer") && !token.is_empty();
    is_token.then(|| Secret::new(token.to_owned()))
}
