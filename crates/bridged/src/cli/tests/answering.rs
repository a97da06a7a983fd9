//! Commands against a control plane that is really there.

use std::sync::Arc;

use axum::Router;
use bridge_auth::Secret;
use bridge_control::store::SqliteStore;
use bridge_control::{ControlConfig, ControlServer, SealingKey};
use bridge_telemetry::{Metrics, discard, task};
use tokio::net::TcpListener;

use super::{CommandError, said};

/// A control plane that answers, and the environment of an operator who may call it.
pub(super) struct Answering {
    pub(super) pairs: Vec<(String, String)>,
    _folder: tempfile::TempDir,
    _serving: task::Task<()>,
}

impl Answering {
    pub(super) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("test.sqlite")).unwrap();
        let config = ControlConfig {
            sealing_key: SealingKey::File(folder.path().join("sealing.key")),
            ..ControlConfig::new(Secret::new("operator-key".to_owned()))
        };
        let control = ControlServer::new(Arc::new(store), config, Metrics::default(), &discard());
        Self::with(control.rest(), folder).await
    }

    pub(super) async fn with(router: Router, folder: tempfile::TempDir) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let serving = task::spawn(&discard(), "server", async move {
            axum::serve(listener, router).await.unwrap();
        });
        let path = folder.path().display().to_string();
        let pairs = [
            ("BRIDGED_DATA_FOLDER", path),
            ("BRIDGED_LISTEN_OPERATOR_ADDRESS", address),
            ("BRIDGED_ADMIN_TOKEN", "operator-key".to_owned()),
            ("WORK_KEY", "hidden-provider-key".to_owned()),
        ];
        Self {
            pairs: pairs.map(|(name, value)| (name.to_owned(), value)).to_vec(),
            _folder: folder,
            _serving: serving,
        }
    }

    pub(super) async fn said(&self, line: &str) -> Result<String, CommandError> {
        let pairs: Vec<_> = self
            .pairs
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        said(line, &pairs).await
    }

    /// What a command says, which has to hold all these parts.
    pub(super) async fn check(&self, line: &str, parts: &[&str]) -> String {
        let text = self
            .said(line)
            .await
            .unwrap_or_else(|error| panic!("{line}: {error}"));
        for part in parts {
            assert!(text.contains(part), "{line}: {part:?} is not in\n{text}");
        }
        assert!(
            !text.contains("hidden"),
            "{line}: a provider's key is in\n{text}"
        );
        text
    }

    pub(super) async fn refused(&self, line: &str, part: &str) {
        let told = self.said(line).await.expect_err(line).to_string();
        assert!(told.contains(part), "{line}: {part:?} is not in {told}");
    }
}
