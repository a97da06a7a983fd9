//! Where the time went, told to callers who ask (W3C Server Timing).

use std::fmt::Write;

use bridge_telemetry::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};

/// With this header, whatever its value, a caller asks. It never reaches a provider.
const ASKED: HeaderName = HeaderName::from_static("x-ai-bridge-server-timing");

const TOLD: HeaderName = HeaderName::from_static("server-timing");

pub(crate) fn is_asked(headers: &HeaderMap) -> bool {
    headers.contains_key(ASKED)
}

/// Tells all parts until now, in milliseconds. What a provider tells of itself stays beside it.
pub(crate) fn tell(headers: &mut HeaderMap, parts: &Parts) {
    let mut text = String::new();
    for (part, time) in parts.all() {
        let gap = if text.is_empty() { "" } else { ", " };
        let millis = time.as_secs_f64() * 1_000.0;
        // Writing to a String cannot fail.
        let _ignored = write!(text, "{gap}{};dur={millis:.3}", part.as_str());
    }
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.append(TOLD, value);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bridge_telemetry::Part;

    use super::*;

    #[test]
    fn parts_are_told_beside_what_the_provider_tells() {
        let parts = Parts::default();
        parts.add(Part::Auth, Duration::from_micros(120));
        parts.add(Part::FirstByte, Duration::from_millis(1_700));
        let mut headers = HeaderMap::new();
        headers.insert(TOLD, HeaderValue::from_static("cdn;dur=3"));
        tell(&mut headers, &parts);
        let told: Vec<_> = headers.get_all(TOLD).iter().collect();
        assert_eq!(
            told,
            ["cdn;dur=3", "auth;dur=0.120, first_byte;dur=1700.000"]
        );
    }
}
