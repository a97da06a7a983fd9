//! A server is told to stop: what runs finishes, and a second word cuts it.

use std::net::TcpStream;

use crate::support::{HeldProvider, LAST, Program, Start, open_stream, read_rest, until};

#[test]
fn a_stream_finishes_behind_sigterm_and_the_operator_sees_it() {
    let (program, provider) = (Program::new(), HeldProvider::start());
    let mut serving = Start::new(&program, &provider).run();
    let key = serving.key(&program);
    assert!(serving.readiness().starts_with("HTTP/1.1 200"));
    let stream = open_stream(serving.gateway, &key);
    serving.signal("TERM");
    serving.wait_for_log("\"draining\"");
    let gateway = serving.gateway;
    until("a refused connection", || TcpStream::connect(gateway).err());
    let readiness = serving.readiness();
    assert!(readiness.starts_with("HTTP/1.1 503"), "{readiness}");
    let turns = serving.ask(&program, &["turns"]);
    let turn = &turns[0];
    assert_eq!(turns.as_array().unwrap().len(), 1, "{turns}");
    for (field, wanted) in [
        ("username", "ada"),
        ("provider", "anthropic"),
        ("route", "/v1/messages"),
        ("model", "m"),
        ("path", "/anthropic/v1/messages"),
    ] {
        assert_eq!(turn[field], wanted, "{turns}");
    }
    assert_eq!(
        (&turn["status"], &turn["passthrough"]),
        (&200.into(), &false.into())
    );
    assert!(turn["bytes"].as_u64().unwrap() > 0, "{turns}");
    let metrics = serving.get("/metrics");
    assert!(
        metrics.contains("\nbridge_requests_running 1\n"),
        "{metrics}"
    );
    let shown = serving.operate(&program, &["turns"]).unwrap();
    assert!(
        shown.contains("ada") && shown.contains("anthropic"),
        "{shown}"
    );
    provider.let_go();
    let heard = read_rest(stream);
    assert!(
        heard.contains(LAST) && heard.ends_with("0\r\n\r\n"),
        "{heard}"
    );
    assert_eq!(serving.ended().code(), Some(0), "{}", serving.log());
    let log = serving.log();
    assert!(log.contains("\"msg\":\"drained\""), "{log}");
    let again = Start::new(&program, &provider).run();
    let records = again.ask(&program, &["interceptions", "list"]);
    assert_eq!(records[0]["status"], "completed", "{records}");
}

#[test]
fn a_second_sigterm_cuts_and_the_record_says_so() {
    let (program, provider) = (Program::new(), HeldProvider::start());
    let mut serving = Start::new(&program, &provider).run();
    let key = serving.key(&program);
    let stream = open_stream(serving.gateway, &key);
    serving.signal("TERM");
    serving.wait_for_log("\"draining\"");
    serving.signal("TERM");
    let heard = read_rest(stream);
    assert!(!heard.contains(LAST), "{heard}");
    assert_eq!(serving.ended().code(), Some(0), "{}", serving.log());
    let log = serving.log();
    assert!(log.contains("\"msg\":\"connections cut\""), "{log}");
    let again = Start::new(&program, &provider).run();
    let records = again.ask(&program, &["interceptions", "list"]);
    assert_eq!(records[0]["status"], "cut", "{records}");
}

#[test]
fn patience_has_an_end() {
    let (program, provider) = (Program::new(), HeldProvider::start());
    let mut start = Start::new(&program, &provider);
    start
        .settings
        .insert_str(0, "[drain]\npatience = \"50ms\"\n");
    let mut serving = start.run();
    let key = serving.key(&program);
    let stream = open_stream(serving.gateway, &key);
    serving.signal("TERM");
    assert!(!read_rest(stream).contains(LAST));
    assert_eq!(serving.ended().code(), Some(0), "{}", serving.log());
    assert!(serving.log().contains("patience is over"));
}
