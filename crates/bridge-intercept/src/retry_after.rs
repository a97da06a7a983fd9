//! When a provider says to come again.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue, RETRY_AFTER};

pub(crate) const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");

/// How long the provider asks to wait; nothing when it does not say, or not in a way that is
/// understood.
///
/// `retry-after-ms` is finer and wins. `Retry-After` is a number of seconds, which some providers
/// write with a fraction, or a date (RFC 9110, section 10.2.3); one that is past is no wait at all.
pub(crate) fn told(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let millis = text(RETRY_AFTER_MS).and_then(|text| duration(text, 1e-3));
    millis.or_else(|| {
        let text = text(RETRY_AFTER)?;
        duration(text, 1.0).or_else(|| until(text, now))
    })
}

/// The wait in whole seconds, as `Retry-After` takes it: rounded up, so that nobody comes early,
/// and at least one.
#[must_use]
pub fn whole_seconds(wait: Duration) -> u64 {
    let part = u64::from(wait.subsec_nanos() > 0);
    wait.as_secs().saturating_add(part).max(1)
}

/// Says how long to wait, in place of what the provider said.
pub(crate) fn tell(headers: &mut HeaderMap, wait: Duration) {
    headers.remove(RETRY_AFTER_MS);
    headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
}

fn duration(text: &str, unit: f64) -> Option<Duration> {
    let number: f64 = text.trim().parse().ok()?;
    let is_wait = number.is_finite() && number >= 0.0;
    // What is too long to be represented is too long in any case.
    is_wait.then(|| Duration::try_from_secs_f64(number * unit).unwrap_or(Duration::MAX))
}

fn until(text: &str, now: SystemTime) -> Option<Duration> {
    let date = httpdate::parse_http_date(text.trim()).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rows: &[(&'static str, &'static str)], wait: Option<Duration>) {
        let mut headers = HeaderMap::new();
        for (name, value) in rows {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        // Sun, 06 Nov 1994 08:49:37 GMT, the date of RFC 9110's examples.
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        assert_eq!(told(&headers, now), wait, "{rows:?}");
    }

    #[test]
    fn every_form_is_understood() {
        let millis = |millis| Some(Duration::from_millis(millis));
        check(&[], None);
        check(&[("retry-after", "7")], millis(7_000));
        check(&[("retry-after", " 0.25 ")], millis(250));
        check(&[("retry-after", "0")], millis(0));
        check(&[("retry-after-ms", "1500")], millis(1_500));
        check(
            &[("retry-after-ms", "1500"), ("retry-after", "9")],
            millis(1_500),
        );
        check(
            &[("retry-after-ms", "soon"), ("retry-after", "9")],
            millis(9_000),
        );
        check(
            &[("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT")],
            millis(10_000),
        );
        check(
            &[("retry-after", "Sunday, 06-Nov-94 08:50:37 GMT")],
            millis(60_000),
        );
        check(
            &[("retry-after", "Sun, 06 Nov 1994 08:49:36 GMT")],
            millis(0),
        );
        for odd in ["", "soon", "-1", "NaN", "inf", "1 minute"] {
            check(&[("retry-after", odd)], None);
        }
        check(&[("retry-after", "1e300")], Some(Duration::MAX));
    }

    #[test]
    fn waits_are_rounded_up() {
        assert_eq!(whole_seconds(Duration::ZERO), 1);
        assert_eq!(whole_seconds(Duration::from_millis(1)), 1);
        assert_eq!(whole_seconds(Duration::from_secs(7)), 7);
        assert_eq!(whole_seconds(Duration::from_millis(7_001)), 8);
        assert_eq!(whole_seconds(Duration::MAX), u64::MAX);
    }
}
