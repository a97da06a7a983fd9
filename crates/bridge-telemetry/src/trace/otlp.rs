//! Spans in the OpenTelemetry protocol, as protobuf.
//!
//! The messages are those of `opentelemetry/proto/trace/v1` and its neighbours, which are stable
//! since 1.0, with the fields that are written here. A test reads them with the messages that the
//! OpenTelemetry project publishes.

mod messages;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prost::Message as _;

use self::messages::{
    AnyValue, ArrayValue, ExportTraceServiceRequest, ExportTraceServiceResponse, KeyValue, Scope,
    SpanMessage, Status, any_value,
};
use super::span::{Attribute, SpanEvent};
use super::{FinishedSpan, SpanKind, Value};

/// What this process says of itself with every batch: names and values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resource(pub Vec<(String, String)>);

/// One batch, as the body of an export request.
#[must_use]
pub fn encode(resource: &Resource, spans: &[FinishedSpan]) -> Vec<u8> {
    let attributes = resource.0.iter();
    let attributes = attributes.map(|(name, value)| KeyValue {
        key: name.clone(),
        value: Some(text(value.clone())),
    });
    let request = ExportTraceServiceRequest {
        resource_spans: vec![messages::ResourceSpans {
            resource: Some(messages::Resource {
                attributes: attributes.collect(),
            }),
            scope_spans: vec![messages::ScopeSpans {
                scope: Some(Scope {
                    name: "bridged".to_owned(),
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                }),
                spans: spans.iter().map(span).collect(),
            }],
        }],
    };
    request.encode_to_vec()
}

/// How many spans a collector says it did not take, and why, by its answer to a batch. Nothing when
/// it took all, or its answer cannot be read.
#[must_use]
pub fn refused_spans(answer: &[u8]) -> Option<(u64, String)> {
    let answer = ExportTraceServiceResponse::decode(answer).ok()?;
    let partial = answer.partial_success?;
    let refused = u64::try_from(partial.rejected_spans).ok()?;
    (refused > 0).then_some((refused, partial.error_message))
}

fn span(span: &FinishedSpan) -> SpanMessage {
    SpanMessage {
        trace_id: span.context.trace_bytes().to_vec(),
        span_id: span.context.span_bytes().to_vec(),
        trace_state: span.context.tracestate().unwrap_or_default().to_owned(),
        parent_span_id: span.parent.map(Vec::from).unwrap_or_default(),
        name: span.name.to_string(),
        kind: match span.kind {
            SpanKind::Internal => 1,
            SpanKind::Server => 2,
            SpanKind::Client => 3,
        },
        start_time_unix_nano: nanos(span.begun, Duration::ZERO),
        end_time_unix_nano: nanos(span.begun, span.took),
        attributes: attributes(&span.attributes),
        events: span.events.iter().map(event).collect(),
        status: span.failure.as_ref().map(|failure| Status {
            message: failure.to_string(),
            code: 2,
        }),
        // The trace is written down.
        flags: 1,
    }
}

fn event(event: &SpanEvent) -> messages::Event {
    messages::Event {
        time_unix_nano: nanos(event.at, Duration::ZERO),
        name: event.name.to_owned(),
        attributes: attributes(&event.attributes),
    }
}

fn attributes(attributes: &[Attribute]) -> Vec<KeyValue> {
    let attributes = attributes.iter().map(|(name, value)| KeyValue {
        key: (*name).to_owned(),
        value: Some(any_value(value)),
    });
    attributes.collect()
}

fn any_value(value: &Value) -> AnyValue {
    match value {
        Value::Text(value) => text(value.to_string()),
        Value::Whole(number) => AnyValue {
            value: Some(any_value::Value::Int(*number)),
        },
        Value::Answer(answer) => AnyValue {
            value: Some(any_value::Value::Bool(*answer)),
        },
        Value::Texts(texts) => AnyValue {
            value: Some(any_value::Value::Array(ArrayValue {
                values: texts.iter().cloned().map(text).collect(),
            })),
        },
    }
}

fn text(text: String) -> AnyValue {
    AnyValue {
        value: Some(any_value::Value::String(text)),
    }
}

fn nanos(at: SystemTime, and: Duration) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from((since + and).as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
