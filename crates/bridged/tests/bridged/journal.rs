//! What a killed gateway leaves on its disk.

use serde_json::Value;

use crate::apart::{self, control, gateway, gateway_key, until_ready};
use crate::support::{
    HeldProvider, LAST, Program, Serving, held_socket, open_stream, read_until, text, until,
};

/// How many interceptions the control plane has that came to their end.
fn completed(control: &Serving, home: &Program) -> usize {
    let records = control.ask(home, &["interceptions", "list"]);
    let is_completed = |record: &&Value| record["status"] == "completed";
    records
        .as_array()
        .unwrap()
        .iter()
        .filter(is_completed)
        .count()
}

fn converse(gateway: &Serving, key: &str) {
    let mut served = open_stream(gateway.gateway, key);
    read_until(&mut served, LAST);
}

#[test]
fn records_of_a_killed_gateway_can_be_delivered_without_it() {
    let (home, provider) = (Program::new(), HeldProvider::start());
    provider.let_go();
    let (socket, address) = held_socket();
    drop(socket);
    let address = address.to_string();
    let start =
        || control(&home, &provider).with("BRIDGED_LISTEN_CONTROL_ADDRESS", address.clone());
    let mut first = start().run();
    let url = format!("http://{address}");
    let gateway_key = gateway_key(&first, &home, "north");
    let key = first.key(&home);
    let elsewhere = Program::new();
    let mut gateway = gateway(&elsewhere, &url, &gateway_key).run();
    until_ready(&gateway);
    converse(&gateway, &key);
    until("a record", || (completed(&first, &home) == 1).then_some(()));

    first.signal("TERM");
    assert_eq!(first.ended().code(), Some(0), "{}", first.log());
    // The caller is known, and the whole answer is there: so its records are on the disk.
    converse(&gateway, &key);
    gateway.signal("KILL");
    gateway.ended();
    let status = elsewhere.run(&["journal", "status", "--json"]);
    let status: Value = serde_json::from_str(&text(&status.stdout)).unwrap();
    assert!(status["unacknowledged"].as_u64().unwrap() >= 3, "{status}");

    let second = start().run();
    // Without a journal nobody would deliver them, and that is said.
    let off = apart::gateway(&elsewhere, &url, &gateway_key);
    let mut off = off.with("BRIDGED_JOURNAL_MODE", "off").run();
    off.wait_for_log("records are left in it");
    off.signal("KILL");
    off.ended();
    let replay = |_| {
        let key = elsewhere.folder.path().join("gateway-key");
        let mut replay = elsewhere.command(&["journal", "replay", "--control", &url]);
        replay.env("BRIDGED_CONTROL_GATEWAY_KEY_FILE", key);
        let output = replay.output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    // Twice, which counts once.
    for said in [(), ()].map(replay) {
        assert!(said.contains(" 0 refused"), "{said}");
    }
    assert_eq!(completed(&second, &home), 2);
}
