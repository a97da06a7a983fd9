//! Certificates to trust.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// Certificates to trust at one provider, besides those that the client trusts at all of them.
/// Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct ExtraRoots(Arc<[CertificateDer<'static>]>);

/// Why certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// The text is not PEM.
    #[error("the certificates are not PEM")]
    NotPem(#[source] rustls::pki_types::pem::Error),
    /// There is none in it.
    #[error("there is no certificate: one begins with -----BEGIN CERTIFICATE-----")]
    None,
    /// One of them cannot be trusted.
    #[error("certificate number {number} cannot be used")]
    Unusable {
        /// Which one, from one.
        number: usize,
        /// Why not.
        #[source]
        source: rustls::Error,
    },
}

impl ExtraRoots {
    /// Reads certificates in PEM, one or more. What is no certificate is passed over.
    ///
    /// # Errors
    /// When there is none, or one cannot be trusted as the root of others.
    pub fn from_pem(text: &str) -> Result<Self, RootsError> {
        let found = CertificateDer::pem_slice_iter(text.as_bytes());
        let found: Vec<_> = found
            .collect::<Result<_, _>>()
            .map_err(RootsError::NotPem)?;
        if found.is_empty() {
            return Err(RootsError::None);
        }
        let mut store = RootCertStore::empty();
        for (at, certificate) in found.iter().enumerate() {
            let added = store.add(certificate.clone());
            added.map_err(|source| RootsError::Unusable {
                number: at + 1,
                source,
            })?;
        }
        Ok(Self(found.into()))
    }

    pub(crate) fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.0
    }
}

impl Hash for ExtraRoots {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for certificate in self.0.iter() {
            certificate.as_ref().hash(state);
        }
    }
}

impl fmt::Debug for ExtraRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExtraRoots({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_read_or_explained() {
        let one = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let pem = one.cert.pem();
        let both = ExtraRoots::from_pem(&format!("{pem}\n{pem}")).unwrap();
        assert_eq!(both.certificates().len(), 2);
        let error = |text: &str| ExtraRoots::from_pem(text).unwrap_err();
        assert!(matches!(error(""), RootsError::None));
        assert!(matches!(error("no certificate"), RootsError::None));
        let key = one.signing_key.serialize_pem();
        assert!(matches!(error(&key), RootsError::None));
        let torn = pem.replace("-----END CERTIFICATE-----", "");
        assert!(matches!(error(&torn), RootsError::NotPem(_)));
        let empty = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let unusable = error(&format!("{pem}{empty}"));
        assert!(matches!(unusable, RootsError::Unusable { number: 2, .. }));
    }
}
