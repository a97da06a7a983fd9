//! Spans of real requests, as a collector of OpenTelemetry hears of them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use parking_lot::Mutex;
use prost::Message as _;

use crate::support::Served;
use crate::support::{
    HeldProvider, Program, Serving, Start, connect, read_rest, read_until, until,
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PROMPT: &str = "what is the word of the day";

/// What a collector has heard.
#[derive(Default)]
struct Heard {
    heads: Vec<String>,
    batches: Vec<Vec<u8>>,
    resources: Vec<KeyValue>,
    spans: Vec<Span>,
}

/// Takes spans over HTTP on a thread for each connection, and ends with the test's process. The
/// first batch it turns away, as a busy one does.
pub(crate) struct Collector {
    address: SocketAddr,
    heard: Arc<Mutex<Heard>>,
}

impl Collector {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::<Mutex<Heard>>::default();
        let kept = Arc::clone(&heard);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let kept = Arc::clone(&kept);
                thread::spawn(move || while take(&stream, &kept).is_some() {});
            }
        });
        Self { address, heard }
    }

    /// The whole address.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1/traces", self.address)
    }

    /// The bodies of all batches, as they came.
    pub(crate) fn batches(&self) -> Vec<Vec<u8>> {
        self.heard.lock().batches.clone()
    }

    /// Waits until there is a span of this name.
    fn wait_for(&self, name: &str) {
        until(name, || {
            let heard = self.heard.lock();
            heard
                .spans
                .iter()
                .any(|span| span.name == name)
                .then_some(())
        });
    }
}

fn take(mut stream: &TcpStream, heard: &Mutex<Heard>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        let before = head.len();
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
        let line = head[before..].to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let mut heard = heard.lock();
    heard.heads.push(head);
    heard.batches.push(body.clone());
    if heard.heads.len() == 1 {
        let busy = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
        return stream.write_all(busy.as_bytes()).ok();
    }
    let batch = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
    for of_process in batch.resource_spans {
        heard.resources = of_process.resource.unwrap().attributes;
        for of_library in of_process.scope_spans {
            heard.spans.extend(of_library.spans);
        }
    }
    let fine =
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n";
    stream.write_all(fine.as_bytes()).ok()
}

fn start(program: &Program, provider: &HeldProvider, collector: &Collector, more: &str) -> Serving {
    let mut start = Start::new(program, provider)
        .with("OTEL_EXPORTER_OTLP_HEADERS", "x-team=secret-of-the-vendor")
        .with(
            "OTEL_RESOURCE_ATTRIBUTES",
            "deployment.environment.name=test",
        );
    let traces = format!(
        "[traces]\nendpoint = \"http://{}/v1/traces\"\n{more}",
        collector.address
    );
    start.settings.insert_str(0, &traces);
    start.run()
}

/// Sends a request for a stream with these lines, and reads it to its end.
fn turn(serving: &Serving, key: &str, lines: &str) -> String {
    let body = format!(
        r#"{{"model":"claude-x","stream":true,"messages":[{{"role":"user","content":"{PROMPT}"}}]}}"#
    );
    let mut stream = connect(serving.gateway);
    let request = format!(
        "POST /anthropic/v1/messages HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {key}\r\n{lines}\
         Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut served = Served {
        stream,
        heard: Vec::new(),
    };
    read_until(&mut served, "message_stop");
    read_rest(served)
}

fn shown(value: &any_value::Value) -> String {
    match value {
        any_value::Value::StringValue(text) => text.clone(),
        any_value::Value::IntValue(number) => number.to_string(),
        any_value::Value::BoolValue(answer) => answer.to_string(),
        any_value::Value::ArrayValue(values) => {
            let values = values.values.iter();
            let values: Vec<_> = values
                .map(|one| shown(one.value.as_ref().unwrap()))
                .collect();
            values.join(",")
        }
        any_value::Value::DoubleValue(_)
        | any_value::Value::KvlistValue(_)
        | any_value::Value::BytesValue(_)
        | any_value::Value::StringValueStrindex(_) => panic!("{value:?}"),
    }
}

fn attributes(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let pairs = attributes.iter();
    pairs
        .map(|pair| {
            let value = pair.value.as_ref().unwrap().value.as_ref().unwrap();
            (pair.key.clone(), shown(value))
        })
        .collect()
}

