//! TLS towards providers: one configuration for each set of trusted certificates.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig as TlsConfig, RootCertStore};
use slog::{Logger, warn};

use crate::wire::HTTP2;
use crate::{ExtraRoots, HttpVersion};

/// What HTTP/1.1 over TLS is called (RFC 7301, section 6).
const HTTP1: &[u8] = b"http/1.1";

/// How many configurations are kept. Settings that come and go would fill the memory otherwise;
/// what is dropped is made anew, at the price of full handshakes.
const MOST_CONFIGS: usize = 64;

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The file with extra certificates cannot be read.
    #[error("cannot read certificates from {}", path.display())]
    ExtraRoots {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// TLS cannot be set up.
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
}

/// Makes and keeps configurations.
pub(crate) struct Tls {
    provider: Arc<CryptoProvider>,
    roots: RootCertStore,
    configs: Mutex<HashMap<Trust, Arc<TlsConfig>>>,
}

/// What a configuration is made for. Each has its own store of sessions: a session that is resumed
/// is not verified again, so it must not cross from one set of certificates to another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Trust {
    extra: Option<ExtraRoots>,
    version: HttpVersion,
}

impl Tls {
    /// Trusts the certificates of the platform, or a built-in set where there are none, and those
    /// of the file.
    pub(crate) fn try_new(extra: Option<&Path>, logger: &Logger) -> Result<Self, ClientError> {
        let tls = Self {
            provider: Arc::new(rustls::crypto::aws_lc_rs::default_provider()),
            roots: roots(extra, logger)?,
            configs: Mutex::default(),
        };
        // What cannot be set up is told now and not to the first caller.
        tls.config(None, HttpVersion::Auto)
            .map_err(ClientError::Tls)?;
        Ok(tls)
    }

    /// The configuration for these certificates besides the usual ones.
    pub(crate) fn config(
        &self,
        extra: Option<&ExtraRoots>,
        version: HttpVersion,
    ) -> Result<Arc<TlsConfig>, rustls::Error> {
        let trust = Trust {
            extra: extra.cloned(),
            version,
        };
        let mut configs = self.configs.lock();
        if let Some(config) = configs.get(&trust) {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(self.build(&trust)?);
        if configs.len() >= MOST_CONFIGS {
            configs.clear();
        }
        configs.insert(trust, Arc::clone(&config));
        Ok(config)
    }

    fn build(&self, trust: &Trust) -> Result<TlsConfig, rustls::Error> {
        let mut roots = self.roots.clone();
        for certificate in trust.extra.iter().flat_map(ExtraRoots::certificates) {
            roots.add(certificate.clone())?;
        }
        let mut config = TlsConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = match trust.version {
            HttpVersion::Auto => vec![HTTP2.to_vec(), HTTP1.to_vec()],
            HttpVersion::Http1 => vec![HTTP1.to_vec()],
            HttpVersion::Http2 => vec![HTTP2.to_vec()],
        };
        Ok(config)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

fn roots(extra: Option<&Path>, logger: &Logger) -> Result<RootCertStore, ClientError> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for cause in &found.errors {
        warn!(logger, "platform certificates incomplete"; "error" => %cause);
    }
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let Some(path) = extra else {
        return Ok(roots);
    };
    let unreadable = |source| ClientError::ExtraRoots {
        path: path.to_owned(),
        source,
    };
    for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
        let added = roots.add(certificate.map_err(unreadable)?);
        added.map_err(ClientError::Tls)?;
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem() -> ExtraRoots {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        ExtraRoots::from_pem(&made.cert.pem()).unwrap()
    }

    #[test]
    fn configurations_are_shared_by_the_same_certificates_and_bounded() {
        let tls = Tls::try_new(None, &bridge_telemetry::discard()).unwrap();
        let config = |extra: Option<&ExtraRoots>| tls.config(extra, HttpVersion::Auto).unwrap();
        let usual = config(None);
        assert!(Arc::ptr_eq(&usual, &config(None)));
        let (one, other) = (pem(), pem());
        assert!(Arc::ptr_eq(&config(Some(&one)), &config(Some(&one))));
        assert!(!Arc::ptr_eq(&config(Some(&one)), &config(Some(&other))));
        assert!(!Arc::ptr_eq(&config(Some(&one)), &usual));
        for _ in 0..MOST_CONFIGS {
            let another = pem();
            config(Some(&another));
            assert!(tls.configs.lock().len() <= MOST_CONFIGS);
        }
    }
}
