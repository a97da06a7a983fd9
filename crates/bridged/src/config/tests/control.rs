//! Settings of a control plane elsewhere, and of the one that is offered here.

use std::fs;

use tempfile::TempDir;

use super::{Given, refused};
use crate::config::*;

/// A folder with a good certificate and key, and what is written of them.
fn identity() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let write = |name: &str, text: String| {
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    let certificate = write("cert.pem", made.cert.pem());
    let key = write("key.pem", made.signing_key.serialize_pem());
    let text =
        format!("control_certificate_file = {certificate:?}\ncontrol_private_key_file = {key:?}\n");
    (folder, text)
}

#[test]
fn a_control_plane_elsewhere_needs_a_gateway_key() {
    let given = || Given::file("[control]\nurl = \"https://control.example\"");
    let told = given().problems();
    let missing = "control.gateway_key: is missing: make one with `bridged gateway-key create";
    assert!(told.contains(missing), "{told}");
    let config = given()
        .with("BRIDGED_CONTROL_GATEWAY_KEY", "hidden")
        .config();
    let control = config.control.unwrap();
    assert_eq!(control.url.to_string(), "https://control.example:443");
    assert_eq!(control.gateway_key.expose(), "hidden");
    assert!(!control.gateway_name.is_empty());
    assert_eq!(Given::file("").config().control, None);
}

#[test]
fn a_flag_wins_over_variable_and_file() {
    let given = Given::file("[control]\nurl = \"https://a.example\"\ngateway_key = \"hidden\"");
    let environment = Environment::from_pairs(given.pairs);
    let load = |url: &str| {
        let environment = environment
            .clone()
            .with_flag("--control", "control.url", url.to_owned());
        Config::load(None, &environment)
    };
    let loaded = load("https://b.example").unwrap();
    let url = loaded.config.control.unwrap().url.to_string();
    assert_eq!(url, "https://b.example:443");
    let warnings = format!("{:?}", loaded.warnings);
    assert!(
        warnings.contains("control.gateway_key") && !warnings.contains("hidden"),
        "{warnings}"
    );
    let told = load("b.example").unwrap_err().to_string();
    assert!(
        told.contains("control.url (from --control): \"b.example\""),
        "{told}"
    );
}

#[test]
fn keys_and_prompts_do_not_travel_in_the_clear_by_mistake() {
    let key = "gateway_key = \"hidden\"\n";
    let url = |url: &str, more: &str| format!("[control]\nurl = {url:?}\n{key}{more}");
    for good in [
        "http://127.0.0.1:1",
        "http://[::1]:1",
        "http://localhost:1",
        "https://h",
    ] {
        Given::file(&url(good, "")).config();
    }
    refused(
        &url("http://h:1", ""),
        &["control.url: sends keys", "control.plain_text = true"],
    );
    let allowed = Given::file(&url("http://h:1", "plain_text = true"))
        .load()
        .unwrap();
    assert!(format!("{:?}", allowed.warnings).contains("unencrypted"));

    let listen =
        |address: &str, more: &str| format!("[listen]\ncontrol_address = {address:?}\n{more}");
    Given::file(&listen("127.0.0.1:9", "")).config();
    refused(
        &listen("0.0.0.0:9", ""),
        &[
            "listen.control_address: can be reached",
            "control_certificate_file",
            "control_plain_text",
        ],
    );
    let allowed = Given::file(&listen("0.0.0.0:9", "control_plain_text = true"));
    assert!(format!("{:?}", allowed.load().unwrap().warnings).contains("unencrypted"));
    let (_folder, identity) = identity();
    let loaded = Given::file(&listen("0.0.0.0:9", &identity)).load().unwrap();
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    assert!(loaded.config.listen.identity().unwrap().is_some());

    // A supervisor may hand over a socket of which the settings say nothing.
    let check = |text: &str, handed: &str, is_good: bool| {
        let listen = Given::file(&format!("[listen]\n{text}")).config().listen;
        let checked = listen.check_encryption(handed.parse().unwrap());
        assert_eq!(checked.is_ok(), is_good, "{text} {handed}: {checked:?}");
    };
    check("", "127.0.0.1:9", true);
    check("", "[::]:9", false);
    check("", "0.0.0.0:9", false);
    check("control_plain_text = true", "0.0.0.0:9", true);
    check(&identity, "0.0.0.0:9", true);
}

#[test]
fn certificate_and_key_are_checked_together() {
    let (folder, identity) = identity();
    let (certificate, key) = identity.split_once('\n').unwrap();
    let listen = |text: &str| format!("[listen]\n{text}");
    refused(
        &listen(certificate),
        &["listen.control_private_key_file: is missing: listen.control_certificate_file needs it"],
    );
    refused(
        &listen(key),
        &["listen.control_certificate_file: is missing"],
    );
    let taken = listen(&format!("{identity}control_address = \"127.0.0.1:4180\""));
    refused(
        &taken,
        &["listen.control_address: is the same as listen.address"],
    );
    fs::write(folder.path().join("key.pem"), "hidden garbage").unwrap();
    let told = Given::file(&listen(&identity)).problems();
    assert!(
        told.contains("listen.control_certificate_file: certificate and private key"),
        "{told}"
    );
    assert!(!told.contains("hidden"), "{told}");
    fs::remove_file(folder.path().join("key.pem")).unwrap();
    refused(
        &listen(&identity),
        &["listen.control_private_key_file: cannot read"],
    );
}
