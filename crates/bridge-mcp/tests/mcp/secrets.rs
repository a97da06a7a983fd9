//! Nothing secret is told to anybody: neither what is presented, nor what tools say.

use std::fmt::{Arguments, Write as _};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bridge_auth::Secret;
use bridge_mcp::Credential;
use bridge_telemetry::ErrorChain;
use parking_lot::Mutex;
use slog::{Drain, KV, Key, Logger, Never, OwnedKVList, Record, Serializer, o};

use crate::authority::{LONG, Told, caller, logging_house, quick, spec, token};
use crate::server::{Reply, ToolHall};

/// All lines, with their values and those of their loggers.
#[derive(Clone)]
struct Lines(Arc<AssertUnwindSafe<Mutex<String>>>);

impl Drain for Lines {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), Never> {
        let mut line = Line(record.msg().to_string());
        let _infallible = record.kv().serialize(record, &mut line);
        let _infallible = values.serialize(record, &mut line);
        self.0.lock().push_str(&(line.0 + "\n"));
        Ok(())
    }
}

struct Line(String);

impl Serializer for Line {
    fn emit_arguments(&mut self, key: Key, value: &Arguments<'_>) -> slog::Result {
        let _infallible = write!(self.0, " {key}={value}");
        Ok(())
    }
}

/// None of these may stand anywhere.
const CANARIES: [&str; 6] = [
    "canary-token",
    "canary-header",
    "canary-argument",
    "canary-result",
    "canary-body",
    "callers-own-key",
];

fn check(what: &str, text: &str) {
    for canary in CANARIES {
        assert!(!text.contains(canary), "{canary} is in {what}: {text}");
    }
}

#[tokio::test]
async fn nothing_secret_is_in_lines_errors_and_figures() {
    let lines = Lines(Arc::new(AssertUnwindSafe(Mutex::default())));
    let logger = Logger::root(lines.clone().fuse(), o!());
    let told = Arc::new(Told::default());
    let hall = ToolHall::start(&["a"]).await;
    let mut spec = spec("one", &hall.url());
    spec.credential = Credential::Users;
    spec.headers = vec![("X-Team".to_owned(), Secret::new("canary-header".to_owned()))];
    told.grant(vec![(spec, Some(token("canary-token")))]);
    let house = logging_house(&told, quick(), &logger);
    let catalogue = house.catalogue(caller());
    let shelf = catalogue.ready(LONG).await;
    let tool = &shelf.tools()[0];
    let answers = [
        (
            200,
            r#"{"jsonrpc":"2.0","id":ID,"result":{"content":[{"type":"text","text":"canary-result"}]}}"#,
        ),
        (
            200,
            r#"{"jsonrpc":"2.0","id":ID,"result":{"content":"canary-result"}}"#,
        ),
        (200, r#"{"jsonrpc":"2.0","id":ID,"result":"canary-result""#),
        (
            200,
            r#"{"jsonrpc":"2.0","id":ID,"error":{"code":1,"message":"canary-token, canary-header"}}"#,
        ),
        (401, "canary-body"),
        (403, "canary-body"),
        (500, r#"{"error":"canary-body"}"#),
        (307, "canary-body"),
    ];
    for (status, body) in answers {
        hall.script(move |seen| {
            let body = || Reply::Status(status, body.replace("ID", &seen.id()));
            (seen.method() == "tools/call").then(body)
        });
        let called = catalogue
            .call(tool, r#"{"a":"canary-argument"}"#, LONG)
            .await;
        let text = called
            .as_ref()
            .map_err(|error| ErrorChain(error).to_string());
        check("an outcome", &format!("{text:?} {called:?}"));
    }
    let error = catalogue
        .call(tool, r#"["canary-argument"]"#, LONG)
        .await
        .unwrap_err();
    check("an error", &format!("{error:?} {}", ErrorChain(&error)));
    check(
        "a catalogue",
        &format!("{catalogue:?} {shelf:?} {:?} {:?}", tool, house.figures()),
    );
    drop(catalogue);
    house.close().await;
    assert!(
        hall.calls()
            .iter()
            .any(|seen| seen.body.contains("canary-argument"))
    );
    let lines = lines.0.lock().clone();
    assert!(lines.contains("tool server open"), "{lines}");
    check("the log", &lines);
}
