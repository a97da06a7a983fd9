//! Providers of which one cannot be used as it is set up.

use std::fs;
use std::io::{Read as _, Write as _};

use crate::support::{HeldProvider, Program, Serving, Start, connect, until};

fn ask(serving: &Serving, key: &str, provider: &str) -> String {
    let mut stream = connect(serving.gateway);
    let request = format!(
        "GET /{provider}/v1/models HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\
         Authorization: Bearer {key}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_provider_in_error_is_seen_everywhere_and_mended_without_a_restart() {
    let (program, provider) = (Program::new(), HeldProvider::start());
    let mut serving = Start::new(&program, &provider).run();
    let key = serving.key(&program);
    let pem = program.folder.path().join("torn.pem");
    // The control plane looks whether it may be a certificate; only the gateway reads it.
    let torn = "-----BEGIN CERTIFICATE-----\nhidden\n-----END CERTIFICATE-----\n";
    fs::write(&pem, torn).unwrap();
    let create = [
        "provider",
        "create",
        "torn",
        "--type",
        "openai",
        "--ca-file",
    ];
    serving
        .operate(&program, &[&create[..], &[pem.to_str().unwrap()]].concat())
        .unwrap();

    let status = || serving.ask(&program, &["provider", "status"]);
    let of = |name: &str| {
        let status = status();
        let found = status.as_array().unwrap().iter();
        let found = found.clone().find(|one| one["name"] == name).cloned();
        found.filter(|one| one["status"] != "enabled")
    };
    let torn = until("the provider in error", || of("torn"));
    assert_eq!(
        (&torn["status"], &torn["type"]),
        (&"error".into(), &"openai".into())
    );
    assert!(
        torn["reason"].as_str().unwrap().starts_with("ca_pem: "),
        "{torn}"
    );
    assert_eq!(of("anthropic"), None, "it is enabled");
    let ready = serving.readiness();
    assert!(ready.starts_with("HTTP/1.1 200"), "{ready}");
    assert!(ready.contains("\"provider_error\""), "{ready}");
    assert!(
        ready.contains("provider \\\"torn\\\" cannot be used: ca_pem"),
        "{ready}"
    );
    serving.wait_for_log("provider cannot be used");
    let answer = ask(&serving, &key, "torn");
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(
        answer.contains("torn") && !answer.contains("ca_pem"),
        "{answer}"
    );
    let shown = serving.operate(&program, &["provider", "status"]).unwrap();
    assert!(
        shown.contains("torn") && shown.contains("ca_pem"),
        "{shown}"
    );
    assert!(!serving.log().contains("hidden"));

    let metrics = serving.get("/metrics");
    let info = "bridge_provider_info{provider=\"torn\",kind=\"openai\",status=\"error\"} 1";
    assert!(metrics.contains(info), "{metrics}");

    let mend = ["provider", "update", "torn", "--clear", "ca"];
    serving.operate(&program, &mend).unwrap();
    until("the provider to be mended", || {
        of("torn").is_none().then_some(())
    });
    assert!(!serving.readiness().contains("provider_error"));
    let off = ["provider", "update", "torn", "--disable"];
    serving.operate(&program, &off).unwrap();
    let off = until("the provider to be off", || of("torn"));
    assert_eq!(off["status"], "disabled");
    assert!(!serving.readiness().contains("provider_error"));
    serving.signal("TERM");
    assert_eq!(serving.ended().code(), Some(0));
}
