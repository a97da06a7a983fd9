//! Gateways and their control plane as processes of their own.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::Value;

use crate::support::{
    HeldProvider, LAST, Program, Served, Serving, Start, connect, open_stream, read_rest,
    read_until, send, until,
};

/// A control plane that listens for gateways on a port of its own choice.
pub(crate) fn control<'s>(program: &'s Program, provider: &HeldProvider) -> Start<'s> {
    let start = Start {
        command: vec!["control".to_owned()],
        ..Start::new(program, provider)
    };
    start.with("BRIDGED_LISTEN_CONTROL_ADDRESS", "127.0.0.1:0")
}

/// A gateway with this key, whose control plane is there.
pub(crate) fn gateway<'s>(program: &'s Program, url: &str, key: &str) -> Start<'s> {
    let file = program.folder.path().join("gateway-key");
    fs::write(&file, format!("{key}\n")).unwrap();
    let start = Start {
        program,
        settings: String::new(),
        command: vec!["serve".to_owned(), "--control".to_owned(), url.to_owned()],
        socket: None,
        variables: Vec::new(),
    };
    start.with(
        "BRIDGED_CONTROL_GATEWAY_KEY_FILE",
        file.display().to_string(),
    )
}

pub(crate) fn gateway_key(control: &Serving, program: &Program, name: &str) -> String {
    let made = control.ask(program, &["gateway-key", "create", name]);
    made["secret"].as_str().unwrap().to_owned()
}

pub(crate) fn until_ready(gateway: &Serving) {
    until("a gateway that is ready", || {
        gateway
            .readiness()
            .starts_with("HTTP/1.1 200")
            .then_some(())
    });
}

/// The status line of the answer to a request.
pub(crate) fn status(to: SocketAddr, key: &str) -> String {
    let mut served = Served {
        stream: connect(to),
        heard: Vec::new(),
    };
    send(&mut served.stream, key);
    read_until(&mut served, "\r\n");
    let heard = String::from_utf8_lossy(&served.heard);
    heard.lines().next().unwrap_or_default().to_owned()
}

pub(crate) fn until_status(gateway: &Serving, key: &str, wanted: &str) {
    until(wanted, || {
        status(gateway.gateway, key).contains(wanted).then_some(())
    });
}

