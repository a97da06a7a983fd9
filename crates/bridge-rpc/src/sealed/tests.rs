use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::{BedrockSettings, MannersSettings, ProviderSettings, ProviderSnapshot};

const HERE: &str = "https://control.example";
const PAYS: &str = "operator-key-that-pays";

fn snapshot() -> Snapshot {
    Snapshot {
        generation: 7,
        providers: vec![ProviderSnapshot {
            name: "claude".to_owned(),
            provider_type: "anthropic".to_owned(),
            enabled: true,
            base_url: "https://provider.example".to_owned(),
            keys: vec![Secret::new(PAYS.to_owned())],
            settings: settings(),
        }],
    }
}

fn settings() -> ProviderSettings {
    let secret = |text: &str| Some(Secret::new(text.to_owned()));
    ProviderSettings {
        manners: MannersSettings {
            idle_timeout: Some(Duration::from_secs(90)),
            max_retries: Some(0),
            proxy_url: secret("http://user:proxy-word@proxy.example"),
            ..MannersSettings::default()
        },
        bedrock: Some(BedrockSettings {
            region: "eu-central-1".to_owned(),
            secret_access_key: secret("signing-key"),
            ..BedrockSettings::default()
        }),
    }
}

fn sealed(folder: &Path, key: &str, control: &str) -> SealedProviders {
    SealedProviders::of(folder, Secret::new(key.to_owned()), control)
}

fn here() -> SealedProviders {
    sealed(Path::new("/nowhere"), "gateway-key", HERE)
}

#[tokio::test]
async fn a_set_that_was_kept_is_read_and_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let providers = sealed(folder.path(), "gateway-key", HERE);
    assert_eq!(providers.read().await.unwrap(), None);
    for generation in [7, 8, 3] {
        let set = Snapshot {
            generation,
            ..snapshot()
        };
        providers.keep(Arc::new(set.clone())).await.unwrap();
        assert_eq!(providers.read().await.unwrap(), Some(set));
    }
    SealedProviders::forget(folder.path()).unwrap();
    SealedProviders::forget(folder.path()).unwrap();
    assert_eq!(providers.read().await.unwrap(), None);
}

#[tokio::test]
async fn nothing_of_it_can_be_read_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let providers = sealed(folder.path(), "gateway-key", HERE);
    providers.keep(Arc::new(snapshot())).await.unwrap();
    let bytes = std::fs::read(folder.path().join(NAME)).unwrap();
    for part in [
        PAYS,
        "claude",
        "provider.example",
        "gateway-key",
        "proxy-word",
        "signing-key",
    ] {
        let is_there = bytes
            .windows(part.len())
            .any(|window| window == part.as_bytes());
        assert!(!is_there, "{part}");
    }
    let again = here().0.seal(&snapshot()).unwrap();
    assert_ne!(bytes, again, "each writing has a salt of its own");
    assert!(!format!("{providers:?}").contains("gateway-key"));
}

#[tokio::test]
async fn only_the_same_gateway_of_the_same_control_plane_can_open_it() {
    let folder = tempfile::tempdir().unwrap();
    let providers = sealed(folder.path(), "gateway-key", HERE);
    providers.keep(Arc::new(snapshot())).await.unwrap();
    for (key, control) in [
        ("other-key", HERE),
        ("", HERE),
        ("gateway-key", "https://other.example"),
    ] {
        let read = sealed(folder.path(), key, control).read().await;
        assert!(matches!(read, Err(UnsealError::Damaged)), "{key} {control}");
    }
}

/// As a gateway sealed it that knew nothing of settings.
#[test]
fn an_older_copy_reads_as_one_without_settings() {
    let mut before = snapshot();
    for provider in &mut before.providers {
        provider.settings = ProviderSettings::default();
    }
    let message = ProviderSet::from(&before);
    assert!(message.providers.iter().all(|one| one.settings.is_none()));
    let bytes = here().0.seal(&before).unwrap();
    assert_eq!(here().0.open(&bytes).unwrap(), before);
}

#[test]
fn what_cannot_be_used_is_told_apart() {
    let bytes = here().0.seal(&snapshot()).unwrap();
    let later = [b"bridged providers 2\n", &bytes[TITLE.len()..]].concat();
    let check = |what: &str, bytes: &[u8], text: &str| {
        let told = here().0.open(bytes).unwrap_err().to_string();
        assert!(told.contains(text), "{what}: {told}");
    };
    check("nothing", b"", "not a file");
    check("another program's", b"SQLite format 3\0", "not a file");
    check("a later version's", &later, "another version");
    for end in [TITLE.len(), 40, 60, 80, bytes.len() - 1] {
        check("a torn one", &bytes[..end], "damaged");
    }
}

proptest! {
    /// Any change of any byte is noticed.
    #[test]
    fn a_changed_file_is_never_used(at in 0..400_usize, flip in 1..=255_u8) {
        let mut bytes = here().0.seal(&snapshot()).unwrap();
        let at = at % bytes.len();
        bytes[at] ^= flip;
        prop_assert!(here().0.open(&bytes).is_err());
    }

    #[test]
    fn anything_at_all_is_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(here().0.open(&bytes).is_err());
        prop_assert!(here().0.open(&[TITLE, &bytes].concat()).is_err());
    }
}
