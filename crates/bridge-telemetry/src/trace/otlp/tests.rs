//! What is written here is read with the messages that the OpenTelemetry project publishes.

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span as Published;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind as PublishedKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use super::*;
use crate::Metrics;
use crate::trace::{TraceContext, Tracer, TracerConfig};

fn value(attributes: &[KeyValue], key: &str) -> any_value::Value {
    let found = attributes.iter().find(|one| one.key == key);
    let found = found.unwrap_or_else(|| panic!("{key} is not in {attributes:?}"));
    found.value.clone().unwrap().value.unwrap()
}

fn of_text(text: &str) -> any_value::Value {
    any_value::Value::StringValue(text.to_owned())
}

fn spans() -> Vec<FinishedSpan> {
    let config = TracerConfig {
        ratio: crate::trace::Ratio::ALL,
        follow_callers: true,
        content: true,
        tell_providers: false,
        waiting: 16,
    };
    let (tracer, mut queue) = Tracer::start(config, &Metrics::default());
    let told = TraceContext::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    let told = told.unwrap().with_state("vendor=1");
    let (mut server, within) = tracer.serve(Some(told), [7; 16], "POST /v1/messages");
    server.set("text", "word".to_owned());
    server.set("whole", 7_u64);
    server.set("answer", true);
    server.set("texts", vec!["a".to_owned(), "b".to_owned()]);
    server.set("long", "x".repeat(5_000));
    server.asked("what \"is\" it?\n");
    let mut client = within.span(SpanKind::Client, || "chat m");
    client.fail("429");
    client.end();
    server.end();
    let mut spans = Vec::new();
    queue.waiting(&mut spans, 2);
    spans
}

#[tokio::test]
async fn a_batch_is_what_collectors_read() {
    let resource = Resource(vec![("service.name".to_owned(), "bridged".to_owned())]);
    let spans = spans();
    let read = ExportTraceServiceRequest::decode(encode(&resource, &spans).as_slice()).unwrap();
    let of_process = &read.resource_spans[0];
    let resource = of_process.resource.as_ref().unwrap();
    assert_eq!(
        value(&resource.attributes, "service.name"),
        of_text("bridged")
    );
    let of_library = &of_process.scope_spans[0];
    assert_eq!(of_library.scope.as_ref().unwrap().name, "bridged");
    let [client, server] = &of_library.spans[..] else {
        panic!("{of_library:?}");
    };
    check_server(server);
    assert_eq!(client.kind(), PublishedKind::Client);
    assert_eq!(client.parent_span_id, server.span_id);
    assert_eq!(client.trace_id, server.trace_id);
    let status = client.status.as_ref().unwrap();
    assert_eq!(
        (status.code(), status.message.as_str()),
        (StatusCode::Error, "429")
    );
    assert_eq!(value(&client.attributes, "error.type"), of_text("429"));
}

fn check_server(server: &Published) {
    assert_eq!(server.name, "POST /v1/messages");
    assert_eq!(server.kind(), PublishedKind::Server);
    assert_eq!(
        server.trace_id,
        0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736_u128.to_be_bytes()
    );
    assert_eq!(
        server.parent_span_id,
        0x00f0_67aa_0ba9_02b7_u64.to_be_bytes()
    );
    assert_eq!(server.trace_state, "vendor=1");
    assert_eq!(server.flags, 1);
    assert!(server.start_time_unix_nano > 0);
    assert!(server.end_time_unix_nano >= server.start_time_unix_nano);
    assert!(server.status.is_none());
    let attributes = &server.attributes;
    assert_eq!(value(attributes, "text"), of_text("word"));
    assert_eq!(value(attributes, "whole"), any_value::Value::IntValue(7));
    assert_eq!(
        value(attributes, "answer"),
        any_value::Value::BoolValue(true)
    );
    assert_eq!(value(attributes, "long"), of_text(&"x".repeat(1_024)));
    let any_value::Value::ArrayValue(texts) = value(attributes, "texts") else {
        panic!("{attributes:?}");
    };
    let text = |text: &str| AnyValue {
        value: Some(of_text(text)),
    };
    assert_eq!(texts.values, [text("a"), text("b")]);
    let event = &server.events[0];
    assert_eq!(event.name, "gen_ai.client.inference.operation.details");
    assert!(event.time_unix_nano >= server.start_time_unix_nano);
    let asked = r#"[{"role":"user","parts":[{"type":"text","content":"what \"is\" it?\n"}]}]"#;
    let messages = value(&event.attributes, "gen_ai.input.messages");
    assert_eq!(messages, of_text(asked));
}

#[test]
fn a_collector_that_took_a_part_is_understood() {
    let answer = |rejected_spans| ExportTraceServiceResponse {
        partial_success: Some(ExportTracePartialSuccess {
            rejected_spans,
            error_message: "too old".to_owned(),
        }),
    };
    let told = refused_spans(&answer(3).encode_to_vec());
    assert_eq!(told, Some((3, "too old".to_owned())));
    assert_eq!(refused_spans(&answer(0).encode_to_vec()), None);
    assert_eq!(refused_spans(b""), None);
    assert_eq!(refused_spans(b"no protobuf"), None);
}
