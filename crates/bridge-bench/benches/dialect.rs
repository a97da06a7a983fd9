//! Request bodies and answers, read as they pass by.

use std::hint::black_box;

use bridge_api::{DialectId, Envelope, EnvelopeLimits, Observer, ObserverLimits};
use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Value, json};

const DIALECTS: [DialectId; 3] = [
    DialectId::AnthropicMessages,
    DialectId::OpenAiChat,
    DialectId::OpenAiResponses,
];

/// A conversation of about so many bytes, a kilobyte in each message.
fn request(dialect: DialectId, bytes: usize) -> Bytes {
    let text = "some words of a person or a model ".repeat(28);
    let messages: Vec<Value> = (0..bytes.div_ceil(1 << 10))
        .map(|at| json!({"role": if at % 2 == 0 { "user" } else { "assistant" }, "content": text}))
        .collect();
    let key = match dialect {
        DialectId::OpenAiResponses => "input",
        DialectId::AnthropicMessages | DialectId::OpenAiChat => "messages",
    };
    let body = json!({
        "model": "simulated", "max_tokens": 1024, key: messages, "stream": true,
        "metadata": {"user_id": "someone"},
    });
    body.to_string().into()
}

fn envelopes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("dialect/facts of a request");
    for dialect in DIALECTS {
        for kib in [1, 16, 200] {
            let body = request(dialect, kib << 10);
            group.throughput(Throughput::Bytes(u64::try_from(body.len()).unwrap_or(0)));
            let id = BenchmarkId::new(format!("{dialect:?}"), format!("{kib} KiB"));
            group.bench_with_input(id, &body, |bencher, body| {
                bencher.iter(|| {
                    let envelope = Envelope::parse(body.clone(), &EnvelopeLimits::default());
                    envelope.map(|envelope| dialect.facts(black_box(&envelope)))
                });
            });
        }
    }
    group.finish();
}

/// The event that most of a stream is made of: its name and its data.
fn text_event(dialect: DialectId) -> (&'static str, Value) {
    match dialect {
        DialectId::AnthropicMessages => (
            "content_block_delta",
            json!({
                "type": "content_block_delta", "index": 0,
                "delta": {"type": "text_delta", "text": " piece of text"},
            }),
        ),
        DialectId::OpenAiChat => (
            "",
            json!({
                "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
                "choices": [{
                    "index": 0, "delta": {"content": " piece of text"}, "finish_reason": null,
                }],
            }),
        ),
        DialectId::OpenAiResponses => (
            "response.output_text.delta",
            json!({
                "type": "response.output_text.delta", "delta": " piece of text",
                "item_id": "msg_1", "output_index": 0, "content_index": 0, "sequence_number": 9,
            }),
        ),
    }
}

fn observers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("dialect/1000 events of text observed");
    group.throughput(Throughput::Elements(1000));
    for dialect in DIALECTS {
        let (name, data) = text_event(dialect);
        let data = data.to_string();
        group.bench_function(format!("{dialect:?}"), |bencher| {
            bencher.iter(|| {
                let mut observer = Observer::new(dialect, ObserverLimits::default());
                for _ in 0..1000 {
                    observer.event(black_box(name), black_box(data.as_bytes()));
                }
                observer.finish()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, envelopes, observers);
criterion_main!(benches);
