//! The way to providers, as the configuration and the environment have it.

use crate::apart;
use crate::support::{HeldProvider, Program, Serving, Start};

fn status(serving: &Serving, key: &str) -> String {
    apart::status(serving.gateway, key)[9..12].to_owned()
}

/// A server whose provider lives at this host instead of an address.
fn start<'s>(program: &'s Program, provider: &HeldProvider, host: &str) -> Start<'s> {
    let mut start = Start::new(program, provider);
    start.settings = start.settings.replace("127.0.0.1", host);
    start
}

#[test]
fn a_name_that_leads_inside_is_refused_until_a_reload_allows_it() {
    let (program, provider) = (Program::new(), HeldProvider::start());
    provider.let_go();
    // No address to the gateway, and one of this machine to the resolver.
    let serving = start(&program, &provider, "127.1").run();
    let key = serving.key(&program);
    assert_eq!(status(&serving, &key), "502");
    let log = serving.wait_for_log("which is an address of this machine");
    for part in ["127.1", "anthropic", "egress.allowed_private"] {
        assert!(log.contains(part), "{log}");
    }

    let mut generous = start(&program, &provider, "127.1");
    let allowance = "[egress]\nallowed_private = [\"127.0.0.0/8\"]\n";
    generous.settings.insert_str(0, allowance);
    generous.write_file();
    serving.signal("HUP");
    let log = serving.wait_for_log("configuration taken");
    assert!(log.contains("egress.allowed_private"), "{log}");
    assert_eq!(status(&serving, &key), "200");
}

#[test]
fn the_proxy_of_the_environment_is_asked() {
    let (program, proxy) = (Program::new(), HeldProvider::start());
    proxy.let_go();
    // Nobody answers for this name (RFC 6761, section 6.4): only the proxy can know it.
    let url = format!("http://me:hidden-word@{}", proxy.address);
    let serving = start(&program, &proxy, "provider.invalid")
        .with("HTTP_PROXY", url)
        .run();
    let key = serving.key(&program);
    assert_eq!(status(&serving, &key), "200");
    let log = serving.wait_for_log("200");
    assert!(!log.contains("hidden-word"), "{log}");
}

#[test]
fn a_proxy_that_cannot_be_used_stops_the_start() {
    let (program, provider) = (Program::new(), HeldProvider::start());
    let (code, complaint) = Start::new(&program, &provider)
        .with("HTTPS_PROXY", "socks5://me:hidden-word@proxy:1080")
        .fail();
    assert_ne!(code, Some(0));
    for part in ["HTTPS_PROXY", "socks5", "upstream.proxy"] {
        assert!(complaint.contains(part), "{complaint}");
    }
    assert!(!complaint.contains("hidden-word"), "{complaint}");
}
