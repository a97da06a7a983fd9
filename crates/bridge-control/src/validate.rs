//! The rules for what operators give: names, addresses, provider keys.

use std::collections::HashSet;

use url::Url;
use uuid::Uuid;

use crate::api::{ProviderType, SecretText};
use crate::error::ControlError;

/// Keys that a provider may have.
pub(crate) const MOST_PROVIDER_KEYS: usize = 5;

const NAME: usize = 64;
/// RFC 5321 allows 256 octets with the angle brackets around.
const EMAIL: usize = 254;
const DISPLAY_NAME: usize = 128;
const BASE_URL: usize = 2_048;
const PROVIDER_KEY: usize = 4_096;

type Checked<T = ()> = Result<T, ControlError>;

fn ensure(holds: bool, field: &'static str, rule: &str) -> Checked {
    if holds {
        Ok(())
    } else {
        Err(ControlError::invalid(field, rule))
    }
}

/// A login name can never be taken for an id.
pub(crate) fn username(name: &str) -> Checked {
    let field = "username";
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-@+".contains(c);
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    ensure(
        begins_well && name.len() <= NAME && name.chars().all(allowed),
        field,
        "1 to 64 letters, digits and . _ - @ +, the first one a letter or digit",
    )?;
    ensure(
        Uuid::try_parse(name).is_err(),
        field,
        "must not have the form of an id",
    )
}

/// Addresses are only shown: anything with an @ inside is taken.
pub(crate) fn email(address: &str) -> Checked {
    let halves = address.split_once('@');
    let has_halves = halves.is_some_and(|(left, right)| !left.is_empty() && !right.is_empty());
    let is_plain = !address.chars().any(|c| c.is_whitespace() || c.is_control());
    ensure(
        has_halves && is_plain && address.len() <= EMAIL,
        "email",
        "must be an address of at most 254 characters",
    )
}

pub(crate) fn display_name(name: &str, most: Option<usize>) -> Checked {
    let most = most.unwrap_or(DISPLAY_NAME);
    let is_plain = !name.chars().any(char::is_control);
    let length = name.chars().count();
    let is_blank = name.trim().is_empty();
    ensure(
        is_plain && !is_blank && length <= most,
        "name",
        &format!("1 to {most} characters, no control characters"),
    )
}

/// The name of a key says what it is for.
pub(crate) fn key_name(name: &str) -> Checked {
    display_name(name, Some(NAME))
}

/// It is the first segment of a path.
pub(crate) fn provider_name(name: &str) -> Checked {
    plain_name(name)
}

/// It is the last segment of a path.
pub(crate) fn gateway_key_name(name: &str) -> Checked {
    plain_name(name)
}

fn plain_name(name: &str) -> Checked {
    let is_part = |part: &str| {
        let mut bytes = part.bytes();
        !part.is_empty() && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    ensure(
        name.len() <= NAME && name.split('-').all(is_part),
        "name",
        "1 to 64 lower-case letters, digits and single hyphens between them",
    )
}

pub(crate) fn provider_type(name: &str) -> Checked<ProviderType> {
    ProviderType::from_name(name).ok_or_else(|| {
        let known = ProviderType::ALL.map(ProviderType::as_str).join(", ");
        ControlError::invalid("type", format!("must be one of {known}"))
    })
}

pub(crate) fn base_url(text: &str) -> Checked {
    let field = "base_url";
    ensure(text.len() <= BASE_URL, field, "at most 2,048 characters")?;
    let url = Url::parse(text).ok();
    let is_web = url.as_ref().is_some_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && !text.contains(char::is_whitespace)
    });
    ensure(is_web, field, "must be an absolute http or https address")?;
    let is_bare = url.is_some_and(|url| {
        let has_user = !url.username().is_empty() || url.password().is_some();
        !has_user && url.query().is_none() && url.fragment().is_none()
    });
    ensure(
        is_bare,
        field,
        "must have no query, fragment or user information",
    )
}

/// Copilot takes no key of the operator: each caller brings a token of their own.
pub(crate) fn provider_keys(kind: ProviderType, keys: &[SecretText]) -> Checked {
    let field = "keys";
    let takes_keys = kind.takes_keys() || keys.is_empty();
    ensure(takes_keys, field, "this type of provider takes no keys")?;
    ensure(keys.len() <= MOST_PROVIDER_KEYS, field, "at most 5 keys")?;
    for key in keys {
        provider_key(field, key)?;
    }
    let different: HashSet<_> = keys.iter().map(SecretText::expose).collect();
    ensure(different.len() == keys.len(), field, "a key is given twice")
}

/// A key is sent in a header: visible ASCII only.
pub(crate) fn provider_key(field: &'static str, key: &SecretText) -> Checked {
    let text = key.expose();
    let is_visible = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    ensure(
        is_visible && text.len() <= PROVIDER_KEY,
        field,
        "a key is 1 to 4,096 visible ASCII characters without white space",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: impl Fn(&str) -> Checked, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(rule(text).is_ok(), "{text:?} is refused");
        }
        for text in bad {
            assert!(rule(text).is_err(), "{text:?} is taken");
        }
    }

    #[test]
    fn usernames() {
        let long = "a".repeat(65);
        check(
            username,
            &["a", "Bob", "jo.e+x@example.com", "0-0_0"],
            &[
                "",
                " ",
                "-a",
                "é",
                "a b",
                "a/b",
                &long,
                "00000000-0000-0000-0000-000000000000",
            ],
        );
    }

    #[test]
    fn emails() {
        let long = format!("{}@b", "a".repeat(254));
        check(
            email,
            &["a@b", "é@x.y"],
            &["", "@", "a@", "@b", "a b@c", "a@b\n", &long],
        );
    }

    #[test]
    fn provider_names() {
        let long = "a".repeat(65);
        check(
            provider_name,
            &["openai", "a-1-b", "0"],
            &["", "-", "a--b", "-a", "a-", "A", "a_b", "a/b", "é", &long],
        );
    }

    #[test]
    fn base_urls() {
        let long = format!("https://a/{}", "b".repeat(2_048));
        check(
            base_url,
            &["https://api.example.com/v1/", "http://127.0.0.1:8080"],
            &[
                "",
                "api.example.com",
                "/v1",
                "ftp://a",
                "https://",
                "https://a?b",
                "https://a#b",
                "https://u@a",
                "https://u:p@a",
                "https://a b",
                "data:text/plain,a",
                &long,
            ],
        );
    }

    #[test]
    fn provider_key_lists() {
        let keys = |texts: &[&str]| -> Vec<SecretText> {
            texts
                .iter()
                .map(|text| SecretText::new((*text).to_owned()))
                .collect()
        };
        let check = |kind, texts: &[&str], is_good| {
            assert_eq!(
                provider_keys(kind, &keys(texts)).is_ok(),
                is_good,
                "{texts:?}"
            );
        };
        check(ProviderType::OpenAi, &[], true);
        check(ProviderType::OpenAi, &["a", "b", "c", "d", "e"], true);
        check(ProviderType::OpenAi, &["a", "b", "c", "d", "e", "f"], false);
        check(ProviderType::OpenAi, &["a", "a"], false);
        check(ProviderType::OpenAi, &[""], false);
        check(ProviderType::OpenAi, &["a b"], false);
        check(ProviderType::OpenAi, &["a\n"], false);
        check(ProviderType::Copilot, &["a"], false);
        check(ProviderType::Copilot, &[], true);
    }
}
