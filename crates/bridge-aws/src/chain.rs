//! Credentials from the surroundings of the process, and roles that are assumed with them.
//!
//! What they are read from is described in AWS's guide to SDKs and tools: the same environment
//! variables, files and addresses as for every other program that uses AWS.

use std::sync::Arc;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError as Cause;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};

use crate::{AssumedRole, BaseCredentials, CredentialSource, CredentialsError};

/// How the gateway calls itself in AWS's own log of calls.
const SESSION: &str = "bridged";

/// Fetches credentials once. Whoever asks keeps them.
pub(crate) async fn fetch(
    source: &CredentialSource,
    region: &str,
) -> Result<Credentials, CredentialsError> {
    let region = Region::new(region.to_owned());
    let base = base(&source.base, &region).await;
    match &source.role {
        None => base.provide_credentials().await.map_err(not_found),
        Some(role) => assume(role, region, base).await,
    }
}

async fn base(base: &BaseCredentials, region: &Region) -> SharedCredentialsProvider {
    match base {
        BaseCredentials::Static(keys) => SharedCredentialsProvider::new(keys.credentials()),
        BaseCredentials::Default { profile } => {
            let mut chain = DefaultCredentialsChain::builder().region(region.clone());
            if let Some(profile) = profile {
                chain = chain.profile_name(profile);
            }
            SharedCredentialsProvider::new(chain.build().await)
        }
    }
}

async fn assume(
    role: &AssumedRole,
    region: Region,
    base: SharedCredentialsProvider,
) -> Result<Credentials, CredentialsError> {
    let mut config = aws_config::defaults(BehaviorVersion::latest())
        .region(region)
        .credentials_provider(base);
    if let Some(endpoint) = &role.endpoint {
        config = config.endpoint_url(endpoint);
    }
    let mut assumed = AssumeRoleProvider::builder(&role.arn)
        .session_name(SESSION)
        .configure(&config.load().await);
    if let Some(external_id) = &role.external_id {
        assumed = assumed.external_id(external_id);
    }
    let assumed = assumed.build().await.provide_credentials().await;
    assumed.map_err(|cause| {
        if matches!(cause, Cause::ProviderTimedOut(_)) {
            return CredentialsError::Unavailable(Arc::new(cause));
        }
        CredentialsError::Role {
            role: role.arn.clone(),
            source: Arc::new(cause),
        }
    })
}

fn not_found(cause: Cause) -> CredentialsError {
    if matches!(cause, Cause::CredentialsNotLoaded(_)) {
        return CredentialsError::NotFound(Arc::new(cause));
    }
    if matches!(cause, Cause::InvalidConfiguration(_)) {
        return CredentialsError::Configuration(Arc::new(cause));
    }
    CredentialsError::Unavailable(Arc::new(cause))
}
