//! Which path is what.

use std::borrow::Cow;

use http::Method;

use crate::dialect::Dialect;
use crate::face::Face;

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Answer(Dialect),
    CountTokens,
    Compact,
    Models,
    Hello,
    Ping,
    /// The path is known and the method is not.
    WrongMethod,
    Unknown,
}

/// Where a path leads.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target<'p> {
    pub(crate) face: Face,
    pub(crate) route: Route,
    pub(crate) named: Named<'p>,
}

/// What a path says that elsewhere stands in the body.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Named<'p> {
    pub(crate) model: Option<Cow<'p, str>>,
    pub(crate) wants_stream: Option<bool>,
}

impl<'p> Target<'p> {
    pub(crate) fn of(method: &Method, path: &'p str) -> Self {
        let (face, path) = Face::of(path);
        let (path, named) = match face {
            Face::Bedrock => invoke(path),
            Face::Azure => azure(path),
            Face::Plain | Face::Mantle | Face::Copilot | Face::Google | Face::OpenRouter => {
                (path, Named::default())
            }
        };
        let route = Route::of(face, method, path);
        Self { face, route, named }
    }
}

/// `/model/MODEL/invoke` becomes what it stands for.
fn invoke(path: &str) -> (&str, Named<'_>) {
    let rest = path.strip_prefix("/model/").unwrap_or_default();
    let Some((model, deed)) = rest.split_once('/') else {
        return (path, Named::default());
    };
    let wants_stream = match deed {
        "invoke" => false,
        "invoke-with-response-stream" => true,
        _ => return (path, Named::default()),
    };
    let named = Named {
        model: Some(decoded(model)),
        wants_stream: Some(wants_stream),
    };
    ("/v1/messages", named)
}

/// Azure's paths: `/v1/...`, and the older `/deployments/NAME/chat/completions`.
fn azure(path: &str) -> (&str, Named<'_>) {
    const CHAT: &str = "/chat/completions";
    if let Some(rest) = path.strip_prefix("/v1") {
        return (rest, Named::default());
    }
    let name = path.strip_prefix("/deployments/");
    let name = name.and_then(|name| name.strip_suffix(CHAT));
    match name.filter(|name| !name.is_empty() && !name.contains('/')) {
        None => ("/", Named::default()),
        Some(name) => {
            let named = Named {
                model: Some(decoded(name)),
                wants_stream: None,
            };
            (CHAT, named)
        }
    }
}

