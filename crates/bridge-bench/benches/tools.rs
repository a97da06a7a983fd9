//! What it costs to give a request the tools of tool servers.
//!
//! Each group measures the same request three ways in one run, so that what counts are ratios: a
//! plain copy of its bytes, the parse that every request has, and the parse with fifty tools put
//! in and the body written for the provider.

use std::hint::black_box;

use bridge_api::{
    DialectId, Envelope, EnvelopeError, EnvelopeLimits, Offer, ToolSpec, Toolbox, Withheld, offer,
};
use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Value, json};

const DIALECTS: [DialectId; 3] = [
    DialectId::AnthropicMessages,
    DialectId::OpenAiChat,
    DialectId::OpenAiResponses,
];

/// How many tools are offered.
const TOOLS: usize = 50;

/// A coding agent's request of about 200 KiB, with twelve tools of its own.
fn request(dialect: DialectId) -> Bytes {
    let text = "some words of a person or a model ".repeat(28);
    let messages: Vec<Value> = (0..200)
        .map(|at| json!({"role": if at % 2 == 0 { "user" } else { "assistant" }, "content": text}))
        .collect();
    let own: Vec<Value> = (0..12).map(|at| own_tool(dialect, at)).collect();
    let key = match dialect {
        DialectId::OpenAiResponses => "input",
        DialectId::AnthropicMessages | DialectId::OpenAiChat => "messages",
    };
    let body = json!({
        "model": "simulated", "max_tokens": 1024, "stream": true, "tools": own, key: messages,
    });
    body.to_string().into()
}

fn own_tool(dialect: DialectId, at: usize) -> Value {
    let (name, schema) = (format!("Tool{at}"), json!({"type": "object"}));
    match dialect {
        DialectId::AnthropicMessages => json!({"name": name, "input_schema": schema}),
        DialectId::OpenAiChat => {
            json!({"type": "function", "function": {"name": name, "parameters": schema}})
        }
        DialectId::OpenAiResponses => {
            json!({"type": "function", "name": name, "parameters": schema})
        }
    }
}

/// Tools with descriptions and schemas of the usual size, about a kilobyte each.
fn toolbox() -> Result<Toolbox, Box<dyn std::error::Error>> {
    let property = json!({"type": "string", "description": "what it is for, in some words"});
    let properties: serde_json::Map<String, Value> = (0..8)
        .map(|at| (format!("property_{at}"), property.clone()))
        .collect();
    let schema = json!({
        "type": "object", "properties": properties, "required": ["property_0"],
        "additionalProperties": false,
    });
    let description = "What the tool does and when it is to be used. ".repeat(6);
    let tools: Result<Vec<_>, _> = (0..TOOLS)
        .map(|at| {
            let name = format!("bmcp_server_tool_{at:02}");
            ToolSpec::new(name, description.clone(), schema.to_string())
        })
        .collect();
    Ok(Toolbox::new(tools?))
}

/// The body for the provider.
fn given(
    dialect: DialectId,
    body: &Bytes,
    toolbox: &Toolbox,
) -> Result<(Bytes, Offer), EnvelopeError> {
    let mut envelope = Envelope::parse(body.clone(), &EnvelopeLimits::default())?;
    let offer = offer(dialect, &mut envelope, toolbox);
    Ok((envelope.to_bytes(), offer))
}

fn injection(criterion: &mut Criterion) {
    let toolbox = match toolbox() {
        Ok(toolbox) => toolbox,
        Err(problem) => panic!("the tools of the bench are none: {problem}"),
    };
    for dialect in DIALECTS {
        let body = request(dialect);
        let rendered = toolbox.rendered(dialect);
        let made = given(dialect, &body, &toolbox).map(|(made, _)| made.len());
        // One comma joins them to the client's own. More would be bytes written twice.
        assert_eq!(made, Ok(body.len() + rendered.len() + 1));
        let mut group = criterion.benchmark_group(format!("tools/{dialect:?}, 200 KiB"));
        group.throughput(Throughput::Bytes(u64::try_from(body.len()).unwrap_or(0)));
        group.bench_function("a copy of the bytes", |bencher| {
            bencher.iter(|| black_box(&body[..]).to_vec());
        });
        group.bench_function("no tool server", |bencher| {
            bencher.iter(|| Envelope::parse(black_box(body.clone()), &EnvelopeLimits::default()));
        });
        group.bench_function("no tools", |bencher| {
            let empty = Toolbox::default();
            bencher.iter(|| {
                let (bytes, offer) = given(dialect, black_box(&body), &empty)?;
                assert!(matches!(offer, Offer::Withheld(Withheld::Empty)));
                Ok::<_, EnvelopeError>(bytes)
            });
        });
        group.bench_function("50 tools", |bencher| {
            bencher.iter(|| given(dialect, black_box(&body), &toolbox));
        });
        group.finish();
    }
}

/// What is done once for each catalogue.
fn rendering(criterion: &mut Criterion) {
    criterion.bench_function("tools/50 tools rendered", |bencher| {
        bencher.iter(|| toolbox().map(|toolbox| toolbox.rendered(DialectId::AnthropicMessages)));
    });
}

criterion_group!(benches, injection, rendering);
criterion_main!(benches);
