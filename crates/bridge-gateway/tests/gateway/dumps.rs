//! Exchanges with providers that are written to files.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use bridge_gateway::GatewayConfig;
use bridge_intercept::Blueprint;
use bridge_upstream::{DumpConfig, Dumps};

use crate::support::{Setup, World, call, json, sse};

const KEY: &str = "Authorization: Bearer alice-key";
const BODY: &[u8] = br#"{"model":"claude/../m","n":1.0,"stream":true,"messages":[]}"#;
const EVENTS: &str =
    "event: message_stop\ndata: {\"type\":\"message_stop\",\"said\":\"hello\"}\n\n";

/// Every file below the folder: its path from there, and its text.
fn files(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(inner) = open.pop() {
        for entry in fs::read_dir(inner).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                found.push((name, fs::read_to_string(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn each_attempt_has_its_pair_of_files_and_nothing_else_changes() {
    let folder = tempfile::tempdir().unwrap();
    let refused = json("429 Too Many Requests", "{\"error\":\"slow down\"}");
    let listed = json("200 OK", "{\"data\":[]}");
    let mut world = World::with(Setup {
        keys: vec!["operator-key-number-zero-0", "operator-key-number-one-11"],
        ..Setup::playing(vec![refused, sse(&[EVENTS]), listed])
    })
    .await;
    let config = DumpConfig::new(folder.path().join("dumps"));
    let logger = world.blueprint.logger.clone();
    let dumps = Dumps::start(config, &world.metrics, &logger).unwrap();
    let blueprint = Blueprint {
        dumps: Some(dumps.clone()),
        ..world.blueprint.clone()
    };
    world
        .gateway
        .replace(Arc::new(blueprint), GatewayConfig::default());
    let line = "POST /anthropic/v1/messages?beta=true HTTP/1.1";
    let reply = call(world.address, &[line, KEY, "X-Note: plain"], BODY).await;
    assert_eq!((reply.status, reply.text().as_str()), (200, EVENTS));
    let models = "GET /anthropic/v1/models?after=x HTTP/1.1";
    let reply = call(world.address, &[models, KEY], b"").await;
    assert_eq!(reply.status, 200);
    assert_eq!(world.provider.seen()[1].body, BODY, "sent as it came");
    dumps.written().await;
    let files = files(&folder.path().join("dumps"));
    let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names.len(), 6, "{names:?}");
    let text = |part: &str, suffix: &str| {
        let is_meant =
            |(name, _): &&(String, String)| name.contains(part) && name.ends_with(suffix);
        let mut meant = files.iter().filter(is_meant);
        meant
            .next()
            .unwrap_or_else(|| panic!("{part} {suffix}: {names:?}"))
            .1
            .as_str()
    };
    let is_first = |(name, _): &&(String, String)| {
        name.starts_with("anthropic/claude-..-m/")
            && name.ends_with(".req.txt")
            && !name.ends_with("-2.req.txt")
    };
    let (_, first) = files.iter().find(is_first).unwrap();
    assert!(
        first.starts_with("POST /v1/messages?beta=true HTTP/1.1\r\n"),
        "{first}"
    );
    assert!(first.contains("X-Api-Key: oper...ro-0\r\n"), "{first}");
    assert!(first.contains("X-Note: plain\r\n"), "{first}");
    assert!(
        first.ends_with("\n  \"n\": 1.0,\n  \"stream\": true,\n  \"messages\": []\n}\n"),
        "{first}"
    );
    let again = text("-2.req.txt", "");
    assert!(again.contains("X-Api-Key: oper...e-11\r\n"), "{again}");
    assert!(text("-2.resp.txt", "").ends_with(EVENTS));
    let refusals = files
        .iter()
        .filter(|(_, text)| text.starts_with("HTTP/1.1 429 "));
    assert_eq!(refusals.count(), 1);
    assert!(text("anthropic/passthrough/", ".resp.txt").ends_with("\r\n\r\n{\"data\":[]}"));
    assert!(text("-v1-models-", ".req.txt").starts_with("GET /v1/models?after=x "));
    for (name, text) in &files {
        for secret in ["operator-key", "alice-key"] {
            assert!(!text.contains(secret), "{secret} is in {name}: {text}");
        }
    }
    let lines = world.log();
    assert!(!lines.contains("dump not written"), "{lines}");
}
