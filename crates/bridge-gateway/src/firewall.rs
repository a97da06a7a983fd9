//! The mark of an agent firewall on a request.

use bridge_intercept::FirewallMark;
use http::HeaderMap;
use uuid::Uuid;

const SESSION: &str = "x-coder-agent-firewall-session-id";
const SEQUENCE: &str = "x-coder-agent-firewall-sequence-number";

/// Both headers are there and good, or neither is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid agent firewall headers")]
pub(crate) struct InvalidMark;

/// Reads the mark. Half a mark or a bad one is refused: it would break the trail it belongs to.
pub(crate) fn read(headers: &HeaderMap) -> Result<Option<FirewallMark>, InvalidMark> {
    let (session, sequence) = match (headers.get(SESSION), headers.get(SEQUENCE)) {
        (None, None) => return Ok(None),
        (Some(session), Some(sequence)) => (session, sequence),
        (None, Some(_)) | (Some(_), None) => return Err(InvalidMark),
    };
    let session = session.to_str().map_err(|_| InvalidMark)?;
    let session = Uuid::try_parse(session).map_err(|_| InvalidMark)?;
    let digits = sequence.to_str().map_err(|_| InvalidMark)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InvalidMark);
    }
    let sequence_number = digits.parse().map_err(|_| InvalidMark)?;
    Ok(Some(FirewallMark {
        session_id: session.hyphenated().to_string(),
        sequence_number,
    }))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const ID: &str = "6f1c0a52-2d39-4f38-9d3e-3a8f6f6f3f10";

    fn check(session: Option<&'static str>, sequence: Option<&'static str>, good: bool) {
        let mut headers = HeaderMap::new();
        for (name, value) in [(SESSION, session), (SEQUENCE, sequence)] {
            if let Some(value) = value {
                headers.insert(name, HeaderValue::from_static(value));
            }
        }
        assert_eq!(read(&headers).is_ok(), good, "{session:?} {sequence:?}");
    }

    #[test]
    fn a_mark_is_whole_or_absent() {
        check(None, None, true);
        check(Some(ID), Some("0"), true);
        check(Some(ID), Some("2147483647"), true);
        check(Some(ID), None, false);
        check(None, Some("1"), false);
        check(Some("no id"), Some("1"), false);
        check(Some(ID), Some("2147483648"), false);
        check(Some(ID), Some("-1"), false);
        check(Some(ID), Some("+1"), false);
        check(Some(ID), Some("0x1"), false);
        check(Some(ID), Some(""), false);
    }
}
