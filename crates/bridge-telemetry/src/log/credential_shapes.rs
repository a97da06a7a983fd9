//! What a credential looks like inside of a text, whoever wrote it.
//!
//! The shapes are those that the issuers document, or that have stayed the same for years. Some
//! credentials have none, for example a word of letters and digits; those are kept out of lines by
//! not logging them, and by the names of keys.

use std::borrow::Cow;

/// What stands in place of a credential.
pub(super) const WITHHELD: &str = "(withheld)";

/// How credentials of well-known issuers begin, and how many characters must follow at least, so
/// that neither a word of prose nor a masked hint is taken for one.
const BEGINNINGS: [(&str, usize); 17] = [
    ("sk-", 16),
    ("sk_", 16),
    ("rk_", 16),
    ("ghp_", 16),
    ("gho_", 16),
    ("ghu_", 16),
    ("ghs_", 16),
    ("ghr_", 16),
    ("github_pat_", 16),
    ("glpat-", 16),
    ("xoxb-", 16),
    ("xoxp-", 16),
    ("AIza", 30),
    ("AKIA", 16),
    ("ASIA", 16),
    ("ya29.", 16),
    ("hf_", 16),
];

/// Words behind which a credential stands, in lower case. What follows is taken out when it is at
/// least as long as [`SHORTEST`].
const INTRODUCTIONS: [&str; 2] = ["bearer", "basic"];

/// Names of parameters whose values are credentials, in lower case.
const PARAMETERS: [&str; 24] = [
    "key",
    "api_key",
    "api-key",
    "apikey",
    "access_token",
    "token",
    "secret",
    "client_secret",
    "password",
    "passwd",
    "x-api-key",
    "x-goog-api-key",
    "session_token",
    "aws_session_token",
    "refresh_token",
    "id_token",
    "secret_key",
    "secret_access_key",
    "aws_secret_access_key",
    "sig",
    "signature",
    "x-amz-signature",
    "x-amz-security-token",
    "x-amz-credential",
];

/// Shorter words behind an introduction or in a parameter are left: they are prose.
const SHORTEST: usize = 8;

/// The text without what looks like a credential; borrowed when nothing does.
pub(super) fn without_credentials(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut kept = 0;
    let mut before: Option<Word<'_>> = None;
    for word in words(text) {
        let is_introduced = before.is_some_and(|before| introduces(text, before, word));
        let is_password = before.is_some_and(|before| is_password(text, before, word));
        let is_introduced = is_introduced && word.text.len() >= SHORTEST;
        if is_credential(word.text) || is_introduced || is_password {
            out.push_str(text.get(kept..word.at).unwrap_or_default());
            out.push_str(WITHHELD);
            kept = word.at + word.text.len();
        }
        before = Some(word);
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(text.get(kept..).unwrap_or_default());
    Cow::Owned(out)
}

/// A run of characters that credentials are made of.
#[derive(Debug, Clone, Copy)]
struct Word<'t> {
    at: usize,
    text: &'t str,
}

fn words(text: &str) -> impl Iterator<Item = Word<'_>> {
    let mut at = 0;
    text.split(|c: char| !is_of_word(c))
        .filter_map(move |word| {
            let start = at;
            // One separator may have several bytes.
            let behind = start + word.len();
            at = behind + text.get(behind..)?.chars().next().map_or(0, char::len_utf8);
            (!word.is_empty()).then_some(Word {
                at: start,
                text: word,
            })
        })
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '+' | '~' | '%')
}

fn is_credential(word: &str) -> bool {
    let begins = |(beginning, least): &(&str, usize)| {
        let rest = word.strip_prefix(beginning);
        rest.is_some_and(|rest| leading(rest) >= *least)
    };
    BEGINNINGS.iter().any(begins) || is_signed_token(word)
}

/// How many characters of a key there are before the first other one.
fn leading(text: &str) -> usize {
    let is_other = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    text.find(is_other).unwrap_or(text.len())
}

/// A JSON web token: three parts, of which the first two are objects in base64.
fn is_signed_token(word: &str) -> bool {
    let mut parts = word.split('.');
    let is_object = |part: Option<&str>| part.is_some_and(|part| part.starts_with("eyJ"));
    is_object(parts.next()) && is_object(parts.next()) && parts.next().is_some()
}

/// Whether `before` says that `word` is a credential: `Bearer x`, `key=x`, `token: x`.
fn introduces(text: &str, before: Word<'_>, word: Word<'_>) -> bool {
    let between = text.get(before.at + before.text.len()..word.at);
    let is = |known: &[&str]| {
        known
            .iter()
            .any(|one| before.text.eq_ignore_ascii_case(one))
    };
    match between.map(str::trim) {
        Some("") => is(&INTRODUCTIONS),
        Some("=" | ":" | "=\"" | ":\"" | "\":\"" | "\": \"") => is(&PARAMETERS),
        Some(_) | None => false,
    }
}

/// Whether they are user name and password in an address: `http://user:password@host`.
fn is_password(text: &str, before: Word<'_>, word: Word<'_>) -> bool {
    let (user_ends, ends) = (before.at + before.text.len(), word.at + word.text.len());
    // The slashes are characters of a word.
    before.text.starts_with("//")
        && text.get(user_ends..word.at) == Some(":")
        && text.get(ends..).is_some_and(|rest| rest.starts_with('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, wanted: &str) {
        assert_eq!(without_credentials(text), wanted, "{text}");
    }

    #[test]
    fn credentials_are_taken_out_of_texts() {
        let key = format!("sk-{}", "ant-api03-abcdefghijkl");
        check(&format!("key {key} refused"), "key (withheld) refused");
        check(&format!("{key},{key}"), "(withheld),(withheld)");
        check(&format!("\u{e9}{key}\u{e9}"), "\u{e9}(withheld)\u{e9}");
        check("Bearer abcdefgh-ijkl", "Bearer (withheld)");
        check(
            "authorization: basic dXNlcjpwYXNz",
            "authorization: basic (withheld)",
        );
        check(
            "GET /v1/models?key=abcdefgh12&alt=sse",
            "GET /v1/models?key=(withheld)&alt=sse",
        );
        check(
            "{\"api_key\":\"abcdefgh12\"}",
            "{\"api_key\":\"(withheld)\"}",
        );
        for name in [
            "x-api-key",
            "session_token",
            "refresh_token",
            "id_token",
            "secret_access_key",
            "aws_secret_access_key",
            "passwd",
            "X-Goog-Api-Key",
        ] {
            check(
                &format!("{name}: abcdefgh12"),
                &format!("{name}: (withheld)"),
            );
        }
        check(
            "proxy http://ada:abcdefgh12@proxy:3128 is silent",
            "proxy http://ada:(withheld)@proxy:3128 is silent",
        );
        let amazon = format!("AKIA{}", "IOSFODNN7EXAMPLE");
        check(&amazon, "(withheld)");
        check("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.c2ln", "(withheld)");
    }

    #[test]
    fn prose_hints_and_ids_stay() {
        for text in [
            "",
            "the provider is silent",
            "sk-a...efgh",
            "bearer token expired",
            "key=short",
            "018f4c1e-7a3b-7c2d-9e4f-0123456789ab",
            "a key: nothing",
            "https://api.example.com/v1/messages?beta=true",
            "risk-averse-and-task-oriented-people",
        ] {
            check(text, text);
        }
    }
}
