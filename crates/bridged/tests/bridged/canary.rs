//! Distinctive secrets in every place that takes one, everything driven into trouble while it logs
//! all it can, and then a search: none is found but where it belongs.

mod called;
mod hunt;
mod mishaps;
mod operator;
mod providers;
mod tool_servers;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::SocketAddr;

use serde_json::Value;

use self::hunt::Hunt;
use self::mishaps::{MISHAP, MISHAPS};
use self::operator::Operator;
use self::providers::{OPERATORS, Providers, SECRETS, secret};
use self::tool_servers::ToolServers;
use crate::apart::{control, gateway, until_ready};
use crate::support::{HeldProvider, Program, Serving, connect, until};
use crate::traces::Collector;

/// What the operator's API asks for.
const ADMIN: &str = "canary+admin/t0ken=a9";
/// What somebody presents who guesses.
const GUESS: &str = "canary+guess/t0ken=b8";
/// What a caller brings along for the provider.
const OWN: &str = "canary+callers/own=k3y0e";

/// Who asks, and with what.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asker {
    /// With the organisation's key.
    Central,
    /// With the organisation's key and a key of their own.
    Own,
    /// With a key that nobody made.
    Stranger,
}

const ASKERS: [Asker; 3] = [Asker::Central, Asker::Own, Asker::Stranger];

/// Routes of every dialect, and such as are passed through.
const ROUTES: [(&str, &str); 11] = [
    ("POST", "/anthropic/v1/messages"),
    ("POST", "/anthropic/v1/messages/count_tokens"),
    ("GET", "/anthropic/v1/models"),
    ("POST", "/openai/v1/chat/completions"),
    ("POST", "/openai/v1/responses"),
    ("GET", "/openai/v1/models"),
    ("POST", "/azure/v1/chat/completions"),
    ("POST", "/copilot/chat/completions"),
    ("POST", "/bedrock/v1/messages"),
    ("POST", "/proxied/v1/chat/completions"),
    ("GET", "/nowhere/v1/models"),
];

/// Routes to providers that nobody reaches.
const DEAD_ENDS: [(&str, &str); 3] = [
    ("POST", "/closed/v1/chat/completions"),
    ("POST", "/unnamed/v1/responses"),
    ("POST", "/untrusted/v1/chat/completions"),
];

/// A request, with the credential in every header that could be looked at for one.
fn ask(to: SocketAddr, key: &str, asker: Asker, route: (&str, &str), mishap: &str) -> Vec<u8> {
    let (method, path) = route;
    let credentials = match asker {
        Asker::Central => format!("authorization: Bearer {key}\r\nx-api-key: {key}\r\n"),
        Asker::Own => format!(
            "x-coder-ai-governance-token: {key}\r\nauthorization: Bearer {OWN}\r\nx-api-key: {OWN}\r\n"
        ),
        Asker::Stranger => format!("authorization: Bearer {GUESS}\r\nx-api-key: {GUESS}\r\n"),
    };
    let stream = mishap.len().is_multiple_of(2);
    let said = r#"[{"role":"user","content":"hi"}]"#;
    let body = match method {
        "POST" => format!(
            r#"{{"model":"m","max_tokens":9,"stream":{stream},"messages":{said},"input":{said}}}"#
        ),
        _ => String::new(),
    };
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: g\r\nconnection: close\r\n{credentials}\
         cookie: session={GUESS}\r\nproxy-authorization: Basic {GUESS}\r\n{MISHAP}: {mishap}\r\n\
         x-stainless-retry-count: 0\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    converse(to, head.as_bytes())
}

/// Sends this and reads until the other side ends it.
fn converse(to: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut stream = connect(to);
    stream.write_all(request).unwrap();
    let mut heard = Vec::new();
    // A connection that breaks off has said all that it will.
    let _broken = stream.read_to_end(&mut heard);
    heard
}

