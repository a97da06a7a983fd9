//! A running server reads its configuration again: by signal, by command, and over the API.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixDatagram;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::apart;
use crate::support::{
    HeldProvider, LAST, Program, Served, Serving, Start, connect, open_stream, read_until,
};

const SMALL: &str = "[gateway]\nbody_bytes = 40\n";

/// Writes the configuration with this before the providers.
fn write(program: &Program, provider: &HeldProvider, settings: &str) {
    let mut start = Start::new(program, provider);
    start.settings.insert_str(0, settings);
    start.write_file();
}

/// The status of a request for a stream that is not held.
fn status(serving: &Serving, key: &str) -> String {
    apart::status(serving.gateway, key)[9..12].to_owned()
}

/// Reads a stream to its proper end.
fn finished(mut stream: Served) -> String {
    read_until(&mut stream, "0\r\n\r\n");
    String::from_utf8(stream.heard).unwrap()
}

/// Asks for a reload over the API.
fn post_reload(serving: &Serving, token: &str) -> (String, Value) {
    call(serving, "POST /api/v1/reload", token)
}

/// Calls the API, and gives the status and the body of the answer.
fn call(serving: &Serving, line: &str, token: &str) -> (String, Value) {
    let mut stream = connect(serving.operator);
    let request = format!(
        "{line} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: 0\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].to_owned(), serde_json::from_str(body).unwrap())
}

fn token(program: &Program) -> String {
    let path = program
        .folder
        .path()
        .join(".local/share/bridged/admin-token");
    fs::read_to_string(path).unwrap().trim().to_owned()
}

#[test]
fn sighup_puts_new_limits_and_log_level_in_force_and_cuts_nothing() {
    let (program, provider) = (Program::new(), HeldProvider::start());
    let mut serving = Start::new(&program, &provider).run();
    let key = serving.key(&program);
    let running = open_stream(serving.gateway, &key);
    let settings = format!("{SMALL}[log]\nlevel = \"debug\"\n[data]\nfolder = \"/elsewhere\"\n");
    write(&program, &provider, &settings);
    serving.signal("HUP");
    let log = serving.wait_for_log("settings changed that need a restart");
    let taken = log
        .lines()
        .find(|line| line.contains("configuration taken"));
    let taken = taken.unwrap_or_else(|| panic!("{log}"));
    assert!(taken.contains("log.level, gateway.body_bytes"), "{taken}");
    assert!(log.contains("\"settings\":\"data.folder\""), "{log}");
    assert_eq!(status(&serving, &key), "413");
    provider.let_go();
    assert!(finished(running).contains(LAST));
    write(&program, &provider, "");
    let shown = serving.operate(&program, &["reload"]).unwrap();
    assert!(
        shown.contains("changed          gateway.body_bytes\n"),
        "{shown}"
    );
    assert!(!shown.contains("restart"), "{shown}");
    assert_eq!(status(&serving, &key), "200");
    let shown = serving.operate(&program, &["reload"]).unwrap();
    assert!(shown.contains("No setting has changed."), "{shown}");
    serving.signal("TERM");
    assert_eq!(serving.ended().code(), Some(0));
}

#[test]
fn the_log_level_changes_by_hand_and_outlives_a_reload_for_other_reasons() {
    let (program, provider) = (Program::new(), HeldProvider::start());
    provider.let_go();
    let serving = Start::new(&program, &provider).run();
    let level = |arguments: &[&str]| {
        let view = serving.ask(&program, &[&["log", "level"], arguments].concat());
        let word = |name: &str| view[name].as_str().unwrap().to_owned();
        (word("level"), word("configured"))
    };
    let seen = |level: &str, configured: &str| (level.to_owned(), configured.to_owned());
    assert_eq!(level(&[]), seen("info", "info"));
    assert_eq!(level(&["trace"]), seen("trace", "info"));
    // A connection to a provider has a line at debug.
    let key = serving.key(&program);
    assert_eq!(status(&serving, &key), "200");
    serving.wait_for_log("connected");
    write(&program, &provider, SMALL);
    serving.operate(&program, &["reload"]).unwrap();
    assert_eq!(level(&[]), seen("trace", "info"));
    assert_eq!(level(&["--reset"]), seen("info", "info"));
    level(&["debug"]);
    write(&program, &provider, "[log]\nlevel = \"warning\"\n");
    serving.operate(&program, &["reload"]).unwrap();
    assert_eq!(level(&[]), seen("warning", "warning"));
    let told = serving.operate(&program, &["log", "level", "loud"]);
    assert!(told.unwrap_err().contains("none of trace, debug"));
    assert_eq!(call(&serving, "GET /api/v1/log", "wrong").0, "401");
    let (code, told) = call(&serving, "PUT /api/v1/log", &token(&program));
    assert_eq!(code, "400", "{told}");
}

#[test]
fn a_bad_file_is_refused_with_every_reason_and_the_one_before_stays() {
    let (program, provider) = (Program::new(), HeldProvider::start());
    provider.let_go();
    let serving = Start::new(&program, &provider).run();
    let key = serving.key(&program);
    let mistakes = format!(
        "{SMALL}head_timeout = \"soon\"\n[log]\nlevel = \"loud\"\n[upstream]\n\
         extra_roots = \"/nowhere.pem\"\n[[providers]]\nname = \"b\"\ntype = \"gemini\"\n"
    );
    write(&program, &provider, &mistakes);
    let reasons = ["gateway.head_timeout", "log.level", "providers[0].type"];
    let told = serving.operate(&program, &["reload"]).unwrap_err();
    for reason in reasons {
        assert!(
            told.contains(&format!("\n  {reason}: ")),
            "{reason}: {told}"
        );
    }
    let (code, told) = post_reload(&serving, &token(&program));
    assert_eq!(
        (code.as_str(), told["problems"].as_array().unwrap().len()),
        ("422", 3),
        "{told}"
    );
    assert_eq!(post_reload(&serving, "wrong").0, "401");
    serving.signal("HUP");
    for reason in reasons {
        serving.wait_for_log(reason);
    }
    assert_eq!(status(&serving, &key), "200");
    let readiness = serving.readiness();
    assert!(readiness.starts_with("HTTP/1.1 200"), "{readiness}");
    assert!(
        readiness.contains("configuration_refused") && readiness.contains("has 3 problems"),
        "{readiness}"
    );
    // What only shows when it is used is found before anything changes as well.
    let settings = format!("{SMALL}[upstream]\nextra_roots = \"/nowhere.pem\"\n");
    write(&program, &provider, &settings);
    let told = serving.operate(&program, &["reload"]).unwrap_err();
    assert!(told.contains("/nowhere.pem"), "{told}");
    assert_eq!(status(&serving, &key), "200");
    write(&program, &provider, SMALL);
    serving.operate(&program, &["reload"]).unwrap();
    assert_eq!(status(&serving, &key), "413");
    let readiness = serving.readiness();
    assert!(readiness.contains("\"state\":\"ready\""), "{readiness}");
}

#[test]
fn providers_of_the_file_change_and_what_the_operator_set_stays() {
    let (program, old, new) = (Program::new(), HeldProvider::start(), HeldProvider::start());
    new.let_go();
    let serving = Start::new(&program, &old).run();
    let key = serving.key(&program);
    let running = open_stream(serving.gateway, &key);
    Start::new(&program, &new).write_file();
    let taken = serving.ask(&program, &["reload"]);
    assert_eq!(taken["changed"], serde_json::json!(["providers.anthropic"]));
    // The old provider holds its streams, so only the new one can have answered.
    let mut served = open_stream(serving.gateway, &key);
    read_until(&mut served, "0\r\n\r\n");
    let off = [
        "provider",
        "set",
        "anthropic",
        "--type",
        "anthropic",
        "--disabled",
    ];
    serving.operate(&program, &off).unwrap();
    write(&program, &new, "[log]\nlevel = \"debug\"\n");
    serving.ask(&program, &["reload"]);
    let shown = serving.ask(&program, &["provider", "show", "anthropic"]);
    assert_eq!(shown["enabled"], false, "{shown}");
    let mut none = Start::new(&program, &new);
    none.settings = "providers = []\n".to_owned();
    fs::write(program.folder.path().join("bridged.toml"), &none.settings).unwrap();
    let taken = serving.ask(&program, &["reload"]);
    let warnings = taken["warnings"].to_string();
    assert!(warnings.contains("provider delete anthropic"), "{taken}");
    assert!(
        serving
            .operate(&program, &["provider", "show", "anthropic"])
            .is_ok()
    );
    old.let_go();
    assert!(finished(running).contains(LAST));
}

#[test]
fn providers_are_in_use_when_the_reload_is_answered() {
    let (program, provider) = (Program::new(), HeldProvider::start());
    provider.let_go();
    let serving = Start::new(&program, &provider).run();
    let (key, token) = (serving.key(&program), token(&program));
    let mut off = Start::new(&program, &provider);
    off.settings.push_str("enabled = false\n");
    let on = Start::new(&program, &provider);
    for _ in 0..20 {
        for (start, wanted) in [(&off, "503"), (&on, "200")] {
            start.write_file();
            let (code, told) = post_reload(&serving, &token);
            assert_eq!(code, "200", "{told}");
            let changed = &told["changed"];
            assert_eq!(changed, &serde_json::json!(["providers.anthropic"]));
            assert!(
                !told["warnings"].to_string().contains("not in use"),
                "{told}"
            );
            assert_eq!(status(&serving, &key), wanted, "{told}");
        }
    }
}

#[test]
fn a_control_plane_of_its_own_reads_its_providers_again() {
    let (program, provider) = (Program::new(), HeldProvider::start());
    let start = || Start {
        command: vec!["control".to_owned()],
        ..Start::new(&program, &provider).with("BRIDGED_LISTEN_CONTROL_ADDRESS", "127.0.0.1:0")
    };
    let mut control = start().run();
    let mut changed = start();
    changed.settings = changed
        .settings
        .replace("\"anthropic\"\ntype", "\"other\"\ntype");
    changed.write_file();
    control.signal("HUP");
    let log = control.wait_for_log("configuration taken");
    assert!(log.contains("\"changed\":\"providers.other\""), "{log}");
    assert!(
        control
            .operate(&program, &["provider", "show", "other"])
            .is_ok()
    );
    changed.settings = "[log]\nlevel = \"loud\"\n".to_owned();
    changed.write_file();
    let told = control.operate(&program, &["reload"]).unwrap_err();
    assert!(told.contains("log.level: "), "{told}");
    assert!(control.readiness().contains("configuration_refused"));
    let told = control.operate(&program, &["turns"]).unwrap_err();
    assert!(told.contains("of a gateway (--admin-url)"), "{told}");
    control.signal("TERM");
    assert_eq!(control.ended().code(), Some(0));
}

#[test]
fn the_document_of_the_api_names_what_a_process_has_besides() {
    let (program, provider) = (Program::new(), HeldProvider::start());
    let check = |serving: &Serving, has_turns: bool| {
        let (code, document) = call(serving, "GET /api/v1/openapi.json", "none");
        assert_eq!(code, "200", "{document}");
        let paths = document["paths"].as_object().unwrap();
        assert!(paths.contains_key("/api/v1/users"), "{paths:?}");
        assert_eq!(paths.contains_key("/api/v1/turns"), has_turns);
        assert!(paths.contains_key("/api/v1/log"), "{paths:?}");
        let answers = &paths["/api/v1/reload"]["post"]["responses"];
        assert!(answers["422"].is_object(), "{answers}");
        let schemas = &document["components"]["schemas"];
        assert!(schemas["ReloadView"]["properties"]["changed"].is_object());
        let told = call(serving, "GET /api/v1/reload", &token(&program));
        let code = &told.1["error"]["code"];
        assert_eq!(
            (told.0.as_str(), code),
            ("405", &"method_not_allowed".into())
        );
    };
    let mut serving = Start::new(&program, &provider).run();
    check(&serving, true);
    serving.signal("TERM");
    assert_eq!(serving.ended().code(), Some(0));
    let start = Start {
        command: vec!["control".to_owned()],
        ..Start::new(&program, &provider).with("BRIDGED_LISTEN_CONTROL_ADDRESS", "127.0.0.1:0")
    };
    check(&start.run(), false);
}

#[test]
fn three_hundred_reloads_cut_no_stream() {
    const RELOADS: usize = 300;
    const EVERY: usize = 10;
    let (program, provider) = (Program::new(), HeldProvider::start());
    let serving = Start::new(&program, &provider).run();
    let (key, token) = (serving.key(&program), token(&program));
    let mut streams = Vec::new();
    for number in 0..RELOADS {
        let settings = format!("[gateway]\nconnections = {}\n", 1_000 + number);
        write(&program, &provider, &settings);
        let (code, told) = post_reload(&serving, &token);
        assert_eq!(code, "200", "{told}");
        assert_eq!(told["changed"], serde_json::json!(["gateway.connections"]));
        if number % EVERY == 0 {
            streams.push(open_stream(serving.gateway, &key));
        }
    }
    let turns = serving.ask(&program, &["turns"]);
    let generations = turns
        .as_array()
        .unwrap()
        .iter()
        .map(|turn| &turn["generation"]);
    let mut generations: Vec<_> = generations.filter_map(Value::as_u64).collect();
    assert_eq!(generations.len(), RELOADS / EVERY);
    generations.dedup();
    assert_eq!(generations.len(), RELOADS / EVERY, "each on its own");
    provider.let_go();
    for stream in streams {
        assert!(finished(stream).contains(LAST));
    }
}

#[test]
fn a_burst_of_signals_ends_with_the_last_file_in_force() {
    let (program, provider) = (Program::new(), HeldProvider::start());
    provider.let_go();
    let path = program.folder.path().join("notify");
    let supervisor = UnixDatagram::bind(&path).unwrap();
    let (tell, words) = mpsc::sync_channel(64);
    // Everything is read, as a supervisor does.
    thread::spawn(move || {
        let mut bytes = [0; 1_024];
        while let Ok(length) = supervisor.recv(&mut bytes) {
            let word = String::from_utf8_lossy(&bytes[..length]).into_owned();
            if tell.send(word).is_err() {
                return;
            }
        }
    });
    let heard = || words.recv_timeout(Duration::from_secs(30)).unwrap();
    let serving = Start {
        variables: vec![("NOTIFY_SOCKET", path.display().to_string())],
        ..Start::new(&program, &provider)
    }
    .run();
    let key = serving.key(&program);
    assert!(heard().contains("READY=1\n"));
    for _ in 0..20 {
        serving.signal("HUP");
    }
    let word = heard();
    assert!(
        word.contains("RELOADING=1\n") && word.contains("MONOTONIC_USEC="),
        "{word}"
    );
    assert!(heard().contains("READY=1\n"));
    write(&program, &provider, SMALL);
    serving.signal("HUP");
    serving.wait_for_log("gateway.body_bytes");
    assert_eq!(status(&serving, &key), "413");
    let taken = serving.log().matches("configuration taken").count();
    assert!((1..=21).contains(&taken), "{taken}");
}
