//! Whether the provider got a request that bears the signature that its sender's secret makes
//! (AWS Signature Version 4), computed anew from what arrived.

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::instance::Aws;
use crate::digest::sha256;
use crate::http1::{Head, Message};

const ALGORITHM: &str = "AWS4-HMAC-SHA256 ";

/// What is wrong with the signature of a request, if anything is.
pub(super) fn problem(aws: &Aws, got: &Message) -> Option<String> {
    let authorization = got.head.header("authorization").unwrap_or_default();
    let Some(parts) = authorization.strip_prefix(ALGORITHM) else {
        return Some("there is none".to_owned());
    };
    let part = |name: &str| {
        let mut parts = parts.split(',').map(str::trim);
        let found = parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        found.unwrap_or_default()
    };
    let time = got.head.header("x-amz-date").unwrap_or_default();
    let date = time.get(..8).unwrap_or_default();
    let scope = format!("{date}/{}/{}/aws4_request", aws.region, aws.service());
    if part("Credential") != format!("{}/{scope}", aws.access_key_id) {
        return Some("it names another sender, day, region or service".to_owned());
    }
    let signed = part("SignedHeaders");
    if let Some(name) = unsigned(&got.head, signed) {
        return Some(format!("it does not cover {name}"));
    }
    let to_sign = format!(
        "{}\n{time}\n{scope}\n{}",
        ALGORITHM.trim(),
        sha256(canonical(got, signed))
    );
    let mut key = format!("AWS4{}", aws.secret_access_key).into_bytes();
    for text in [date, aws.region, aws.service(), "aws4_request", &to_sign] {
        key = hash(&key, text);
    }
    (part("Signature") != HEXLOWER.encode(&key))
        .then(|| "it is not what the secret makes of this".to_owned())
}

/// What must be covered and is not.
fn unsigned(head: &Head, signed: &str) -> Option<String> {
    let own = head
        .headers
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase());
    let mut wanted = own.filter(|name| name.starts_with("x-amz-") || name == "host");
    wanted.find(|name| !signed.split(';').any(|covered| covered == name))
}

fn canonical(got: &Message, signed: &str) -> String {
    let target = got.head.word(1);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut pairs: Vec<_> = query.split('&').filter(|pair| !pair.is_empty()).collect();
    pairs.sort_unstable();
    let mut text = format!(
        "{}\n{}\n{}\n",
        got.head.word(0),
        encoded(path),
        pairs.join("&")
    );
    for name in signed.split(';') {
        let value = got.head.header(name).unwrap_or_default();
        text.push_str(&format!("{name}:{}\n", value.trim()));
    }
    text + &format!("\n{signed}\n{}", sha256(&got.body))
}

/// The path as it travelled, encoded once more.
fn encoded(path: &str) -> String {
    let mut encoded = String::new();
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

fn hash(key: &[u8], text: &str) -> Vec<u8> {
    // HMAC takes keys of every length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return Vec::new();
    };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::super::instance;
    use super::*;
    use crate::gateway::request;

    #[test]
    fn what_is_wrong_is_told() {
        let aws = instance::BEDROCK.aws.as_ref().unwrap();
        let check = |headers: &[(&str, &str)], expected: &str| {
            let head = request("POST", "/model/m/invoke", headers);
            let got = Message {
                head,
                body: b"{}".to_vec(),
            };
            assert_eq!(problem(aws, &got).as_deref(), Some(expected));
        };
        check(&[], "there is none");
        let time = ("x-amz-date", "20260101T000000Z");
        let other = "AWS4-HMAC-SHA256 Credential=other/20260101/x/bedrock/aws4_request";
        let problem = "it names another sender, day, region or service";
        check(&[("authorization", other), time], problem);
        let ours = format!(
            "AWS4-HMAC-SHA256 Credential={}/20260101/{}/bedrock/aws4_request, SignedHeaders=host",
            aws.access_key_id, aws.region
        );
        let uncovered = [("authorization", ours.as_str()), time, ("host", "h")];
        check(&uncovered, "it does not cover x-amz-date");
        let covered = format!("{ours};x-amz-date, Signature=00");
        let wrong = [("authorization", covered.as_str()), time, ("host", "h")];
        check(&wrong, "it is not what the secret makes of this");
    }
}
