//! Getting a token anew by its refresh token (RFC 6749, section 6).
//!
//! What is asked and what is answered are made and read without a socket; one file speaks to the
//! authorization server.

mod answer;
mod egress;
mod form;
mod post;

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use crate::api::SecretText;
use crate::store::OAuth;

pub(crate) use post::Roots;

/// How long an authorization server may take as a whole. A gateway waits ten seconds for its answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(8);

/// Where a token is got anew, and as whom.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) oauth: OAuth,
    pub(crate) client_secret: Option<SecretText>,
    /// Certificates in PEM form that are trusted besides those of the platform.
    pub(crate) ca_pem: Option<String>,
    /// Private address ranges to which the host's name may lead.
    pub(crate) allowed_private: Vec<String>,
}

/// A token that was got anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Renewed {
    pub(crate) token: SecretText,
    /// The next refresh token; none: the one before stays good.
    pub(crate) refresh_token: Option<SecretText>,
    /// How long the token is good from now on; none when that was not said.
    pub(crate) lifetime: Option<Duration>,
}

/// Why there is no other token. Its text is for operators and quotes nothing of the answer but words
/// of the standard.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RenewError {
    /// The refresh token is spent, for good.
    #[error("the authorization server does not take the refresh token any more")]
    Refused,
    /// The server does not take us, or not so.
    #[error(
        "the authorization server refuses with {0:?}: check the oauth settings of the tool server"
    )]
    Client(&'static str),
    /// It answers something else.
    #[error("the authorization server answers with status {0}")]
    Status(u16),
    /// The answer is no token.
    #[error("the answer of the authorization server is not understood: {0}")]
    Garbled(&'static str),
    /// It took too long.
    #[error("the authorization server did not answer within {} s", PATIENCE.as_secs())]
    Timeout,
    /// It is asked by too many at once.
    #[error("the authorization server is slow, and as many tokens as may be are asked for already")]
    Busy,
    /// Its name leads nowhere.
    #[error("the name of the authorization server cannot be resolved")]
    Resolve(#[source] io::Error),
    /// It is where it may not be.
    #[error(
        "the authorization server is at {0}: allow it with upstream.allowed_private of the tool \
         server"
    )]
    Egress(IpAddr),
    /// It is not there.
    #[error("the authorization server cannot be connected to")]
    Connect(#[source] io::Error),
    /// The certificates of the tool server are none.
    #[error("upstream.ca_pem of the tool server holds no certificates")]
    Roots,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[source] tokio_rustls::rustls::Error),
    /// The address cannot be used.
    #[error("oauth.token_url of the tool server cannot be used")]
    Address,
    /// The connection broke.
    #[error("the connection to the authorization server broke")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Gets a token anew. Dropping the future may lose a refresh token that was exchanged for another:
/// whoever calls it sees to it that it is not dropped.
///
/// # Errors
/// When there is no other token; only [`RenewError::Refused`] is for good.
pub(crate) async fn renew(
    client: &Client,
    roots: &Roots,
    refresh_token: &SecretText,
) -> Result<Renewed, RenewError> {
    let request = form::request(client, refresh_token);
    let post = post::send(client, roots, request);
    let answer = tokio::time::timeout(PATIENCE, post).await;
    let (status, body) = answer.map_err(|_| RenewError::Timeout)??;
    answer::read(status, &body)
}
