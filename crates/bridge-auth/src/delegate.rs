//! Identity vouched for by a trusted host in this process.

use std::fmt;
use std::sync::Arc;

/// A capability made once at start. Only its holder can vouch for others. Clones are the same seal.
#[derive(Clone)]
pub struct Seal(Arc<()>);

/// Where a delegated request comes from, for logs and records: a short name of the host program.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestSource(String);

/// Proof that a trusted host vouches for the owner of a key. Made only with a [`Seal`], and never
/// read from a request.
#[derive(Clone)]
pub struct Delegation {
    seal: Seal,
    key_id: String,
    source: Option<RequestSource>,
    workspace: Option<String>,
}

impl Seal {
    /// A seal unlike every other. There is no `Default`: a seal that somebody derived by accident
    /// would be a foreign one.
    #[must_use]
    #[expect(
        clippy::new_without_default,
        reason = "each seal is another one, so making one should be visible"
    )]
    pub fn new() -> Self {
        Self(Arc::new(()))
    }

    /// Vouches for the owner of the key with this id. The secret of the key is not needed. The id
    /// is trimmed; none is vouched for when nothing is left.
    #[must_use]
    pub fn vouch(&self, key_id: &str) -> Option<Delegation> {
        let key_id = key_id.trim();
        (!key_id.is_empty()).then(|| Delegation {
            seal: self.clone(),
            key_id: key_id.to_owned(),
            source: None,
            workspace: None,
        })
    }
}

impl RequestSource {
    /// The longest name, in bytes. It stands in every log line of a request.
    pub const MAX_LEN: usize = 64;

    /// Takes a name of one to [`RequestSource::MAX_LEN`] visible ASCII characters, without spaces.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let is_good = (1..=Self::MAX_LEN).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_graphic());
        is_good.then(|| Self(name.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Delegation {
    /// The same, saying where the request comes from.
    #[must_use]
    pub fn with_source(self, source: RequestSource) -> Self {
        Self {
            source: Some(source),
            ..self
        }
    }

    /// The same, saying for which workspace the request is made. A blank id says nothing, and
    /// neither does the nil UUID, which stands for "no workspace".
    #[must_use]
    pub fn with_workspace(self, id: impl Into<String>) -> Self {
        let id = id.into();
        let is_nil = uuid::Uuid::try_parse(id.trim()).is_ok_and(|id| id.is_nil());
        let says_nothing = id.trim().is_empty() || is_nil;
        Self {
            workspace: (!says_nothing).then_some(id),
            ..self
        }
    }

    /// The id of the key whose owner is vouched for. Never empty.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Where the request comes from, when the host said so.
    #[must_use]
    pub fn source(&self) -> Option<&RequestSource> {
        self.source.as_ref()
    }

    /// The workspace the request is made for, when the host said so. A header never can.
    #[must_use]
    pub fn workspace(&self) -> Option<&str> {
        self.workspace.as_deref()
    }

    /// Whether it was minted with this seal, or a clone of it.
    #[must_use]
    pub fn is_sealed_by(&self, seal: &Seal) -> bool {
        Arc::ptr_eq(&self.seal.0, &seal.0)
    }
}

impl fmt::Display for RequestSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal")
    }
}

impl fmt::Debug for Delegation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delegation")
            .field("key_id", &self.key_id)
            .field("source", &self.source)
            .field("workspace", &self.workspace)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_seal_is_told_apart() {
        let (ours, theirs) = (Seal::new(), Seal::new());
        let twin = theirs.clone();
        let delegation = twin.vouch("key-1").unwrap();
        assert!(delegation.is_sealed_by(&theirs));
        assert!(delegation.is_sealed_by(&twin));
        assert!(!delegation.is_sealed_by(&ours));
    }

    #[test]
    fn a_key_id_is_trimmed_and_never_empty() {
        let seal = Seal::new();
        assert_eq!(seal.vouch(" key-1\t").unwrap().key_id(), "key-1");
        for blank in ["", " ", "\t\n"] {
            assert!(seal.vouch(blank).is_none(), "{blank:?}");
        }
    }

    #[test]
    fn a_source_is_a_short_printable_name() {
        fn check(name: &str, is_good: bool) {
            assert_eq!(RequestSource::new(name).is_some(), is_good, "{name:?}");
        }
        check("agents", true);
        check("nightly/report-2", true);
        check(&"a".repeat(64), true);
        check(&"a".repeat(65), false);
        check("", false);
        check("two words", false);
        check("line\nbreak", false);
        check("ünïcode", false);
    }

    #[test]
    fn a_workspace_is_said_or_not() {
        fn check(id: &str, workspace: Option<&str>) {
            let delegation = Seal::new().vouch("key-1").unwrap().with_workspace(id);
            assert_eq!(delegation.workspace(), workspace, "{id:?}");
        }
        check(
            "7d1b9a54-3a5b-4b5f-8f4e-0f3f2a9d6c11",
            Some("7d1b9a54-3a5b-4b5f-8f4e-0f3f2a9d6c11"),
        );
        check("team-1", Some("team-1"));
        check("", None);
        check("  ", None);
        check("00000000-0000-0000-0000-000000000000", None);
    }

    #[test]
    fn what_a_host_says_is_kept() {
        let source = RequestSource::new("agents").unwrap();
        let plain = Seal::new().vouch("key-1").unwrap();
        assert_eq!((plain.source(), plain.workspace()), (None, None));
        let said = plain.with_source(source.clone()).with_workspace("team-1");
        assert_eq!(said.source(), Some(&source));
        assert_eq!(said.source().unwrap().to_string(), "agents");
        assert_eq!((said.key_id(), said.workspace()), ("key-1", Some("team-1")));
    }
}
