//! Limits of a whole program: keys of a provider that are used too often, and callers who are too
//! many.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;

use crate::support::{
    HeldProvider, LAST, Program, Serving, Start, connect, open_stream, read_until, until,
};

const BODY: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
const ANSWER: &str = r#"{"id":"msg_1","type":"message","content":[],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":2}}"#;
const REFUSAL: &str =
    r#"{"type":"error","error":{"type":"rate_limit_error","message":"too often"}}"#;

/// A provider that keys may use too often: those that stand here, and for how many seconds.
struct StrictProvider {
    address: SocketAddr,
    tired: Arc<Mutex<Vec<(&'static str, u32)>>>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl StrictProvider {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let strict = Self {
            address: listener.local_addr().unwrap(),
            tired: Arc::default(),
            seen: Arc::default(),
        };
        let (tired, seen) = (Arc::clone(&strict.tired), Arc::clone(&strict.seen));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let key = read_request(&stream);
                let rest = tired.lock().iter().find(|(one, _)| *one == key).copied();
                seen.lock().push(key);
                answer(stream, rest.map(|(_, seconds)| seconds));
            }
        });
        strict
    }
}

/// Reads a request and gives the key that it presents.
fn read_request(stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let (mut key, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("x-api-key") => key = value.to_owned(),
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().unwrap();
            }
            Some(_) => {}
            None if line.trim_end().is_empty() => break,
            None => {}
        }
    }
    reader.read_exact(&mut vec![0; length]).unwrap();
    key
}

fn answer(mut stream: TcpStream, rest: Option<u32>) {
    let (status, more, body) = match rest {
        None => ("200 OK", String::new(), ANSWER),
        Some(seconds) => (
            "429 Too Many Requests",
            format!("retry-after: {seconds}\r\n"),
            REFUSAL,
        ),
    };
    let text = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n{more}\r\n{body}",
        body.len()
    );
    stream.write_all(text.as_bytes()).unwrap();
}

/// Asks, and gives the whole answer.
fn ask(serving: &Serving, key: &str) -> String {
    let mut stream = connect(serving.gateway);
    let request = format!(
        "POST /anthropic/v1/messages HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {key}\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n{BODY}",
        BODY.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap()
}

/// The wait that an answer names, in seconds.
fn wait(answer: &str) -> u32 {
    let lines = answer.lines();
    let mut waits = lines.filter_map(|line| {
        let (name, value) = line.split_once(": ")?;
        let is_wait = name.eq_ignore_ascii_case("retry-after");
        is_wait.then(|| value.parse().unwrap())
    });
    waits.next().unwrap_or_else(|| panic!("{answer}"))
}

#[test]
fn two_keys_serve_as_one_until_both_are_used_too_often() {
    let (program, provider) = (Program::new(), StrictProvider::start());
    let held = HeldProvider::start();
    let mut start = Start::new(&program, &held);
    start.settings = format!(
        "[[providers]]\nname = \"anthropic\"\ntype = \"anthropic\"\n\
         base_url = \"http://{}\"\napi_keys = [\"operator-key-0\", \"operator-key-1\"]\n",
        provider.address
    );
    let serving = start.run();
    let key = serving.key(&program);
    *provider.tired.lock() = vec![("operator-key-0", 600)];
    for _ in 0..2 {
        let answer = ask(&serving, &key);
        assert_eq!(status(&answer), "200", "{answer}");
    }
    let seen = || provider.seen.lock().clone();
    let wanted = ["operator-key-0", "operator-key-1", "operator-key-1"];
    assert_eq!(seen(), wanted);

    *provider.tired.lock() = vec![("operator-key-1", 900)];
    let told = ask(&serving, &key);
    assert_eq!(status(&told), "429", "{told}");
    assert!(
        told.contains("too often"),
        "the provider's own words: {told}"
    );
    // The first key rests for less than the second one, and it began earlier.
    let again = ask(&serving, &key);
    assert_eq!(status(&again), "429", "{again}");
    for answer in [&told, &again] {
        assert!((1..=600).contains(&wait(answer)), "{answer}");
        assert!(!answer.contains("operator-key"), "{answer}");
    }
    assert!(again.contains("rate_limit_error"), "{again}");
    assert_eq!(seen().len(), 4, "nobody is asked while both rest");

    let records = until("four records", || {
        let records = serving.ask(&program, &["interceptions", "list"]);
        let records = records.as_array().cloned().unwrap();
        let all_ended = records.iter().all(|record| record["status"] != "running");
        (records.len() == 4 && all_ended).then_some(records)
    });
    let count = |status: &str| records.iter().filter(|one| one["status"] == status).count();
    assert_eq!((count("completed"), count("failed")), (2, 2), "{records:?}");
    let metrics = serving.get("/metrics");
    let exhausted =
        "bridge_key_ring_exhaustions_total{provider=\"anthropic\",reason=\"rate_limited\"} 2";
    assert!(metrics.contains(exhausted), "{metrics}");
    assert!(!metrics.contains("operator-key") && !serving.log().contains("operator-key"));
}

#[test]
fn a_reload_limits_those_who_come_and_keeps_those_who_are_inside() {
    let (program, provider) = (Program::new(), HeldProvider::start());
    let serving = Start::new(&program, &provider).run();
    let key = serving.key(&program);
    let mut running = open_stream(serving.gateway, &key);
    let write = |limits: &str| {
        let mut start = Start::new(&program, &provider);
        start.settings.insert_str(0, limits);
        start.write_file();
        serving.operate(&program, &["reload"]).unwrap()
    };
    let shown = write("[limits]\nconcurrency = 1\n");
    assert!(shown.contains("limits.concurrency"), "{shown}");
    assert!(!shown.contains("restart"), "{shown}");
    let full = ask(&serving, &key);
    assert_eq!((status(&full), wait(&full)), ("503", 1), "{full}");
    assert!(
        full.contains("AI Gateway is currently at capacity"),
        "{full}"
    );
    let metrics = serving.get("/metrics");
    let refused = "bridge_front_refusals_total{limit=\"concurrency\"} 1";
    assert!(metrics.contains(refused), "{metrics}");
    provider.let_go();
    read_until(&mut running, LAST);
    drop(running);
    until("a free place", || {
        (status(&ask(&serving, &key)) == "200").then_some(())
    });

    // Asked again and again, until one request comes within a second of another.
    write("[limits]\ncaller_rate = 1\n");
    let told = until("a refusal", || {
        Some(ask(&serving, &key)).filter(|it| status(it) != "200")
    });
    assert_eq!((status(&told), wait(&told)), ("429", 1), "{told}");
    assert!(told.contains("You've been rate limited."), "{told}");
    let metrics = serving.get("/metrics");
    assert!(
        metrics.contains("\nbridge_front_callers_watched 1\n"),
        "{metrics}"
    );
}