/// Asks on every route for every mishap, as everybody. Says which statuses there were.
fn drive(gateway: &Serving, key: &str, hunt: &mut Hunt) -> BTreeSet<String> {
    let mut statuses = BTreeSet::new();
    let ways = ROUTES
        .iter()
        .flat_map(|route| MISHAPS.map(|mishap| (*route, mishap)));
    for (route, mishap) in ways.chain(DEAD_ENDS.map(|route| (route, ""))) {
        for asker in ASKERS {
            let heard = ask(gateway.gateway, key, asker, route, mishap);
            // What a provider tells of the key that it was given is relayed as it was said. To
            // the one whose key that is, it may be.
            let is_relayed = mishap == "echo" && !route.1.starts_with("/bedrock");
            let may: &[&str] = match asker {
                Asker::Central if is_relayed => &OPERATORS,
                Asker::Own if is_relayed => &["the caller's own key"],
                Asker::Central | Asker::Own | Asker::Stranger => &[],
            };
            let (method, path) = route;
            hunt.look(
                &format!("the answer to {method} {path} {mishap}"),
                &heard,
                may,
            );
            let head = String::from_utf8_lossy(&heard).into_owned();
            statuses.extend(head.split(' ').nth(1).map(str::to_owned));
        }
    }
    statuses
}

/// What is no request at all, with a key in every place that messages could quote. Paths are not
/// among them: they are logged as they were asked for, and no key belongs there.
fn drive_nonsense(gateway: &Serving, key: &str, hunt: &mut Hunt) {
    let bearer = format!("authorization: Bearer {key}\r\n");
    let encoded = GUESS
        .replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D");
    for request in [
        format!(
            "POST /anthropic/v1/messages?key={OWN} HTTP/1.1\r\nhost: g\r\n{bearer}content-length: 3\r\n\r\n{{\"x"
        ),
        format!(
            "GET http://somebody:{encoded}@g/openai/v1/models HTTP/1.1\r\nhost: g\r\nconnection: close\r\n\r\n"
        ),
        format!("{GUESS} / HTTP/1.1\r\nhost: g\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nhost: g\r\n{GUESS}\r\n\r\n"),
        format!(
            "POST /openai/v1/responses HTTP/1.1\r\nhost: g\r\n{bearer}connection: close\r\ncontent-length: 40\r\n\r\n{{\"model\": \"m\", \"{OWN}\": }}      "
        ),
    ] {
        let heard = converse_half(gateway.gateway, request.as_bytes());
        hunt.look(
            "the answer to nonsense",
            &heard,
            &[
                "the caller's own key",
                "what a stranger guesses",
                "the user key",
            ],
        );
    }
}

/// Sends this and nothing more, and reads what comes.
fn converse_half(to: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut stream = connect(to);
    stream.write_all(request).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut heard = Vec::new();
    let _broken = stream.read_to_end(&mut heard);
    heard
}

/// The records of everything, as soon as nothing runs any more.
fn until_all_ended(control: Operator) -> Value {
    until("the end of every interception", || {
        let records = control.json("GET", "/api/v1/interceptions?limit=500", "");
        let list = records["items"].as_array().unwrap();
        let is_over = !list.is_empty() && list.iter().all(|it| it["status"] != "running");
        is_over.then(|| records["items"].clone())
    })
}

/// Where secrets may be on the disk of a control plane: in its store, which nobody but its owner
/// reads.
fn of_control(name: &str) -> &'static [&'static str] {
    match name.contains(".db") {
        true => &OPERATORS,
        false => &[],
    }
}

