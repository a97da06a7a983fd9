//! Whatever an answer says, observing it neither panics nor keeps more than it may, and says the
//! same however the stream was cut.
#![no_main]

use bridge_api::{DialectId, Observed, Observer, ObserverLimits, read_error};
use bridge_stream::{Limits, SseDecoder};
use libfuzzer_sys::fuzz_target;

const DIALECTS: [DialectId; 3] = [
    DialectId::AnthropicMessages,
    DialectId::OpenAiChat,
    DialectId::OpenAiResponses,
];

/// Small enough to be reached.
const LIMITS: ObserverLimits = ObserverLimits {
    text_bytes: 64,
    total_bytes: 256,
    items: 4,
};

fuzz_target!(|data: &[u8]| {
    let [cuts, answer @ ..] = data else {
        return;
    };
    for dialect in DIALECTS {
        let whole = observe(dialect, [answer].into_iter());
        let cut = observe(dialect, answer.chunks(usize::from(*cuts) + 1));
        assert_eq!(whole, cut);
        assert!(whole.tool_calls.len() + whole.thoughts.len() <= 2 * LIMITS.items);
        let mut observer = Observer::new(dialect, LIMITS);
        observer.whole(answer);
        observer.finish();
        let _failure = read_error(dialect, answer);
    }
});

fn observe<'p>(dialect: DialectId, pieces: impl Iterator<Item = &'p [u8]>) -> Observed {
    let mut decoder = SseDecoder::new(Limits::default());
    let mut observer = Observer::new(dialect, LIMITS);
    for piece in pieces {
        if decoder
            .feed(piece, |event| observer.event(event.name, event.data))
            .is_err()
        {
            break;
        }
    }
    decoder.finish(|event| observer.event(event.name, event.data));
    observer.finish()
}
