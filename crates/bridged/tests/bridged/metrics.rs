//! Metrics as scrapers read them, and settings that a reload puts in force.

use std::io::{Read, Write};

use crate::support::{HeldProvider, Program, Serving, Start, connect, until};

/// The page for a scraper that says this of itself: its content type, and the samples.
fn scrape(serving: &Serving, headers: &str) -> (String, String) {
    let mut stream = connect(serving.operator);
    let request = format!("GET /metrics HTTP/1.1\r\nHost: h\r\n{headers}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let told = head
        .lines()
        .find_map(|line| line.strip_prefix("content-type: "));
    (told.unwrap().to_owned(), body.to_owned())
}

#[test]
fn scrapers_get_the_format_they_ask_for() {
    let (program, provider) = (Program::new(), HeldProvider::start());
    let serving = Start::new(&program, &provider).run();
    let open = "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n";
    let (told, page) = scrape(&serving, open);
    assert!(
        told.starts_with("application/openmetrics-text; version=1.0.0"),
        "{told}"
    );
    assert!(
        page.contains("\n# TYPE bridge_connections counter\n"),
        "{page}"
    );
    assert!(page.ends_with("# EOF\n"), "{page}");
    for headers in ["", "Accept: */*\r\n", "Accept: text/plain\r\n"] {
        let (told, page) = scrape(&serving, headers);
        assert!(told.starts_with("text/plain; version=0.0.4"), "{told}");
        assert!(
            page.contains("\n# TYPE bridge_connections_total counter\n"),
            "{page}"
        );
        assert!(!page.contains("# EOF"), "{page}");
    }
    let provider =
        "bridge_provider_info{provider=\"anthropic\",kind=\"anthropic\",status=\"enabled\"} 1";
    assert!(page.contains(provider), "{page}");
}

#[test]
fn other_names_come_and_go_with_a_reload() {
    let (program, provider) = (Program::new(), HeldProvider::start());
    let serving = Start::new(&program, &provider).run();
    let is_aliased = || {
        scrape(&serving, "")
            .1
            .contains("\ncoder_ai_gateway_provider_info{")
    };
    assert!(!is_aliased());
    let with = |aliases: &str| {
        let mut start = Start::new(&program, &provider);
        let section = format!("[metrics]\naliases = \"{aliases}\"\n");
        start.settings.insert_str(0, &section);
        start.write_file();
        serving.signal("HUP");
    };
    with("current");
    until("the other names", || is_aliased().then_some(()));
    with("off");
    until("the end of them", || (!is_aliased()).then_some(()));
}