#[test]
fn no_secret_leaves_its_place() {
    let (home, nobody) = (Program::new(), HeldProvider::start());
    let (providers, tool_servers) = (Providers::start(), ToolServers::start());
    let mut start = control(&home, &nobody)
        .with("BRIDGED_ADMIN_TOKEN", ADMIN)
        .with("BRIDGED_LOG_LEVEL", "trace");
    start.settings = providers.settings();
    let mut plane = start.run();
    let operator = Operator {
        to: plane.operator,
        token: ADMIN,
    };
    providers.make(operator);
    let _user = operator.json("POST", "/api/v1/users", r#"{"username":"ada"}"#);
    tool_servers.make(operator, "ada");
    let made = |path: &str, body: &str| {
        let made = operator.json("POST", path, body);
        made["secret"].as_str().unwrap().to_owned()
    };
    let key = made("/api/v1/keys", r#"{"user":"ada"}"#);
    let gateway_key = made("/api/v1/gateway-keys", r#"{"name":"north"}"#);

    let mut hunt = Hunt::default();
    for (_, slot, secret) in SECRETS.iter().chain(&tool_servers::SECRETS) {
        hunt.add(slot, secret);
    }
    hunt.add("the admin token", ADMIN);
    hunt.add("what a stranger guesses", GUESS);
    hunt.add("the caller's own key", OWN);
    // The beginning of each is the key's id, which may be shown.
    hunt.add("the user key", key.split_once('-').unwrap().1);
    hunt.add("the gateway key", &gateway_key[11..]);

    let away = Program::new();
    let url = format!("http://{}", plane.gateway);
    let dumps = away.folder.path().join("dumps");
    let collector = Collector::start();
    let headers = away.folder.path().join("trace-headers");
    let line = format!("X-Team-Key: {}\n", secret("the collector's header"));
    std::fs::write(&headers, line).unwrap();
    let serve = || {
        gateway(&away, &url, &gateway_key)
            .with("BRIDGED_ADMIN_TOKEN", ADMIN)
            .with("BRIDGED_LOG_LEVEL", "trace")
            .with("BRIDGED_METRICS_ALIASES", "both")
            .with("BRIDGED_DUMP_FOLDER", dumps.display().to_string())
            .with("BRIDGED_TRACES_ENDPOINT", collector.url())
            .with("BRIDGED_TRACES_HEADERS_FILE", headers.display().to_string())
            .with("BRIDGED_TRACES_CONTENT", "true")
    };
    // With breakers, which the second one has, most of what follows would not leave.
    let mut north = serve().run();
    until_ready(&north);

    let statuses = drive(&north, &key, &mut hunt);
    for wanted in [
        "200", "400", "401", "403", "404", "429", "500", "502", "503",
    ] {
        assert!(
            statuses.contains(wanted),
            "no answer was {wanted}: {statuses:?}"
        );
    }
    drive_nonsense(&north, &key, &mut hunt);
    let records = until_all_ended(operator);
    assert!(operator::read_details(&plane, &records, &mut hunt) > 100);
    for server in [&plane, &north] {
        operator::read_pages(server, &mut hunt);
    }
    operator::write_nonsense(&plane, &mut hunt);
    operator::check_nonsense(&home, &mut hunt);

    // Without its control plane it lives on what it has kept.
    plane.signal("TERM");
    plane.ended();
    north.signal("KILL");
    north.ended();
    look_at_log(&north, &mut hunt);
    let mut north = serve().with("BRIDGED_BREAKER_ENABLED", "true").run();
    until("an answer on what was kept", || {
        let heard = ask(north.gateway, &key, Asker::Central, ROUTES[0], "");
        heard.starts_with(b"HTTP/1.1 200").then_some(())
    });
    operator::read_pages(&north, &mut hunt);
    let dumped = std::fs::read_dir(&dumps).unwrap().count();
    assert!(dumped > 0, "nothing is dumped");
    let batches = collector.batches();
    assert!(batches.len() > 1, "no spans came");
    for batch in batches {
        hunt.look("spans", &batch, &[]);
    }
    let own = ["bridged.toml", "gateway-key", "trace-headers"];
    let seen = hunt.look_at_files(away.folder.path(), &own, |_| &[]);
    assert!(
        seen >= 4,
        "a journal, grants, their key and a sealed set of providers: {seen}"
    );
    north.signal("TERM");
    north.ended();
    look_at_log(&north, &mut hunt);
    look_at_log(&plane, &mut hunt);
    providers.look(&mut hunt);
    tool_servers.look(&mut hunt);
    hunt.look_at_files(away.folder.path(), &own, |_| &[]);
    let seen = hunt.look_at_files(home.folder.path(), &own, of_control);
    assert!(seen >= 1, "a store");
    eprintln!(
        "{} secrets looked for in {} places with {} bytes",
        hunt.secrets.len(),
        hunt.looked_at,
        hunt.bytes
    );
    hunt.finish();
}

fn look_at_log(server: &Serving, hunt: &mut Hunt) {
    let log = server.log();
    assert!(
        log.contains("\"level\":\"TRACE\"") || log.contains("TRCE"),
        "nothing is traced"
    );
    hunt.look("a log", log.as_bytes(), &[]);
    hunt.look("what a start says", server.said.as_bytes(), &[]);
}
