//! The runner against two simulated providers, one of which plays the gateway.

use bridge_simulate::{SimulateConfig, Simulator};
use bridge_telemetry::discard;

use crate::case::Case;
use crate::target::Dialect;

async fn simulator() -> Simulator {
    let config = SimulateConfig {
        keep_seen: 8,
        ..SimulateConfig::default()
    };
    Simulator::bind(config, &discard()).await.unwrap()
}

/// Runs the cases with this word and gives back what was printed.
async fn run(gateway: &str, dialect: &str, only: &str) -> (String, Result<(), String>) {
    let direct = simulator().await;
    let base = match dialect {
        "anthropic" => direct.base_url_anthropic(),
        _ => direct.base_url_openai(),
    };
    let pid = std::process::id().to_string();
    let arguments = [
        "--direct",
        &base,
        "--gateway",
        gateway,
        "--key",
        "operator-key",
        "--pid",
        &pid,
        "--dialect",
        dialect,
        "--only",
        only,
        "--short",
    ];
    let flags = crate::flags::parse(arguments.into_iter().map(str::to_owned));
    let mut out = Vec::new();
    let outcome = crate::run::all(&flags.unwrap().unwrap(), &mut out).await;
    let outcome = outcome.map_err(|error| error.to_string());
    (String::from_utf8(out).unwrap(), outcome)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_made_and_counted() {
    let gateway = simulator().await;
    let base = gateway.base_url_anthropic();
    let (printed, outcome) = run(&base, "anthropic", "1 KiB, whole answer, 1 connections").await;
    assert_eq!(outcome, Ok(()), "{printed}");
    assert!(printed.contains("1 KiB, whole answer"), "{printed}");
    assert!(printed.contains("added p50 at one connection"), "{printed}");
    let seen = gateway.seen();
    assert!(seen.iter().all(|seen| seen.body_bytes == 1024), "{seen:?}");
    assert_eq!(seen[0].headers["authorization"], "Bearer operator-key");
    assert!(gateway.requests() > 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gateways_with_and_without_a_journal_are_compared() {
    let (gateway, twin) = (simulator().await, simulator().await);
    let pid = std::process::id().to_string();
    let (base, twin_base) = (gateway.base_url_anthropic(), twin.base_url_anthropic());
    let mut arguments = vec![
        "--direct",
        &base,
        "--gateway",
        &base,
        "--key",
        "k",
        "--pid",
        &pid,
    ];
    arguments.extend([
        "--without-journal",
        &twin_base,
        "--without-journal-key",
        "l",
    ]);
    arguments.extend(["--without-journal-pid", &pid, "--short"]);
    arguments.extend(["--only", "journal, 1 KiB, whole answer, 1 connections"]);
    let flags = crate::flags::parse(arguments.into_iter().map(str::to_owned));
    let mut out = Vec::new();
    let outcome = crate::run::all(&flags.unwrap().unwrap(), &mut out).await;
    let printed = String::from_utf8(out).unwrap();
    outcome.unwrap();
    assert!(printed.contains("journal adds p99"), "{printed}");
    assert!(gateway.requests() > 10 && twin.requests() > 10);
    assert_eq!(twin.seen()[0].headers["authorization"], "Bearer l");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_dialect_streams_the_asked_events() {
    for dialect in ["anthropic", "chat", "responses"] {
        let gateway = simulator().await;
        let base = match dialect {
            "anthropic" => gateway.base_url_anthropic(),
            _ => gateway.base_url_openai(),
        };
        let (printed, outcome) = run(&base, dialect, "100 events, burst, 1 connections").await;
        assert_eq!(outcome, Ok(()), "{dialect}: {printed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_are_failures() {
    let config = SimulateConfig {
        expected_key: Some("another-key".to_owned()),
        ..SimulateConfig::default()
    };
    let gateway = Simulator::bind(config, &discard()).await.unwrap();
    let base = gateway.base_url_anthropic();
    let (_, outcome) = run(&base, "anthropic", "1 KiB, whole answer, 1 connections").await;
    let why = outcome.unwrap_err();
    assert!(
        why.ends_with("the first with: status 401 Unauthorized"),
        "{why}"
    );
}

#[test]
fn bodies_have_their_size() {
    for dialect in [Dialect::Anthropic, Dialect::Chat, Dialect::Responses] {
        for bytes in [1 << 10, 16 << 10, 200 << 10] {
            for is_stream in [true, false] {
                let body = dialect.body(bytes, is_stream);
                assert_eq!(body.len(), bytes);
                serde_json::from_slice::<serde_json::Value>(&body).unwrap();
            }
        }
    }
}

#[test]
fn memory_is_measured_first_and_with_a_thousand_streams() {
    for is_short in [true, false] {
        let memory = Case::memory(is_short);
        assert_eq!((memory.connections, memory.is_paced()), (1000, true));
        assert!(!Case::all(is_short).contains(&memory));
    }
}
