//! What a request says about itself, read once from its headers.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::hygiene::X_API_KEY;
use crate::scheme::Reading;
use crate::{Credential, HeaderPolicy, KeySource, Scheme, Secret, Verdict};

/// The longest correlation id that is kept, in bytes. It goes into every log line of a request.
const MAX_CORRELATION_ID: usize = 256;

/// What a request claims about itself. None of it has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presented {
    mode: KeySource,
    verdict: Verdict,
    correlation_id: Option<String>,
}

impl Presented {
    /// Only the first value of each header counts, as for most servers; which one comes first is
    /// the sender's matter, and an organisation's credential in a later one is removed all the same.
    pub(crate) fn read(headers: &HeaderMap, policy: &HeaderPolicy) -> Self {
        let own_key = Reading::whole(headers.get(policy.own_key_token()));
        Self {
            mode: match own_key {
                Reading::Blank => KeySource::Centralized,
                Reading::Text(_) | Reading::Malformed => KeySource::Byok,
            },
            verdict: verdict(own_key, headers),
            correlation_id: correlation_id(headers, policy),
        }
    }

    /// [`KeySource::Byok`] when the own-key header holds anything but blanks. Then the other
    /// credentials of the request are the caller's own, for the provider.
    #[must_use]
    pub fn key_mode(&self) -> KeySource {
        self.mode
    }

    /// The organisation's credential, if there is one. It is looked for in the own-key header,
    /// then in `Authorization`, then in `X-Api-Key`; in own-key mode only in the first.
    #[must_use]
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// The credential when one was found.
    #[must_use]
    pub fn credential(&self) -> Option<&Credential> {
        match &self.verdict {
            Verdict::Found(credential) => Some(credential),
            Verdict::Absent | Verdict::Malformed => None,
        }
    }

    /// The id under which a proxy before this gateway logs the request: visible ASCII, at most
    /// 256 bytes. Anything else is as good as none, because it could garble a log.
    #[must_use]
    pub fn correlation_id(&self) -> Option<&str> {
        self.correlation_id.as_deref()
    }
}

/// The first well-formed credential, in the order of precedence. A malformed own-key header ends
/// the search: what stands behind it belongs to the provider.
fn verdict(own_key: Reading<'_>, headers: &HeaderMap) -> Verdict {
    let found =
        |text: &str, scheme| Verdict::Found(Credential::new(Secret::new(text.to_owned()), scheme));
    match own_key {
        Reading::Text(text) => return found(text, Scheme::OwnKeyToken),
        Reading::Malformed => return Verdict::Malformed,
        Reading::Blank => {}
    }
    let bearer = Reading::bearer(headers.get(AUTHORIZATION));
    let api_key = Reading::whole(headers.get(&X_API_KEY));
    match (bearer, api_key) {
        (Reading::Text(token), _) => found(token, Scheme::Bearer),
        (_, Reading::Text(key)) => found(key, Scheme::ApiKey),
        (Reading::Malformed, _) | (_, Reading::Malformed) => Verdict::Malformed,
        (Reading::Blank, Reading::Blank) => Verdict::Absent,
    }
}

fn correlation_id(headers: &HeaderMap, policy: &HeaderPolicy) -> Option<String> {
    let text = headers.get(policy.correlation_id())?.to_str().ok()?.trim();
    let is_good = (1..=MAX_CORRELATION_ID).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    is_good.then(|| text.to_owned())
}
