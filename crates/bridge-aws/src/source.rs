//! Where credentials come from.

use std::fmt;

use aws_credential_types::Credentials;
use bridge_auth::Secret;

use crate::{CredentialsError, SignerError};

/// How a provider name stands in the credentials of the SDK.
const ORIGIN: &str = "operator";

/// Where a signer gets its credentials from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialSource {
    /// Who the gateway is.
    pub base: BaseCredentials,
    /// Whom it becomes before it signs.
    pub role: Option<AssumedRole>,
}

/// Who the gateway is for AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BaseCredentials {
    /// Keys that an operator gave.
    Static(StaticKeys),
    /// What the surroundings of the process offer: environment, profiles, web identity, containers,
    /// instances, in this order.
    Default {
        /// The profile to read, if not the usual one.
        profile: Option<String>,
    },
}

/// Keys that an operator gave.
#[derive(Clone, PartialEq, Eq)]
pub struct StaticKeys {
    /// The public half.
    pub access_key_id: String,
    /// The secret half.
    pub secret_access_key: Secret,
    /// With keys that are valid for a time only.
    pub session_token: Option<Secret>,
}

/// A role that is assumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssumedRole {
    /// Its name.
    pub arn: String,
    /// What the role's owner demands, so that nobody else's gateway can be talked into using it.
    pub external_id: Option<String>,
    /// Where roles are asked for, if not at AWS's own address for the region.
    pub endpoint: Option<String>,
}

impl fmt::Debug for StaticKeys {
    /// Shows nothing: access keys are masked wherever they are shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticKeys").finish_non_exhaustive()
    }
}

impl StaticKeys {
    pub(crate) fn credentials(&self) -> Credentials {
        let token = self.session_token.as_ref();
        Credentials::new(
            self.access_key_id.as_str(),
            self.secret_access_key.expose(),
            token.map(|token| token.expose().to_owned()),
            None,
            ORIGIN,
        )
    }
}

impl CredentialSource {
    /// The keys, when they are all there is to it.
    pub(crate) fn fixed(&self) -> Option<Credentials> {
        match (&self.base, &self.role) {
            (BaseCredentials::Static(keys), None) => Some(keys.credentials()),
            (BaseCredentials::Static(_), Some(_)) | (BaseCredentials::Default { .. }, _) => None,
        }
    }

    pub(crate) fn check(&self) -> Result<(), SignerError> {
        if let BaseCredentials::Static(keys) = &self.base
            && (keys.access_key_id.is_empty() || keys.secret_access_key.expose().is_empty())
        {
            return Err(SignerError::HalfAKey);
        }
        match &self.role {
            Some(role) if !is_role(&role.arn) => Err(SignerError::Role(role.arn.clone())),
            Some(_) | None => Ok(()),
        }
    }

    #[cfg(not(feature = "default-chain"))]
    #[expect(clippy::unused_async, reason = "with the feature it waits")]
    pub(crate) async fn fetch(&self, _region: &str) -> Result<Credentials, CredentialsError> {
        Err(CredentialsError::NotBuilt)
    }

    #[cfg(feature = "default-chain")]
    pub(crate) async fn fetch(&self, region: &str) -> Result<Credentials, CredentialsError> {
        crate::chain::fetch(self, region).await
    }
}

/// `arn:<partition>:iam::<account>:role/<name>`.
fn is_role(arn: &str) -> bool {
    let mut parts = arn.splitn(6, ':');
    let is_arn = parts.next() == Some("arn");
    let partition = parts.next().unwrap_or_default();
    let is_iam = parts.next() == Some("iam") && parts.next() == Some("");
    let account = parts.next().unwrap_or_default();
    let name = parts.next().and_then(|part| part.strip_prefix("role/"));
    is_arn
        && partition.starts_with("aws")
        && is_iam
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && name.is_some_and(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_told_from_other_names() {
        for good in [
            "arn:aws:iam::111122223333:role/bedrock",
            "arn:aws-us-gov:iam::111122223333:role/path/to/bedrock",
        ] {
            assert!(is_role(good), "{good}");
        }
        for bad in [
            "",
            "bedrock",
            "arn:aws:iam::111122223333:user/me",
            "arn:aws:iam::1111:role/bedrock",
            "arn:aws:iam::111122223333:role/",
            "arn:aws:sts::111122223333:role/x",
            "arn:aws:iam:eu:111122223333:role/x",
            "arn:aws:iam::111122223333:role/a b",
        ] {
            assert!(!is_role(bad), "{bad}");
        }
    }
}