/// A path segment without its percent encoding. What is no encoding stays.
fn decoded(segment: &str) -> Cow<'_, str> {
    if !segment.contains('%') {
        return Cow::Borrowed(segment);
    }
    let mut pieces = segment.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let code = piece
            .get(..2)
            .and_then(|code| u8::from_str_radix(code, 16).ok());
        match code {
            Some(code) => {
                bytes.push(code);
                bytes.extend(piece.bytes().skip(2));
            }
            None => {
                bytes.push(b'%');
                bytes.extend(piece.bytes());
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

impl Route {
    /// The OpenAI paths of the plain face are served with `/v1` and without, because clients differ
    /// in who adds it.
    fn of(face: Face, method: &Method, path: &str) -> Self {
        let path = path.strip_suffix('/').unwrap_or(path);
        let is_plain = face == Face::Plain;
        let has_messages = matches!(
            face,
            Face::Plain | Face::Bedrock | Face::Mantle | Face::Copilot
        );
        let has_openai = !matches!(face, Face::Bedrock | Face::Mantle);
        let (route, wanted) = match path {
            "/v1/messages" if has_messages => (Self::Answer(Dialect::Anthropic), Method::POST),
            "/v1/messages/count_tokens" if has_messages => (Self::CountTokens, Method::POST),
            "/v1/models" if is_plain => (Self::Models, Method::GET),
            "/api/hello" if is_plain => (Self::Hello, Method::GET),
            "/_ping" if face == Face::Copilot => (Self::Ping, Method::GET),
            _ if !has_openai => return Self::Unknown,
            _ => match path
                .strip_prefix("/v1")
                .filter(|_| is_plain)
                .unwrap_or(path)
            {
                "/chat/completions" => (Self::Answer(Dialect::Chat), Method::POST),
                "/responses" => (Self::Answer(Dialect::Responses), Method::POST),
                "/responses/compact" => (Self::Compact, Method::POST),
                "/models" => (Self::Models, Method::GET),
                _ => return Self::Unknown,
            },
        };
        let is_right = *method == wanted || (*method == Method::HEAD && wanted == Method::GET);
        if is_right { route } else { Self::WrongMethod }
    }

    /// In whose shape errors are told. `/v1/models` is served by both: Anthropic's clients are
    /// known by their version header.
    pub(crate) fn dialect(self, path: &str, has_anthropic_version: bool) -> Dialect {
        match self {
            Self::Answer(dialect) => dialect,
            Self::CountTokens => Dialect::Anthropic,
            Self::Compact => Dialect::Responses,
            Self::Models | Self::Hello | Self::Ping | Self::WrongMethod | Self::Unknown => {
                let is_anthropic = has_anthropic_version || path.contains("/messages");
                match is_anthropic {
                    true => Dialect::Anthropic,
                    false => Dialect::Chat,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_known() {
        let check = |method: Method, path: &str, wanted: Route| {
            assert_eq!(Target::of(&method, path).route, wanted, "{method} {path}");
        };
        check(
            Method::POST,
            "/v1/messages",
            Route::Answer(Dialect::Anthropic),
        );
        check(Method::GET, "/v1/messages", Route::WrongMethod);
        check(
            Method::POST,
            "/v1/messages/count_tokens",
            Route::CountTokens,
        );
        check(
            Method::POST,
            "/chat/completions",
            Route::Answer(Dialect::Chat),
        );
        check(
            Method::POST,
            "/v1/chat/completions",
            Route::Answer(Dialect::Chat),
        );
        check(
            Method::POST,
            "/responses/",
            Route::Answer(Dialect::Responses),
        );
        check(Method::POST, "/v1/responses/compact", Route::Compact);
        check(Method::GET, "/models", Route::Models);
        check(Method::HEAD, "/api/hello", Route::Hello);
        check(Method::GET, "/v2/messages", Route::Unknown);
    }
    #[test]
    fn each_face_has_its_own_paths() {
        let check = |path: &str, wanted: Route| {
            let post = Target::of(&Method::POST, path).route;
            let get = Target::of(&Method::GET, path).route;
            let got = if post == Route::WrongMethod {
                get
            } else {
                post
            };
            assert_eq!(got, wanted, "{path}");
        };
        check("/copilot/chat/completions", Route::Answer(Dialect::Chat));
        check("/copilot/v1/chat/completions", Route::Unknown);
        check("/copilot/v1/messages", Route::Answer(Dialect::Anthropic));
        check("/copilot/_ping", Route::Ping);
        check("/copilot/models", Route::Models);
        check("/_ping", Route::Unknown);
        check("/openai/v1/chat/completions", Route::Answer(Dialect::Chat));
        check("/openai/v1/v1/chat/completions", Route::Unknown);
        check(
            "/openai/deployments/gpt/chat/completions",
            Route::Answer(Dialect::Chat),
        );
        check("/openai/deployments/a/b/chat/completions", Route::Unknown);
        check("/v1beta/openai/models", Route::Models);
        check("/api/v1/responses", Route::Answer(Dialect::Responses));
        check("/api/v1/v1/messages", Route::Unknown);
        check("/anthropic/v1/messages", Route::Answer(Dialect::Anthropic));
        check("/anthropic/v1/responses", Route::Unknown);
        check("/model/m/converse", Route::Unknown);
        check("/model/m", Route::Unknown);
    }

    #[test]
    fn paths_may_name_model_and_mode() {
        let check = |path: &str, model: Option<&str>, wants_stream: Option<bool>| {
            let named = Target::of(&Method::POST, path).named;
            assert_eq!(named.model.as_deref(), model, "{path}");
            assert_eq!(named.wants_stream, wants_stream, "{path}");
        };
        check("/model/a.b-v1%3A0/invoke", Some("a.b-v1:0"), Some(false));
        let stream = "/model/a.b-v1:0/invoke-with-response-stream";
        check(stream, Some("a.b-v1:0"), Some(true));
        check(
            "/model/arn%3Aaws%2Fx%/invoke",
            Some("arn:aws/x%"),
            Some(false),
        );
        check(
            "/openai/deployments/gpt/chat/completions",
            Some("gpt"),
            None,
        );
        check("/v1/messages", None, None);
    }
}
