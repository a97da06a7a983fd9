//! The rules for what operators give: names, addresses, provider keys.

mod provider;
mod tool_server;

use uuid::Uuid;

use crate::error::ControlError;

pub(crate) use provider::{
    MOST_PROVIDER_KEYS, bedrock_change, provider, provider_key, provider_type,
};
pub(crate) use tool_server::{MOST_TOOL_SERVERS, tool_server, user_token};

const NAME: usize = 64;
const TOOL_SERVER_NAME: usize = 32;
/// RFC 5321 allows 256 octets with the angle brackets around.
const EMAIL: usize = 254;
const DISPLAY_NAME: usize = 128;

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

/// Names of its tools begin with it, and those have at most 64 characters.
pub(crate) fn tool_server_name(name: &str) -> Checked {
    ensure(
        name.len() <= TOOL_SERVER_NAME && is_plain_name(name),
        "name",
        "1 to 32 lower-case letters, digits and single hyphens between them",
    )
}

fn plain_name(name: &str) -> Checked {
    ensure(
        name.len() <= NAME && is_plain_name(name),
        "name",
        "1 to 64 lower-case letters, digits and single hyphens between them",
    )
}

fn is_plain_name(name: &str) -> bool {
    let is_part = |part: &str| {
        let mut bytes = part.bytes();
        !part.is_empty() && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    name.split('-').all(is_part)
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
}
