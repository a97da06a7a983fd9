//! The set of providers.

use std::sync::Arc;
use std::time::Duration;

use bridge_auth::Secret;
use bridge_proto::v1::{self, Provider, ProviderSet};
use bridge_rpc::{
    BedrockSettings, MannersSettings, ProviderSettings, ProviderSnapshot, ProviderWatch, Snapshot,
};
use tonic::Status;

use crate::control::{Control, connect, settle, soon};

fn set(generation: u64) -> ProviderSet {
    ProviderSet {
        generation,
        providers: vec![
            Provider {
                name: "claude".to_owned(),
                r#type: "anthropic".to_owned(),
                enabled: true,
                base_url: "https://provider.example".to_owned(),
                keys: vec!["key-one".to_owned(), "key-two".to_owned()],
                settings: Some(v1::ProviderSettings {
                    manners: Some(manners()),
                    bedrock: Some(bedrock()),
                }),
            },
            Provider {
                name: "old".to_owned(),
                r#type: "openai".to_owned(),
                ..Provider::default()
            },
        ],
    }
}

fn snapshot(generation: u64) -> Snapshot {
    let secret = |text: &str| Secret::new(text.to_owned());
    Snapshot {
        generation,
        providers: vec![
            ProviderSnapshot {
                name: "claude".to_owned(),
                provider_type: "anthropic".to_owned(),
                enabled: true,
                base_url: "https://provider.example".to_owned(),
                keys: vec![secret("key-one"), secret("key-two")],
                settings: ProviderSettings {
                    manners: manners_as_data(),
                    bedrock: Some(bedrock_as_data()),
                },
            },
            ProviderSnapshot {
                name: "old".to_owned(),
                provider_type: "openai".to_owned(),
                enabled: false,
                base_url: String::new(),
                keys: Vec::new(),
                settings: ProviderSettings::default(),
            },
        ],
    }
}

fn manners() -> v1::Manners {
    v1::Manners {
        connect_timeout_ms: Some(1),
        first_byte_timeout_ms: Some(2),
        idle_timeout_ms: Some(3_000),
        total_timeout_ms: Some(0),
        max_retries: Some(5),
        proxy_url: Some("http://user:word@proxy.example".to_owned()),
        ca_pem: Some("certificate".to_owned()),
        http_version: Some("1.1".to_owned()),
        allowed_private: vec!["10.0.0.0/8".to_owned()],
    }
}

fn manners_as_data() -> MannersSettings {
    MannersSettings {
        connect_timeout: Some(Duration::from_millis(1)),
        first_byte_timeout: Some(Duration::from_millis(2)),
        idle_timeout: Some(Duration::from_secs(3)),
        total_timeout: Some(Duration::ZERO),
        max_retries: Some(5),
        proxy_url: Some(Secret::new("http://user:word@proxy.example".to_owned())),
        ca_pem: Some("certificate".to_owned()),
        http_version: Some("1.1".to_owned()),
        allowed_private: vec!["10.0.0.0/8".to_owned()],
    }
}

fn bedrock() -> v1::Bedrock {
    let text = |text: &str| Some(text.to_owned());
    v1::Bedrock {
        region: "eu-central-1".to_owned(),
        protocol: text("mantle"),
        model: text("large"),
        small_fast_model: text("small"),
        access_key_id: text("access"),
        secret_access_key: text("signing"),
        session_token: text("session"),
        role_arn: text("role"),
        external_id: text("external"),
        profile: text("profile"),
    }
}

fn bedrock_as_data() -> BedrockSettings {
    let text = |text: &str| Some(text.to_owned());
    let secret = |text: &str| Some(Secret::new(text.to_owned()));
    BedrockSettings {
        region: "eu-central-1".to_owned(),
        protocol: text("mantle"),
        model: text("large"),
        small_fast_model: text("small"),
        access_key_id: secret("access"),
        secret_access_key: secret("signing"),
        session_token: secret("session"),
        role_arn: text("role"),
        external_id: text("external"),
        profile: text("profile"),
    }
}

