//! Who is asking, and may they: values only, until the authorizer is asked.

use std::sync::Arc;

use bridge_auth::{
    AuthError, Authorizer, Claim, Delegation, Grant, HeaderPolicy, KeySource, Presented, Scrubbed,
    Seal, Secret, Standing, Verdict,
};
use bridge_intercept::{ClientHint, FirewallMark};
use bridge_telemetry::{AuthResult, Metrics};
use http::HeaderMap;

use crate::Origin;
use crate::firewall::{self, InvalidMark};

/// What a request says of itself, and its headers without what must not travel. Nobody has been
/// asked about it.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub(crate) presented: Presented,
    /// Whether the credential is to be kept for tool servers that take it.
    keeps_key: bool,
    headers: Scrubbed,
    hint: ClientHint,
    firewall: Result<Option<FirewallMark>, InvalidMark>,
}

/// A request whose caller is known.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) grant: Arc<Grant>,
    pub(crate) mode: KeySource,
    /// The key itself, if it is to be kept and came with the request.
    pub(crate) own_key: Option<Secret>,
    pub(crate) headers: Scrubbed,
    pub(crate) hint: ClientHint,
    pub(crate) firewall: Option<FirewallMark>,
    pub(crate) correlation_id: Option<String>,
    pub(crate) is_delegated: bool,
    pub(crate) source: Option<String>,
    pub(crate) workspace_id: Option<String>,
}

/// Why a request was not admitted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdmissionError {
    #[error("no credential")]
    Missing,
    #[error("malformed credential")]
    Malformed,
    #[error("delegation was not minted here")]
    ForeignDelegation,
    #[error("{0}")]
    Firewall(InvalidMark),
    #[error("not authorised")]
    Auth(#[source] AuthError),
}

/// Everything needed to admit a request.
pub(crate) struct Door {
    pub(crate) authorizer: Arc<dyn Authorizer>,
    pub(crate) seal: Seal,
    pub(crate) metrics: Metrics,
}

impl Claimed {
    /// Reads what the request claims and removes the organisation's credential from the headers.
    pub(crate) fn read(headers: HeaderMap, policy: &HeaderPolicy, keeps_key: bool) -> Self {
        let hint = ClientHint::read(&headers);
        let firewall = firewall::read(&headers);
        let bridge_auth::Admitted {
            presented,
            scrubbed,
        } = policy.admit(headers);
        Self {
            presented,
            keeps_key,
            headers: scrubbed,
            hint,
            firewall,
        }
    }

    /// Whether the caller brings a provider credential of their own.
    pub(crate) fn brings_own_key(&self) -> bool {
        self.presented.key_mode() == KeySource::Byok
    }
}

impl Door {
    /// Asks whose the credential is.
    pub(crate) async fn admit(
        &self,
        claimed: Claimed,
        origin: &Origin,
    ) -> Result<Admitted, AdmissionError> {
        let Claimed {
            presented,
            keeps_key,
            headers,
            hint,
            firewall,
        } = claimed;
        let delegation = self.delegation(origin)?;
        let grant = self.grant(presented.verdict(), delegation).await?;
        let workspace_id = match delegation {
            Some(delegation) => delegation.workspace().map(str::to_owned),
            None => grant.workspace_id.clone(),
        };
        let own_key = match (presented.verdict(), delegation) {
            (Verdict::Found(credential), None) if keeps_key => Some(credential.secret().clone()),
            (Verdict::Found(_) | Verdict::Absent | Verdict::Malformed, _) => None,
        };
        Ok(Admitted {
            own_key,
            mode: presented.key_mode(),
            headers,
            hint,
            firewall: firewall.map_err(AdmissionError::Firewall)?,
            correlation_id: presented.correlation_id().map(str::to_owned),
            is_delegated: delegation.is_some(),
            source: delegation.and_then(|delegation| Some(delegation.source()?.to_string())),
            workspace_id,
            grant,
        })
    }

    fn delegation<'o>(&self, origin: &'o Origin) -> Result<Option<&'o Delegation>, AdmissionError> {
        match origin {
            Origin::Network { .. } => Ok(None),
            Origin::InProcess(delegation) if delegation.is_sealed_by(&self.seal) => {
                Ok(Some(delegation))
            }
            Origin::InProcess(_) => Err(AdmissionError::ForeignDelegation),
        }
    }

    /// A delegated request is authorised by its key id alone, whatever stands in its headers.
    async fn grant(
        &self,
        claimed: &Verdict,
        delegation: Option<&Delegation>,
    ) -> Result<Arc<Grant>, AdmissionError> {
        let claim = match (delegation, claimed) {
            (Some(delegation), _) => Claim::Delegated(delegation),
            (None, Verdict::Found(credential)) => Claim::Key(credential.secret()),
            (None, Verdict::Absent) => {
                self.metrics.authenticated(AuthResult::Missing);
                return Err(AdmissionError::Missing);
            }
            (None, Verdict::Malformed) => {
                self.metrics.authenticated(AuthResult::Malformed);
                return Err(AdmissionError::Malformed);
            }
        };
        let answer = self.authorizer.authorize(claim).await;
        self.metrics.authenticated(match &answer {
            Ok(_) => AuthResult::Granted,
            Err(AuthError::Refused(_)) => AuthResult::Refused,
            Err(AuthError::Unavailable(_)) => AuthResult::Unavailable,
        });
        if answer
            .as_ref()
            .is_ok_and(|grant| grant.standing == Standing::Grace)
        {
            self.metrics.granted_on_grace();
        }
        answer.map_err(AdmissionError::Auth)
    }
}
