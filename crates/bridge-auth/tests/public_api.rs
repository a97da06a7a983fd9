//! The crate as a stranger would use it.
#![expect(clippy::unwrap_used, reason = "what a test sets up is good")]

#[path = "public_api/must_not_compile.rs"]
mod must_not_compile;
#[path = "public_api/pass.rs"]
mod pass;
#[path = "public_api/present.rs"]
mod present;
#[path = "public_api/properties.rs"]
mod properties;
#[path = "public_api/seams.rs"]
mod seams;
#[path = "public_api/surface.rs"]
mod surface;

use http::{HeaderMap, HeaderName, HeaderValue};

/// A header map of these lines.
fn map(headers: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name: HeaderName = name.parse().unwrap();
        map.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    map
}