async fn next(watch: &mut ProviderWatch) -> Arc<Snapshot> {
    soon(watch.changed()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn sets_arrive_as_plain_data() {
    let control = Control::default();
    control.set_providers(set(1));
    let (dialer, _cutter) = control.serve_pipe();
    let mut watch = ProviderWatch::start(&connect(dialer));
    assert!(watch.current().is_none());
    assert_eq!(*next(&mut watch).await, snapshot(1));
    assert_eq!(watch.current().as_deref(), Some(&snapshot(1)));
    let shown = format!("{watch:?}");
    for secret in ["key-one", "word", "access\"", "signing", "session\""] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
    control.push_providers(set(2)).await;
    assert_eq!(*next(&mut watch).await, snapshot(2));
}

#[tokio::test(start_paused = true)]
async fn a_broken_stream_is_opened_again_and_the_last_set_stays() {
    let control = Control::default();
    control.set_providers(set(1));
    let (dialer, cutter) = control.serve_pipe();
    let mut watch = ProviderWatch::start(&connect(dialer));
    assert_eq!(next(&mut watch).await.generation, 1);
    let mut generation = 1;
    for how in ["end", "error", "cut", "cut"] {
        generation += 1;
        control.set_providers(set(generation));
        match how {
            "end" => control.break_streams(None).await,
            "error" => {
                let status = Status::unavailable("going away");
                control.break_streams(Some(status)).await;
            }
            _ => cutter.cut(),
        }
        let last = watch.current().unwrap().generation;
        assert_eq!(last, generation - 1, "after {how}");
        assert_eq!(next(&mut watch).await.generation, generation, "after {how}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_set_again_is_no_change() {
    let control = Control::default();
    control.set_providers(set(1));
    let (dialer, _cutter) = control.serve_pipe();
    let mut watch = ProviderWatch::start(&connect(dialer));
    next(&mut watch).await;
    control.break_streams(None).await;
    control.until_watched().await;
    settle().await;
    control.push_providers(set(2)).await;
    let changed = next(&mut watch).await;
    assert_eq!(changed.generation, 2, "the first set was told twice");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_for_good_ends_the_watch() {
    let control = Control::default();
    control.refuse_connect(Some(Status::failed_precondition("too old")));
    let (dialer, _cutter) = control.serve_pipe();
    let mut watch = ProviderWatch::start(&connect(dialer));
    let end = soon(watch.changed()).await;
    assert_eq!(end, None);
}

/// A control plane that was restored from a backup counts from where the backup was.
#[tokio::test(start_paused = true)]
async fn an_older_generation_is_a_change_like_any_other() {
    let control = Control::default();
    control.set_providers(set(9));
    let (dialer, cutter) = control.serve_pipe();
    let mut watch = ProviderWatch::start(&connect(dialer));
    assert_eq!(next(&mut watch).await.generation, 9);
    control.set_providers(set(3));
    cutter.cut();
    assert_eq!(*next(&mut watch).await, snapshot(3));
    // The same number again, for another set.
    let mut other = set(3);
    other.providers.truncate(1);
    control.set_providers(other);
    cutter.cut();
    assert_eq!(next(&mut watch).await.providers.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn sets_that_follow_each_other_closely_may_arrive_as_one_and_the_last_is_never_lost() {
    let control = Control::default();
    control.set_providers(set(1));
    let (dialer, _cutter) = control.serve_pipe();
    let mut watch = ProviderWatch::start(&connect(dialer));
    next(&mut watch).await;
    for generation in 2..=12 {
        control.push_providers(set(generation)).await;
    }
    settle().await;
    assert_eq!(next(&mut watch).await.generation, 12, "the last of eleven");
    control.push_providers(set(13)).await;
    assert_eq!(next(&mut watch).await.generation, 13, "and nothing between");
}
