//! Which path is what.

use http::Method;

use crate::dialect::Dialect;

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Answer(Dialect),
    CountTokens,
    Compact,
    Models,
    Hello,
    /// The path is known and the method is not.
    WrongMethod,
    Unknown,
}

impl Route {
    /// The OpenAI paths are served with `/v1` and without, because clients differ in who adds it.
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        let path = path.strip_suffix('/').unwrap_or(path);
        let (route, wanted) = match path {
            "/v1/messages" => (Self::Answer(Dialect::Anthropic), Method::POST),
            "/v1/messages/count_tokens" => (Self::CountTokens, Method::POST),
            "/chat/completions" | "/v1/chat/completions" => {
                (Self::Answer(Dialect::Chat), Method::POST)
            }
            "/responses" | "/v1/responses" => (Self::Answer(Dialect::Responses), Method::POST),
            "/responses/compact" | "/v1/responses/compact" => (Self::Compact, Method::POST),
            "/models" | "/v1/models" => (Self::Models, Method::GET),
            "/api/hello" => (Self::Hello, Method::GET),
            _ => return Self::Unknown,
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
            Self::Models | Self::Hello | Self::WrongMethod | Self::Unknown => {
                match has_anthropic_version || path.contains("/messages") {
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
            assert_eq!(Route::of(&method, path), wanted, "{method} {path}");
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
}
