//! The operator's REST API, as the command line calls it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bridge_auth::Secret;
use bridge_control::api::{Page, Problem};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::http_client::{self, HttpError};

/// Below this all calls lie.
const BASE_PATH: &str = "/api/v1";

/// How long a call may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many items are asked for at once; the most that the API gives.
const PAGE_ITEMS: usize = 500;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// The address cannot be called.
    #[error("{url:?} cannot be called: {why}")]
    Address {
        /// As it was given.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The token cannot stand in a header.
    #[error("the admin token has characters that cannot stand in a header")]
    Token,
    /// No server is there.
    #[error(
        "no bridged answers at {url}: start one with `bridged serve`, or name it with --admin-url"
    )]
    Absent {
        /// Where one was expected.
        url: String,
        /// Why.
        source: HttpError,
    },
    /// There was no whole answer.
    #[error("no answer to {call}")]
    Unanswered {
        /// Method and path.
        call: String,
        /// Why.
        source: HttpError,
    },
    /// The token was refused.
    #[error(
        "the server at {url} refuses the admin token: name the right one with --admin-token-file \
         or BRIDGED_ADMIN_TOKEN"
    )]
    Unauthorized {
        /// The server.
        url: String,
    },
    /// The server says what is wrong.
    #[error("{0}")]
    Refused(String),
    /// Something else than the operator's API answers there.
    #[error("{call} was answered with status {status}, and not as bridged does")]
    Strange {
        /// Method and path.
        call: String,
        /// The status of the answer.
        status: StatusCode,
        /// What was wrong with the body.
        source: serde_json::Error,
    },
}

/// Calls one server. Each call has a connection of its own.
#[derive(Debug)]
pub(crate) struct OperatorApi {
    url: String,
    address: String,
    authorization: HeaderValue,
}

/// Part of a list, and whether there is more.
#[derive(Debug)]
pub(crate) struct Listed<T> {
    /// The items, in the order of the list.
    pub(crate) items: Vec<T>,
    /// Whether the list goes on.
    pub(crate) has_more: bool,
}