/// Certificate and key for `localhost`, as files in this folder.
fn identity(folder: &Path) -> [(&'static str, String); 2] {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let write = |name: &str, text: String| {
        let file = folder.join(name);
        fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    let certificate = write("cert.pem", made.cert.pem());
    let key = write("key.pem", made.signing_key.serialize_pem());
    [
        ("BRIDGED_LISTEN_CONTROL_CERTIFICATE_FILE", certificate),
        ("BRIDGED_LISTEN_CONTROL_PRIVATE_KEY_FILE", key),
    ]
}

#[test]
fn two_gateways_behave_as_one_over_tls() {
    let (home, provider) = (Program::new(), HeldProvider::start());
    provider.let_go();
    let identity = identity(home.folder.path());
    let roots = identity[0].1.clone();
    let mut start = control(&home, &provider);
    start.variables.extend(identity);
    let mut control = start.run();
    let url = format!("https://localhost:{}", control.gateway.port());
    assert!(
        control.said.contains(" https://127.0.0.1:"),
        "{}",
        control.said
    );
    let keys = ["north", "south"].map(|name| gateway_key(&control, &home, name));
    let homes = [Program::new(), Program::new()];
    let start = |at: usize| {
        let start = gateway(&homes[at], &url, &keys[at]);
        start.with("BRIDGED_CONTROL_EXTRA_ROOTS", &roots).run()
    };
    let gateways = [start(0), start(1)];
    gateways.iter().for_each(until_ready);

    let key = control.key(&home);
    for gateway in &gateways {
        let heard = read_to_last(gateway, &key);
        assert!(heard.starts_with("HTTP/1.1 200"), "{heard}");
    }
    until("the records of both", || {
        let records = control.ask(&home, &["interceptions", "list"]);
        let ended = |record: &&Value| record["status"] == "completed";
        (records.as_array().unwrap().iter().filter(ended).count() == 2).then_some(())
    });
    let seen = control.ask(&home, &["gateway-key", "list"]);
    assert!(
        seen.as_array()
            .unwrap()
            .iter()
            .all(|key| key["last_seen_at"].is_string())
    );

    let off = [
        "provider",
        "set",
        "anthropic",
        "--type",
        "anthropic",
        "--disabled",
    ];
    control.operate(&home, &off).unwrap();
    for gateway in &gateways {
        until_status(gateway, &key, " 503 ");
    }
    let (id, _) = key.split_once('-').unwrap();
    control.operate(&home, &["key", "delete", id]).unwrap();
    for gateway in &gateways {
        until_status(gateway, &key, " 403 ");
    }

    let told = gateways[0]
        .operate(&homes[0], &["user", "list"])
        .unwrap_err();
    assert!(
        told.contains("ask the operator's API of its control plane"),
        "{told}"
    );
    assert!(told.contains(&url), "{told}");
    assert_eq!(
        gateways[1].ask(&homes[1], &["turns"]),
        Value::Array(Vec::new())
    );

    control.signal("TERM");
    assert_eq!(control.ended().code(), Some(0), "{}", control.log());
    for mut gateway in gateways {
        until("a gateway that misses it", || {
            let readiness = gateway.readiness();
            readiness.contains("control_plane_away").then_some(())
        });
        assert!(gateway.running.0.try_wait().unwrap().is_none(), "it stays");
    }
}

fn read_to_last(gateway: &Serving, key: &str) -> String {
    let mut served = open_stream(gateway.gateway, key);
    read_until(&mut served, LAST);
    String::from_utf8(served.heard).unwrap()
}

#[test]
fn a_deleted_gateway_key_ends_the_gateway_and_none_of_its_turns() {
    let (home, provider) = (Program::new(), HeldProvider::start());
    let control = control(&home, &provider).run();
    let url = format!("http://{}", control.gateway);
    let other_home = Program::new();
    let gateway_key = gateway_key(&control, &home, "north");
    let mut gateway = gateway(&other_home, &url, &gateway_key).run();
    until_ready(&gateway);
    let key = control.key(&home);
    let running = open_stream(gateway.gateway, &key);

    control
        .operate(&home, &["gateway-key", "delete", "north"])
        .unwrap();
    let log = gateway.wait_for_log("\"draining\"");
    assert!(log.contains("gateway key invalid"), "{log}");
    let address = gateway.gateway;
    until("a refused connection", || {
        std::net::TcpStream::connect(address).err()
    });
    provider.let_go();
    let heard = read_rest(running);
    assert!(
        heard.contains(LAST) && heard.ends_with("0\r\n\r\n"),
        "{heard}"
    );
    assert_eq!(gateway.ended().code(), Some(1), "{}", gateway.log());
    // What it wrote last may be read after its end was seen.
    let log = gateway.wait_for_log("\nbridged: the control plane at ");
    let last = log.lines().last().unwrap();
    for part in [
        url.as_str(),
        "gateway key invalid: ",
        "bridged gateway-key create",
    ] {
        assert!(last.contains(part), "{part:?} is not in {last}");
    }
    assert!(!log.contains(&gateway_key[11..]) && !control.log().contains(&gateway_key[11..]));

    let (code, told) = self::gateway(&other_home, &url, &gateway_key).fail();
    assert_eq!(code, Some(1), "{told}");
    let log = control.log();
    for part in [
        "\"gateway key made\"",
        "\"gateway key deleted\"",
        "\"gateway refused\"",
    ] {
        assert!(log.contains(part), "{part} is not in {log}");
    }
}

#[test]
fn a_gateway_waits_for_a_control_plane_that_comes_later() {
    let (home, provider) = (Program::new(), HeldProvider::start());
    provider.let_go();
    let start = |address: &str| {
        let start = control(&home, &provider);
        start.with("BRIDGED_LISTEN_CONTROL_ADDRESS", address).run()
    };
    // A loopback address on which nothing else here takes a port while it is free.
    let mut first = start("127.0.77.1:0");
    let address = first.gateway.to_string();
    let gateway_key = gateway_key(&first, &home, "north");
    let key = first.key(&home);
    first.signal("TERM");
    assert_eq!(first.ended().code(), Some(0));

    let other_home = Program::new();
    let gateway = gateway(&other_home, &format!("http://{address}"), &gateway_key).run();
    let readiness = gateway.readiness();
    assert!(readiness.starts_with("HTTP/1.1 503"), "{readiness}");
    assert!(status(gateway.gateway, &key).contains(" 503 "));

    let _second = start(&address);
    until_ready(&gateway);
    assert!(status(gateway.gateway, &key).contains(" 200 "));
}

#[test]
fn an_embedded_control_plane_serves_further_gateways_when_it_is_told_to() {
    let (home, provider) = (Program::new(), HeldProvider::start());
    provider.let_go();
    let first = Start::new(&home, &provider);
    let first = first
        .with("BRIDGED_LISTEN_CONTROL_ADDRESS", "127.0.0.1:0")
        .run();
    let (_, url) = first
        .said
        .split_once("Further gateways connect to ")
        .unwrap();
    let url = url.lines().next().unwrap();
    let other_home = Program::new();
    let gateway_key = gateway_key(&first, &home, "second");
    let second = gateway(&other_home, url, &gateway_key).run();
    until_ready(&second);
    let key = first.key(&home);
    for gateway in [&first, &second] {
        assert!(status(gateway.gateway, &key).contains(" 200 "));
    }
}

#[test]
fn a_control_plane_elsewhere_is_checked_with_everything_else() {
    let program = Program::new();
    let arguments = ["check-config", "--control", "http://control.example"];
    let output = program.run(&arguments);
    assert_eq!(output.status.code(), Some(2));
    let told = crate::support::text(&output.stderr);
    for part in ["control.url: sends keys", "control.gateway_key: is missing"] {
        assert!(told.contains(part), "{part:?} is not in {told}");
    }
}
