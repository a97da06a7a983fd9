//! The manners of presenting a credential, and what was found of them.

use std::str;

use http::HeaderValue;

use crate::Secret;

/// One manner of presenting a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// In the header of its own that own-key mode uses.
    OwnKeyToken,
    /// As a bearer token in `Authorization` (RFC 6750, section 2.1).
    Bearer,
    /// In `X-Api-Key`, where tools with a setting for a provider's key put it.
    ApiKey,
}

impl Scheme {
    /// `own_key_token`, `bearer` or `api_key`, for logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OwnKeyToken => "own_key_token",
            Self::Bearer => "bearer",
            Self::ApiKey => "api_key",
        }
    }
}

/// A credential that was presented, and where it stood. Nothing is known of its worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    secret: Secret,
    scheme: Scheme,
}

impl Credential {
    pub(crate) fn new(secret: Secret, scheme: Scheme) -> Self {
        Self { secret, scheme }
    }

    /// The credential itself, trimmed and never empty.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Where it stood.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }
}

/// What was found where credentials stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing, or blanks.
    Absent,
    /// A credential.
    Found(Credential),
    /// Something, but no credential: another scheme than bearer, no token or more than one, or
    /// bytes that are no text.
    Malformed,
}

/// What one header value holds.
#[derive(Clone, Copy)]
pub(crate) enum Reading<'a> {
    Blank,
    Text(&'a str),
    Malformed,
}

impl<'a> Reading<'a> {
    /// The whole value, trimmed. White space is what Unicode says it is.
    pub(crate) fn whole(value: Option<&'a HeaderValue>) -> Self {
        let Some(value) = value else {
            return Self::Blank;
        };
        match str::from_utf8(value.as_bytes()).map(str::trim) {
            Ok("") => Self::Blank,
            Ok(text) => Self::Text(text),
            Err(_) => Self::Malformed,
        }
    }

    /// The token of a bearer value: exactly two words, the first of them `Bearer` in any case.
    pub(crate) fn bearer(value: Option<&'a HeaderValue>) -> Self {
        let text = match Self::whole(value) {
            Self::Text(text) => text,
            other @ (Self::Blank | Self::Malformed) => return other,
        };
        let mut words = text.split_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some(scheme), Some(token), None) if scheme.eq_ignore_ascii_case("bearer") => {
                Self::Text(token)
            }
            _ => Self::Malformed,
        }
    }

    pub(crate) fn text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Blank | Self::Malformed => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &[u8], token: Option<&str>) {
        let value = HeaderValue::from_bytes(value).unwrap();
        assert_eq!(Reading::bearer(Some(&value)).text(), token, "{value:?}");
    }

    #[test]
    fn a_bearer_value_is_two_words() {
        check(b"Bearer token", Some("token"));
        check(b"bearer token", Some("token"));
        check(b"BEARer token", Some("token"));
        check(b"  Bearer token", Some("token"));
        check(b"Bearer token \t", Some("token"));
        check(b"Bearer \t token", Some("token"));
        check("Bearer\u{a0}token".as_bytes(), Some("token"));
        check("Bearer tökén".as_bytes(), Some("tökén"));
        check(b"", None);
        check(b" \t", None);
        check(b"bearer", None);
        check(b"Bearer ", None);
        check(b"token", None);
        check(b"Bearer a b", None);
        check(b"Basic token", None);
        check(b"Bearertoken", None);
        check(b"Bearer: token", None);
        check(b"Bearer \xff", None);
    }

    #[test]
    fn a_blank_value_is_not_a_malformed_one() {
        let blank = HeaderValue::from_static(" \t");
        assert!(matches!(Reading::bearer(Some(&blank)), Reading::Blank));
        assert!(matches!(Reading::whole(Some(&blank)), Reading::Blank));
        assert!(matches!(Reading::whole(None), Reading::Blank));
        let other = HeaderValue::from_static("Basic token");
        assert!(matches!(Reading::bearer(Some(&other)), Reading::Malformed));
    }
}