fn id(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The spans as people read them, each below the one it happened in.
fn tree(spans: &[Span], parent: &str, depth: usize, out: &mut String) {
    let mut inner: Vec<_> = spans
        .iter()
        .filter(|span| id(&span.parent_span_id) == parent)
        .collect();
    inner.sort_by_key(|span| span.start_time_unix_nano);
    for span in inner {
        let took = (span.end_time_unix_nano - span.start_time_unix_nano) / 1_000;
        let indent = "  ".repeat(depth);
        out.push_str(&format!(
            "{indent}{} ({:?}, {took} us)\n",
            span.name,
            span.kind()
        ));
        for (name, value) in attributes(&span.attributes) {
            out.push_str(&format!("{indent}    {name} = {value}\n"));
        }
        tree(spans, &id(&span.span_id), depth + 1, out);
    }
}

#[test]
fn a_collector_hears_of_one_streamed_turn() {
    let (program, provider, collector) =
        (Program::new(), HeldProvider::start(), Collector::start());
    provider.let_go();
    let mut serving = start(&program, &provider, &collector, "");
    let key = serving.key(&program);
    let parent = format!("traceparent: 00-{TRACE}-00f067aa0ba902b7-01\r\ntracestate: v=1\r\n");
    let heard = turn(&serving, &key, &parent);
    assert!(heard.starts_with("HTTP/1.1 200"), "{heard}");
    collector.wait_for("POST /v1/messages");
    serving.wait_for_log(TRACE);
    serving.signal("TERM");
    assert_eq!(serving.ended().code(), Some(0));
    let heard = collector.heard.lock();
    let head = &heard.heads[0];
    assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("application/x-protobuf"), "{head}");
    assert!(head.contains("x-team: secret-of-the-vendor"), "{head}");
    let resource = attributes(&heard.resources);
    assert_eq!(resource["service.name"], "bridged");
    assert_eq!(resource["deployment.environment.name"], "test");
    let mut shown = String::new();
    tree(&heard.spans, "00f067aa0ba902b7", 0, &mut shown);
    println!("{shown}");
    check(&heard.spans, &shown);
    let log = serving.log();
    for hidden in [PROMPT, "secret-of-the-vendor", key.as_str(), "operator-key"] {
        assert!(!shown.contains(hidden), "{hidden} is in {shown}");
        assert!(!log.contains(hidden), "{hidden} is in {log}");
    }
}

fn check(spans: &[Span], shown: &str) {
    assert!(
        spans.iter().all(|span| id(&span.trace_id) == TRACE),
        "{shown}"
    );
    assert!(
        spans.iter().all(|span| span.trace_state == "v=1"),
        "{shown}"
    );
    assert!(spans.iter().all(|span| span.events.is_empty()), "{shown}");
    let named = |name: &str| {
        let mut found = spans.iter().filter(|span| span.name == name);
        let span = found
            .next()
            .unwrap_or_else(|| panic!("{name} is not in\n{shown}"));
        assert!(found.next().is_none(), "{name} is twice in\n{shown}");
        span
    };
    let server = named("POST /v1/messages");
    assert_eq!(server.kind(), SpanKind::Server);
    for name in [
        "authorize",
        "pool acquire",
        "record start",
        "chat claude-x",
        "record settle",
    ] {
        assert_eq!(
            named(name).parent_span_id,
            server.span_id,
            "{name}\n{shown}"
        );
    }
    let chat = named("chat claude-x");
    assert_eq!(chat.kind(), SpanKind::Client);
    assert!(
        chat.end_time_unix_nano <= server.end_time_unix_nano,
        "{shown}"
    );
    let of_chat = attributes(&chat.attributes);
    for (name, wanted) in [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "anthropic"),
        ("gen_ai.system", "anthropic"),
        ("gen_ai.request.model", "claude-x"),
        ("gen_ai.response.id", "msg_1"),
        ("gen_ai.response.model", "m"),
        ("gen_ai.response.finish_reasons", "stop"),
        ("gen_ai.usage.input_tokens", "3"),
        ("http.response.status_code", "200"),
        ("server.address", "127.0.0.1"),
        ("bridge.outcome", "completed"),
        ("bridge.key_hint", "op...ey"),
    ] {
        assert_eq!(
            of_chat.get(name).map(String::as_str),
            Some(wanted),
            "{name}\n{shown}"
        );
    }
    let of_server = attributes(&server.attributes);
    for (name, wanted) in [
        ("http.request.method", "POST"),
        ("http.route", "/v1/messages"),
        ("http.response.status_code", "200"),
        ("bridge.provider", "anthropic"),
        ("bridge.outcome", "completed"),
    ] {
        assert_eq!(
            of_server.get(name).map(String::as_str),
            Some(wanted),
            "{name}\n{shown}"
        );
    }
}

#[test]
fn content_is_written_down_only_when_somebody_says_so() {
    let (program, provider, collector) =
        (Program::new(), HeldProvider::start(), Collector::start());
    provider.let_go();
    let serving = start(&program, &provider, &collector, "content = true\n");
    serving.wait_for_log("whoever can read traces can read them");
    let key = serving.key(&program);
    turn(&serving, &key, "");
    collector.wait_for("POST /v1/messages");
    collector.wait_for("chat claude-x");
    let heard = collector.heard.lock();
    let chat = heard.spans.iter().find(|span| span.name == "chat claude-x");
    let events = &chat.unwrap().events;
    assert_eq!(events.len(), 1, "{events:?}");
    let messages = &attributes(&events[0].attributes)["gen_ai.input.messages"];
    assert!(messages.contains(PROMPT), "{messages}");
    // A trace that begins here has the request's id.
    let server = heard
        .spans
        .iter()
        .find(|span| span.name == "POST /v1/messages");
    let server = server.unwrap();
    let request_id = attributes(&server.attributes)["bridge.request_id"].replace('-', "");
    assert_eq!(id(&server.trace_id), request_id);
}

#[test]
fn without_a_collector_there_are_no_ids_in_the_log() {
    let (program, provider) = (Program::new(), HeldProvider::start());
    provider.let_go();
    let serving = Start::new(&program, &provider).run();
    let key = serving.key(&program);
    turn(&serving, &key, "");
    let log = serving.wait_for_log("request served");
    assert!(!log.contains("trace_id"), "{log}");
}
