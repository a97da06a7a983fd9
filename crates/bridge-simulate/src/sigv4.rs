//! Whether a request bears the AWS signature that its sender's secret makes.
//!
//! Signature version 4, as services other than S3 check it: the path as it travelled, encoded once
//! more. <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use std::fmt;
use std::time::{Duration, SystemTime};

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::request::Parts as Head;
use http::{HeaderMap, header};
use sha2::Sha256;

use crate::digest::sha256;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// What a Bedrock endpoint lets itself be called.
const SERVICES: [&str; 2] = ["bedrock", "bedrock-mantle"];
/// How far the sender's clock may be off.
const SKEW: Duration = Duration::from_secs(15 * 60);

/// A sender that the simulated provider knows. Made up for tests: it is good for nothing else.
#[derive(Clone, PartialEq, Eq)]
pub struct AwsSender {
    /// The name that stands in the signature.
    pub access_key_id: String,
    /// What signatures are made with.
    pub secret_access_key: String,
    /// What must be sent along when the sender is a role.
    pub session_token: Option<String>,
}

impl fmt::Debug for AwsSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsSender")
            .field("access_key_id", &self.access_key_id)
            .field("has_session_token", &self.session_token.is_some())
            .finish_non_exhaustive()
    }
}

/// Why a signature is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignatureError {
    #[error("Missing Authentication Token")]
    Missing,
    #[error("The authorization header is malformed: {0}")]
    Malformed(&'static str),
    #[error("The security token included in the request is invalid.")]
    UnknownSender,
    #[error("'{0}' must be a signed header")]
    Unsigned(String),
    #[error("Signature expired")]
    Expired,
    #[error("The request signature we calculated does not match the signature you provided.")]
    Mismatch,
}

/// Checks the signature of a request.
pub(crate) fn check(
    sender: &AwsSender,
    head: &Head,
    body: &[u8],
    now: SystemTime,
) -> Result<(), SignatureError> {
    let given = Given::read(&head.headers)?;
    if given.access_key_id != sender.access_key_id
        || head
            .headers
            .get("x-amz-security-token")
            .map(http::HeaderValue::as_bytes)
            != sender.session_token.as_deref().map(str::as_bytes)
    {
        return Err(SignatureError::UnknownSender);
    }
    given.check_scope()?;
    given.check_coverage(&head.headers)?;
    if !is_near(given.time, now) {
        return Err(SignatureError::Expired);
    }
    let canonical = canonical(head, &given.signed, body);
    match signature(sender, &given, &canonical) == given.signature {
        true => Ok(()),
        false => Err(SignatureError::Mismatch),
    }
}

/// What the sender says of their signature.
struct Given<'h> {
    access_key_id: &'h str,
    date: &'h str,
    region: &'h str,
    service: &'h str,
    signed: Vec<&'h str>,
    signature: &'h str,
    /// As in `20260101T000000Z`.
    time: &'h str,
}

impl<'h> Given<'h> {
    fn read(headers: &'h HeaderMap) -> Result<Self, SignatureError> {
        use SignatureError::{Malformed, Missing};
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let authorization = text(header::AUTHORIZATION.as_str()).ok_or(Missing)?;
        let rest = authorization.strip_prefix(ALGORITHM).ok_or(Missing)?;
        let part = |name: &str| {
            let mut parts = rest.split(',').map(str::trim);
            parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
        };
        let scope = part("Credential").ok_or(Malformed("Credential"))?;
        let scope: Vec<&str> = scope.split('/').collect();
        let [access_key_id, date, region, service, "aws4_request"] = scope.as_slice() else {
            return Err(Malformed("Credential"));
        };
        let signed = part("SignedHeaders").ok_or(Malformed("SignedHeaders"))?;
        Ok(Self {
            access_key_id,
            date,
            region,
            service,
            signed: signed.split(';').collect(),
            signature: part("Signature").ok_or(Malformed("Signature"))?,
            time: text("x-amz-date").ok_or(Malformed("x-amz-date"))?,
        })
    }

    fn check_scope(&self) -> Result<(), SignatureError> {
        if !SERVICES.contains(&self.service) {
            return Err(SignatureError::Malformed("service"));
        }
        match self.time.starts_with(self.date) {
            true => Ok(()),
            false => Err(SignatureError::Malformed("date")),
        }
    }

    /// What AWS wants to be covered: the host, and every header of its own.
    fn check_coverage(&self, headers: &HeaderMap) -> Result<(), SignatureError> {
        if !self.signed.is_sorted() {
            return Err(SignatureError::Malformed("SignedHeaders"));
        }
        let own = headers.keys().map(http::HeaderName::as_str);
        let mut wanted = own
            .filter(|name| name.starts_with("x-amz-"))
            .chain(["host"]);
        match wanted.find(|name| !self.signed.contains(name)) {
            Some(name) => Err(SignatureError::Unsigned(name.to_owned())),
            None => Ok(()),
        }
    }
}

fn is_near(time: &str, now: SystemTime) -> bool {
    let Ok(time) = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", time) else {
        return false;
    };
    let Ok(time) = jiff::tz::TimeZone::UTC.to_timestamp(time) else {
        return false;
    };
    let now = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    now.abs_diff(time.as_second()) <= SKEW.as_secs()
}

/// The request in the form that is signed.
fn canonical(head: &Head, signed: &[&str], body: &[u8]) -> String {
    let mut text = format!(
        "{}\n{}\n{}\n",
        head.method,
        encode(head.uri.path()),
        query(head.uri.query())
    );
    for name in signed {
        let values = head.headers.get_all(*name).iter();
        let values = values.map(|value| {
            let words = String::from_utf8_lossy(value.as_bytes());
            words.split_whitespace().collect::<Vec<_>>().join(" ")
        });
        text.push_str(&format!(
            "{name}:{}\n",
            values.collect::<Vec<_>>().join(",")
        ));
    }
    text + &format!("\n{}\n{}", signed.join(";"), sha256(body))
}

/// The path, every byte encoded that is no letter, digit or one of four signs.
fn encode(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                encoded.push(char::from(byte));
            }
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

fn query(query: Option<&str>) -> String {
    let pairs = query.unwrap_or_default().split('&');
    let pairs = pairs.filter(|pair| !pair.is_empty());
    let mut pairs: Vec<String> = pairs
        .map(|pair| match pair.contains('=') {
            true => pair.to_owned(),
            false => format!("{pair}="),
        })
        .collect();
    pairs.sort();
    pairs.join("&")
}

fn signature(sender: &AwsSender, given: &Given<'_>, canonical: &str) -> String {
    let Given {
        date,
        region,
        service,
        time,
        ..
    } = given;
    let to_sign = format!(
        "{ALGORITHM}\n{time}\n{date}/{region}/{service}/aws4_request\n{}",
        sha256(canonical)
    );
    let mut key = format!("AWS4{}", sender.secret_access_key).into_bytes();
    for part in [date, region, service, "aws4_request", &to_sign] {
        key = hash(&key, part);
    }
    HEXLOWER.encode(&key)
}

fn hash(key: &[u8], text: &str) -> Vec<u8> {
    // HMAC takes keys of every length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return Vec::new();
    };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests;
