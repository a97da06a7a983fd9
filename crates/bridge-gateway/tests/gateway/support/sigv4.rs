//! Recomputes AWS signatures, as AWS describes them, from what a provider got.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use super::Seen;

/// Whether a request bears the signature that this secret makes for region and service, and covers
/// the host and every header of AWS.
pub(crate) fn is_signed(seen: &Seen, id: &str, secret: &str, scope: &str) -> bool {
    let Some(authorization) = seen.header("authorization") else {
        return false;
    };
    let field = |name: &str| {
        let (_, rest) = authorization.split_once(name)?;
        rest.split([',', ' ']).next()
    };
    let date = seen.header("x-amz-date").unwrap();
    let scope = format!("{}/{scope}/aws4_request", &date[..8]);
    let names = field("SignedHeaders=").unwrap();
    let is_covered = |name: &str| names.split(';').any(|covered| covered == name);
    let must_be = |name: &str| name == "host" || name.starts_with("x-amz");
    let mut lines = seen.head.lines().skip(1);
    let has_all = lines.all(|line| {
        let name = line.split(':').next().unwrap().to_ascii_lowercase();
        !must_be(&name) || is_covered(&name)
    });
    has_all
        && authorization.starts_with("AWS4-HMAC-SHA256 ")
        && field("Credential=") == Some(format!("{id}/{scope}").as_str())
        && field("Signature=") == Some(signature(seen, names, date, &scope, secret).as_str())
}

fn signature(seen: &Seen, names: &str, date: &str, scope: &str, secret: &str) -> String {
    let mut first = seen.head.lines().next().unwrap().split(' ');
    let (method, target) = (first.next().unwrap(), first.next().unwrap());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut pairs: Vec<String> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            if pair.contains('=') {
                pair.to_owned()
            } else {
                format!("{pair}=")
            }
        })
        .collect();
    pairs.sort_unstable();
    let headers: String = names
        .split(';')
        .map(|name| format!("{name}:{}\n", seen.header(name).unwrap()))
        .collect();
    let canonical = format!(
        "{method}\n{}\n{}\n{headers}\n{names}\n{}",
        twice_encoded(path),
        pairs.join("&"),
        hex(&Sha256::digest(&seen.body))
    );
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n{date}\n{scope}\n{}",
        hex(&Sha256::digest(canonical.as_bytes()))
    );
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in scope.split('/') {
        key = keyed(&key, part);
    }
    hex(&keyed(&key, &to_sign))
}

/// The path as it travelled, encoded once more.
fn twice_encoded(path: &str) -> String {
    let encode = |byte: u8| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    path.bytes().map(encode).collect()
}

fn keyed(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
