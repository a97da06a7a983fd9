use std::io::Write;

use bridge_stream::Encoding;
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

const DIALECTS: [DialectId; 3] = [
    DialectId::AnthropicMessages,
    DialectId::OpenAiChat,
    DialectId::OpenAiResponses,
];

/// Events of all dialects in any order, with all line ends: what is no answer is observed too.
fn events() -> impl Strategy<Value = Vec<u8>> {
    let data = prop_oneof![
        Just(
            r#"{"type":"message_start","message":{"id":"msg_1","usage":{"input_tokens":5,"output_tokens":1}}}"#
        ),
        Just(
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t1","name":"Räad","input":{}}}"#
        ),
        Just(
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"ä\":1}"}}"#
        ),
        Just(
            r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":1234}}"#
        ),
        Just(r#"{"type":"message_stop"}"#),
        Just(
            r#"{"id":"chatcmpl-1","choices":[{"index":0,"delta":{"reasoning_content":"hm","tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":"{}"}}]}}]}"#
        ),
        Just(r#"{"id":"chatcmpl-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#),
        Just(
            r#"{"id":"chatcmpl-1","choices":[],"usage":{"prompt_tokens":1234,"completion_tokens":56}}"#
        ),
        Just("[DONE]"),
        Just(r#"{"type":"response.created","response":{"id":"resp_1"}}"#),
        Just(
            r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"function_call","id":"i1","call_id":"c2","name":"g","arguments":"{}"}}"#
        ),
        Just(
            r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","usage":{"input_tokens":7,"output_tokens":89}}}"#
        ),
        Just("no json"),
    ];
    let end = prop_oneof![Just("\n"), Just("\r\n"), Just("\r")];
    let event = (data, end).prop_map(|(data, end)| format!(": c{end}data: {data}{end}{end}"));
    vec(event, 0..9).prop_map(|events| events.concat().into_bytes())
}

/// Whole answers of all dialects, and what is left of them when they are torn.
fn answer() -> impl Strategy<Value = Vec<u8>> {
    let answer = prop_oneof![
        Just(
            r#"{"id":"msg_1","type":"message","content":[{"type":"thinking","thinking":"hm"},{"type":"tool_use","id":"t1","name":"Räad","input":{"a":1}}],"stop_reason":"tool_use","usage":{"input_tokens":12,"output_tokens":34}}"#
        ),
        Just(
            r#"{"id":"chatcmpl-1","choices":[{"index":0,"message":{"content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":4}}"#
        ),
        Just(
            r#"{"id":"resp_1","status":"completed","output":[],"usage":{"input_tokens":10,"output_tokens":4}}"#
        ),
        Just("<html>"),
        Just(""),
    ];
    (answer, proptest::option::of(any::<Index>())).prop_map(|(answer, torn)| {
        let end = torn.map_or(answer.len(), |end| end.index(answer.len() + 1));
        answer.as_bytes()[..end].to_vec()
    })
}

fn zipped(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// What is seen of a body in pieces that end at these places.
fn seen(dialect: DialectId, kind: &WatchKind, body: &[u8], cuts: &[usize], zip: bool) -> Observed {
    let content = zip.then(|| ContentDecoder::new(&[Encoding::Gzip], 1 << 20));
    let mut watch = Watch::new(dialect, kind, content);
    let mut ends: Vec<usize> = cuts.iter().map(|at| at % (body.len() + 1)).collect();
    ends.push(body.len());
    ends.sort_unstable();
    let mut from = 0;
    for end in ends {
        watch.hear(&Bytes::copy_from_slice(&body[from..end]));
        from = end;
    }
    watch.finish_stream();
    let Seen::Answer(observed) = watch.take() else {
        panic!("an answer was watched");
    };
    assert!(matches!(watch.take(), Seen::Nothing));
    observed
}

proptest! {
    #[test]
    fn what_is_seen_of_a_stream_depends_on_neither_cuts_nor_compression(
        body in events(),
        torn in proptest::option::of(any::<Index>()),
        cuts in vec(any::<usize>(), 0..12),
    ) {
        let end = torn.map_or(body.len(), |end| end.index(body.len() + 1));
        let body = &body[..end];
        for dialect in DIALECTS {
            let expected = seen(dialect, &WatchKind::Events, body, &[], false);
            prop_assert_eq!(&seen(dialect, &WatchKind::Events, body, &cuts, false), &expected);
            let zipped = zipped(body);
            prop_assert_eq!(&seen(dialect, &WatchKind::Events, &zipped, &cuts, true), &expected);
        }
    }

    #[test]
    fn what_is_seen_of_a_whole_answer_depends_on_neither_cuts_nor_compression(
        body in answer(),
        cuts in vec(any::<usize>(), 0..12),
    ) {
        let kind = WatchKind::Whole { limit: 1 << 20 };
        for dialect in DIALECTS {
            let expected = seen(dialect, &kind, &body, &[], false);
            prop_assert_eq!(&seen(dialect, &kind, &body, &cuts, false), &expected);
            prop_assert_eq!(&seen(dialect, &kind, &zipped(&body), &cuts, true), &expected);
        }
    }

    #[test]
    fn an_error_behind_good_bytes_takes_none_of_them_back(
        body in events(),
        garbage in vec(any::<u8>(), 1..9),
        cuts in vec(any::<usize>(), 0..12),
    ) {
        let mut broken = zipped(&body);
        broken.extend(garbage);
        for dialect in DIALECTS {
            let expected = seen(dialect, &WatchKind::Events, &broken, &[], true);
            prop_assert_eq!(&seen(dialect, &WatchKind::Events, &broken, &cuts, true), &expected);
        }
    }
}
