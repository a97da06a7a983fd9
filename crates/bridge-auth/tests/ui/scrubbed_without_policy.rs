//! Headers that have not been through the policy are not scrubbed.

use bridge_auth::Scrubbed;
use http::HeaderMap;

fn main() {
    let _ = Scrubbed(HeaderMap::new());
    let _ = Scrubbed::new(HeaderMap::new());
    let _: Scrubbed = HeaderMap::new().into();
}