impl OperatorApi {
    /// Prepares calls to the server at `url`.
    ///
    /// # Errors
    /// When the address or the token cannot be used.
    pub(crate) fn try_new(url: &str, token: &Secret) -> Result<Self, ApiError> {
        let url = url.trim_end_matches('/');
        let refused = |why| ApiError::Address {
            url: url.to_owned(),
            why,
        };
        let uri: Uri = url
            .parse()
            .map_err(|_| refused("give one like http://127.0.0.1:4181"))?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => {
                return Err(refused(
                    "https is not spoken here: call it on its own machine, or through a tunnel",
                ));
            }
            Some(_) | None => return Err(refused("give one like http://127.0.0.1:4181")),
        }
        let (Some(host), "" | "/") = (uri.host(), uri.path()) else {
            return Err(refused(
                "give host and port only, as in http://127.0.0.1:4181",
            ));
        };
        let port = uri.port_u16().unwrap_or(80);
        let mut authorization = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
            .map_err(|_| ApiError::Token)?;
        authorization.set_sensitive(true);
        Ok(Self {
            url: url.to_owned(),
            address: format!("{host}:{port}"),
            authorization,
        })
    }

    /// Reads one thing.
    ///
    /// # Errors
    /// When the call fails or is refused.
    pub(crate) async fn fetch<T: DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        self.call(Method::GET, path, Bytes::new()).await
    }

    /// Sends one thing and reads what became of it.
    ///
    /// # Errors
    /// When the call fails or is refused.
    pub(crate) async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        what: &impl Serialize,
    ) -> Result<T, ApiError> {
        let body = serde_json::to_vec(what).map_err(|source| ApiError::Strange {
            call: format!("{method} {path}"),
            status: StatusCode::BAD_REQUEST,
            source,
        })?;
        self.call(method, path, Bytes::from(body)).await
    }

    /// Deletes one thing.
    ///
    /// # Errors
    /// When the call fails or is refused.
    pub(crate) async fn delete(&self, path: &str) -> Result<(), ApiError> {
        self.answer(Method::DELETE, path, Bytes::new()).await?;
        Ok(())
    }

    /// Reads the first `most` items of a list, page by page.
    ///
    /// # Errors
    /// When a call fails or is refused.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        filters: &[(&str, &str)],
        most: usize,
    ) -> Result<Listed<T>, ApiError> {
        let mut items = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let limit = (most - items.len()).min(PAGE_ITEMS).to_string();
            let mut query = vec![("limit", limit.as_str())];
            query.extend_from_slice(filters);
            query.extend(after.as_deref().map(|after| ("after", after)));
            let page: Page<T> = self
                .fetch(&format!("{path}{}", self::query(&query)))
                .await?;
            let came = page.items.len();
            items.extend(page.items);
            items.truncate(most);
            let has_more = page.next.is_some();
            // An empty page with a cursor would go on for ever.
            if !has_more || items.len() >= most || came == 0 {
                return Ok(Listed { items, has_more });
            }
            after = page.next;
        }
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<T, ApiError> {
        let call = format!("{method} {path}");
        let answer = self.answer(method, path, body).await?;
        let status = answer.status();
        serde_json::from_slice(answer.body()).map_err(|source| ApiError::Strange {
            call,
            status,
            source,
        })
    }

    async fn answer(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Response<Bytes>, ApiError> {
        let call = format!("{method} {path}");
        let request = self.request(method, path, body)?;
        let answer = http_client::converse(&self.address, request, PATIENCE)
            .await
            .map_err(|cause| self.unanswered(call.clone(), cause))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        Err(self.refusal(call, &answer))
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, ApiError> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{BASE_PATH}{path}"))
            .header(AUTHORIZATION, self.authorization.clone());
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        request
            .body(Full::new(body))
            .map_err(|_| ApiError::Address {
                url: format!("{}{BASE_PATH}{path}", self.url),
                why: "it is no URL",
            })
    }

    fn unanswered(&self, call: String, source: HttpError) -> ApiError {
        match source {
            HttpError::Connect { .. } => ApiError::Absent {
                url: self.url.clone(),
                source,
            },
            HttpError::Timeout { .. } | HttpError::Broken { .. } => {
                ApiError::Unanswered { call, source }
            }
        }
    }

    fn refusal(&self, call: String, answer: &Response<Bytes>) -> ApiError {
        let status = answer.status();
        if status == StatusCode::UNAUTHORIZED {
            return ApiError::Unauthorized {
                url: self.url.clone(),
            };
        }
        match serde_json::from_slice::<Problem>(answer.body()) {
            Ok(problem) => ApiError::Refused(told(problem)),
            Err(source) => ApiError::Strange {
                call,
                status,
                source,
            },
        }
    }
}

fn told(problem: Problem) -> String {
    let detail = problem.error;
    match detail.field {
        Some(field) if !detail.message.contains(field.as_str()) => {
            format!("{field}: {}", detail.message)
        }
        Some(_) | None => detail.message,
    }
}

/// Where a server of this machine answers that listens on `address`.
pub(crate) fn url_of(address: SocketAddr) -> String {
    let reachable = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from(Ipv6Addr::LOCALHOST),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    format!("http://{}", SocketAddr::new(reachable, address.port()))
}

/// A path of these segments, whatever is in them.
pub(crate) fn path(segments: &[&str]) -> String {
    let segments = segments
        .iter()
        .map(|segment| format!("/{}", encode(segment)));
    segments.collect()
}

fn query(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs.iter().enumerate().map(|(index, (name, value))| {
        let mark = if index == 0 { '?' } else { '&' };
        format!("{mark}{name}={}", encode(value))
    });
    pairs.collect()
}

/// Percent-encodes all but the unreserved characters of RFC 3986, section 2.3.
fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests;
