//! Headers of a coding agent, read and scrubbed.

use std::hint::black_box;

use bridge_auth::HeaderPolicy;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderName, HeaderValue};

/// What a coding agent sends with each request.
const AGENT: [(&str, &str); 20] = [
    ("host", "127.0.0.1:4000"),
    ("accept", "application/json"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("authorization", "Bearer key-of-the-organisation"),
    ("connection", "keep-alive"),
    ("content-length", "51234"),
    ("content-type", "application/json"),
    ("user-agent", "agent-cli/2.1 (external, cli)"),
    ("anthropic-version", "2023-06-01"),
    (
        "anthropic-beta",
        "interleaved-thinking-2025-05-14,effort-2025-11-24",
    ),
    ("x-app", "cli"),
    ("x-session-id", "79a55209-c454-4bf6-b39a-ba68c5a752b6"),
    ("x-stainless-lang", "js"),
    ("x-stainless-os", "Linux"),
    ("x-stainless-arch", "x64"),
    ("x-stainless-runtime", "node"),
    ("x-stainless-retry-count", "0"),
    ("x-stainless-timeout", "600"),
    ("x-forwarded-for", "192.0.2.7"),
    ("cookie", "session=1"),
];

fn headers() -> HeaderMap {
    let pair = |(name, value)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    };
    AGENT.into_iter().map(pair).collect()
}

fn admit(criterion: &mut Criterion) {
    let policy = HeaderPolicy::default();
    criterion.bench_function("headers/admit an agent's 20", |bencher| {
        bencher.iter_batched(
            headers,
            |headers| policy.admit(headers),
            BatchSize::SmallInput,
        );
    });
    let headers = headers();
    criterion.bench_function("headers/present an agent's 20", |bencher| {
        bencher.iter(|| policy.present(black_box(&headers)));
    });
}

criterion_group!(benches, admit);
criterion_main!(benches);
