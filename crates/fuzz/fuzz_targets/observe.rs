//! Whatever an answer says, observing it neither panics nor keeps more than it may, and says the
//! same however the stream was cut.
#![no_main]

use bridge_api::{AnswerEnd, DialectId, Observed, Observer, ObserverLimits, read_error};
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

/// What stands behind a text that was cut.
const MARK: &str = "[cut]";

/// More than the longest explanation of a failure that is kept.
const FAILURE: usize = 128 << 10;

/// The longest word for a sort of tool, in characters.
const KIND: usize = 64;

fuzz_target!(|data: &[u8]| {
    let [cuts, answer @ ..] = data else {
        return;
    };
    for dialect in DIALECTS {
        let streamed = observe(dialect, [answer].into_iter());
        let cut = observe(dialect, answer.chunks(usize::from(*cuts) + 1));
        assert_eq!(streamed, cut);
        check_size(&streamed);

        let mut observer = Observer::new(dialect, LIMITS);
        observer.whole(answer);
        // Some providers answer a stream with a body and go on.
        observer.event("message", answer);
        check_size(&finish(observer));
        if let Some(failure) = read_error(answer) {
            assert!(failure.error_type.len() + failure.message.len() <= FAILURE);
        }
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
    finish(observer)
}

fn finish(observer: Observer) -> Observed {
    let is_complete = observer.is_complete();
    let observed = observer.finish();
    // What has said its last word was not cut off, though it may have been garbage.
    assert!(!is_complete || observed.end != AnswerEnd::Truncated);
    observed
}

fn check_size(observed: &Observed) {
    let Observed {
        thoughts,
        tool_calls,
        end,
        ..
    } = observed;
    assert!(thoughts.len() + tool_calls.len() <= LIMITS.items);
    let mut texts = vec![observed.response_id.as_str()];
    texts.extend(thoughts.iter().map(|thought| thought.content.as_str()));
    for call in tool_calls {
        let kind = call.kind.to_string();
        assert!(kind.chars().count() <= KIND);
        texts.extend([&*call.call_id, &*call.input]);
        texts.extend(call.namespace.as_deref());
        texts.extend(call.item_id.as_deref());
        // A call without a name is named by its kind.
        texts.extend(Some(&*call.name).filter(|name| *name != kind));
    }
    match end {
        AnswerEnd::Incomplete { reason } => texts.push(reason),
        AnswerEnd::Failed {
            error_type,
            message,
        } => assert!(error_type.len() + message.len() <= FAILURE),
        AnswerEnd::Complete | AnswerEnd::Truncated | AnswerEnd::Garbage => {}
    }
    for text in &texts {
        assert!(text.len() <= LIMITS.text_bytes + MARK.len(), "{text}");
    }
    let total: usize = texts.iter().map(|text| text.len()).sum();
    assert!(total <= LIMITS.total_bytes + texts.len() * MARK.len());
}
