//! Event streams, decoded as they come from the network.

use std::fmt::Write;
use std::hint::black_box;

use bridge_stream::{Limits, SseDecoder};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// A thousand events of text, as a provider sends them.
fn events() -> Vec<u8> {
    let mut events = String::new();
    for number in 0..1000 {
        let _never = write!(
            events,
            "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\
             \"delta\":{{\"type\":\"text_delta\",\"text\":\" piece {number} of the text\"}}}}\n\n"
        );
    }
    events.into_bytes()
}

fn decode(criterion: &mut Criterion) {
    let events = events();
    let mut group = criterion.benchmark_group("stream/1000 events");
    group.throughput(Throughput::Elements(1000));
    // One event in a piece and a little more, and what a full read from a socket gives.
    for size in [160, 16 << 10] {
        group.bench_function(format!("in pieces of {size} bytes"), |bencher| {
            bencher.iter(|| {
                let mut decoder = SseDecoder::new(Limits::default());
                let mut data = 0;
                for piece in events.chunks(size) {
                    let fed = decoder.feed(black_box(piece), |event| data += event.data.len());
                    black_box(fed).ok();
                }
                data
            });
        });
    }
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
