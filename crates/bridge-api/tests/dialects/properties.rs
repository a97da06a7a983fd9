//! Properties of observers and facts over generated answers and requests.

use bridge_api::{DialectId, Envelope, EnvelopeLimits, Observed, Observer, ObserverLimits};
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::events::{events, streamed, whole};

const DIALECTS: [DialectId; 3] = [
    DialectId::AnthropicMessages,
    DialectId::OpenAiChat,
    DialectId::OpenAiResponses,
];

/// An answer in no dialect.
#[derive(Debug, Clone)]
struct Answer {
    input: u64,
    output: u64,
    cache_read: u64,
    parts: Vec<Part>,
    /// How long the pieces are in which a stream tells it, in characters.
    piece: usize,
}

#[derive(Debug, Clone)]
enum Part {
    Text(String),
    Thought(String),
    Call { name: String, input: String },
}

fn answer() -> impl Strategy<Value = Answer> {
    let part = prop_oneof![
        "\\PC{0,40}".prop_map(Part::Text),
        "\\PC{1,40}".prop_map(Part::Thought),
        ("[a-z_]{1,12}", "[\\PC\n\"\\\\]{0,40}").prop_map(|(name, text)| Part::Call {
            name,
            input: json!({ "text": text }).to_string(),
        }),
    ];
    let tokens = 0..1_000_000_u64;
    let parts = prop::collection::vec(part, 0..6);
    (tokens.clone(), tokens.clone(), tokens, parts, 1..9_usize).prop_map(
        |(input, output, cache_read, parts, piece)| Answer {
            input,
            output,
            cache_read,
            parts,
            piece,
        },
    )
}

impl Answer {
    fn pieces(&self, text: &str) -> Vec<String> {
        let characters: Vec<char> = text.chars().collect();
        let pieces: Vec<String> = characters
            .chunks(self.piece)
            .map(|piece| piece.iter().collect())
            .collect();
        pieces
    }

    /// How many bytes of text it has.
    fn told(&self) -> u64 {
        let lengths = self.parts.iter().map(|part| match part {
            Part::Text(text) | Part::Thought(text) => text.len(),
            Part::Call { input, .. } => input.len(),
        });
        lengths.sum::<usize>() as u64
    }

    fn parts(&self) -> impl Iterator<Item = (usize, &Part)> {
        self.parts.iter().enumerate()
    }
}

fn event(name: &str, mut data: Value) -> String {
    data["type"] = Value::from(name);
    format!("event: {name}\ndata: {data}\n\n")
}

mod messages {
    use super::*;

    pub(super) fn whole(answer: &Answer) -> String {
        let content = answer.parts().map(|(at, part)| match part {
            Part::Text(text) => json!({"type": "text", "text": text}),
            Part::Thought(text) => json!({"type": "thinking", "thinking": text, "signature": "s"}),
            Part::Call { name, input } => {
                let input: Value = serde_json::from_str(input).unwrap();
                json!({"type": "tool_use", "id": format!("t{at}"), "name": name, "input": input})
            }
        });
        let content: Vec<Value> = content.collect();
        json!({
            "id": "m", "type": "message", "content": content, "stop_reason": "end_turn",
            "usage": {
                "input_tokens": answer.input, "output_tokens": answer.output,
                "cache_read_input_tokens": answer.cache_read, "cache_creation_input_tokens": 0,
            },
        })
        .to_string()
    }

    pub(super) fn stream(answer: &Answer) -> String {
        let usage = json!({"input_tokens": answer.input, "output_tokens": 1,
            "cache_read_input_tokens": answer.cache_read});
        let mut stream = event(
            "message_start",
            json!({"message": {"id": "m", "usage": usage}}),
        );
        for (at, part) in answer.parts() {
            let (block, kind, member, text) = match part {
                Part::Text(text) => (json!({"type": "text"}), "text_delta", "text", text),
                Part::Thought(text) => (
                    json!({"type": "thinking"}),
                    "thinking_delta",
                    "thinking",
                    text,
                ),
                Part::Call { name, input } => {
                    let id = format!("t{at}");
                    let block = json!({"type": "tool_use", "id": id, "name": name, "input": {}});
                    (block, "input_json_delta", "partial_json", input)
                }
            };
            let start = json!({"index": at, "content_block": block});
            stream += &event("content_block_start", start);
            for piece in answer.pieces(text) {
                let delta = json!({"type": kind, member: piece});
                stream += &event("content_block_delta", json!({"index": at, "delta": delta}));
            }
            stream += &event("content_block_stop", json!({"index": at}));
            stream += &event(
                "message_delta",
                json!({"delta": {}, "usage": {"output_tokens": at}}),
            );
        }
        let usage = json!({"output_tokens": answer.output});
        let delta = json!({"delta": {"stop_reason": "end_turn"}, "usage": usage});
        stream + &event("message_delta", delta) + &event("message_stop", json!({}))
    }
}

mod chat {
    use super::*;

    fn usage(answer: &Answer) -> Value {
        json!({
            "prompt_tokens": answer.input + answer.cache_read,
            "completion_tokens": answer.output,
            "prompt_tokens_details": {"cached_tokens": answer.cache_read},
        })
    }

    pub(super) fn whole(answer: &Answer) -> String {
        let (mut reasoning, mut calls) = (String::new(), Vec::new());
        for (at, part) in answer.parts() {
            match part {
                Part::Text(_) => {}
                Part::Thought(text) => reasoning += text,
                Part::Call { name, input } => calls.push(json!({
                    "id": format!("t{at}"), "type": "function",
                    "function": {"name": name, "arguments": input},
                })),
            }
        }
        let message = json!({"role": "assistant", "content": null, "refusal": null,
            "reasoning_content": reasoning, "tool_calls": calls});
        let choice = json!({"index": 0, "finish_reason": "stop", "message": message});
        json!({"id": "m", "choices": [choice], "usage": usage(answer)}).to_string()
    }

    pub(super) fn stream(answer: &Answer) -> String {
        let chunk = |delta: Value, reason: Option<&str>| {
            let choice = json!({"index": 0, "delta": delta, "finish_reason": reason});
            let chunk = json!({"id": "m", "choices": [choice], "usage": null});
            format!("data: {chunk}\n\n")
        };
        let mut stream = chunk(json!({"role": "assistant", "content": ""}), None);
        for (at, part) in answer.parts() {
            match part {
                Part::Text(text) => {
                    for piece in answer.pieces(text) {
                        stream += &chunk(json!({ "content": piece }), None);
                    }
                }
                Part::Thought(text) => {
                    for piece in answer.pieces(text) {
                        stream += &chunk(json!({ "reasoning_content": piece }), None);
                    }
                }
                Part::Call { name, input } => {
                    let function = json!({"name": name, "arguments": ""});
                    let call = json!({"index": at, "id": format!("t{at}"), "function": function});
                    stream += &chunk(json!({ "tool_calls": [call] }), None);
                    for piece in answer.pieces(input) {
                        let call = json!({"index": at, "function": {"arguments": piece}});
                        stream += &chunk(json!({ "tool_calls": [call] }), None);
                    }
                }
            }
        }
        stream += &chunk(json!({}), Some("stop"));
        let last = json!({"id": "m", "choices": [], "usage": usage(answer)});
        format!("{stream}data: {last}\n\ndata: [DONE]\n\n")
    }
}

mod responses {
    use super::*;

    fn item(at: usize, part: &Part) -> Value {
        match part {
            Part::Text(text) => json!({"type": "message", "id": format!("i{at}"),
                "role": "assistant", "content": [{"type": "output_text", "text": text}]}),
            Part::Thought(text) => json!({"type": "reasoning", "id": format!("i{at}"),
                "summary": [{"type": "summary_text", "text": text}]}),
            Part::Call { name, input } => json!({"type": "function_call", "id": format!("i{at}"),
                "call_id": format!("t{at}"), "name": name, "arguments": input}),
        }
    }

    fn response(answer: &Answer) -> Value {
        let output: Vec<Value> = answer.parts().map(|(at, part)| item(at, part)).collect();
        json!({"id": "m", "status": "completed", "error": null, "output": output, "usage": {
            "input_tokens": answer.input + answer.cache_read,
            "output_tokens": answer.output,
            "input_tokens_details": {"cached_tokens": answer.cache_read},
        }})
    }

    pub(super) fn whole(answer: &Answer) -> String {
        response(answer).to_string()
    }

    /// Without the last events, and so without the last word about its items, if it breaks off.
    pub(super) fn stream(answer: &Answer, breaks_off: bool) -> String {
        let created = json!({"response": {"id": "m", "output": [], "usage": null}});
        let mut stream = event("response.created", created);
        for (at, part) in answer.parts() {
            let empty = match part {
                Part::Text(_) => Part::Text(String::new()),
                Part::Thought(_) => Part::Thought(String::new()),
                Part::Call { name, .. } => Part::Call {
                    name: name.clone(),
                    input: String::new(),
                },
            };
            let added = json!({"output_index": at, "item": item(at, &empty)});
            stream += &event("response.output_item.added", added);
            let (name, text) = match part {
                Part::Text(text) => ("response.output_text.delta", text),
                Part::Thought(text) => ("response.reasoning_summary_text.delta", text),
                Part::Call { input, .. } => ("response.function_call_arguments.delta", input),
            };
            for piece in answer.pieces(text) {
                let delta = json!({"delta": piece, "output_index": at, "summary_index": 0});
                stream += &event(name, delta);
            }
            if !breaks_off {
                let done = json!({"output_index": at, "item": item(at, part)});
                stream += &event("response.output_item.done", done);
            }
        }
        if breaks_off {
            return stream;
        }
        stream
            + &event(
                "response.completed",
                json!({ "response": response(answer) }),
            )
    }
}

/// A text in which a stream is told, spoiled at one place.
fn spoiled(mut stream: String, at: prop::sample::Index, with: &str) -> String {
    stream.insert_str(spoilable(&stream, at), with);
    stream
}

/// A place between two characters.
fn spoilable(text: &str, at: prop::sample::Index) -> usize {
    text.floor_char_boundary(at.index(text.len()))
}

proptest! {
    #[test]
    fn an_answer_says_the_same_streamed_or_whole(answer in answer()) {
        let rows: [(DialectId, String, String); 3] = [
            (DIALECTS[0], messages::stream(&answer), messages::whole(&answer)),
            (DIALECTS[1], chat::stream(&answer), chat::whole(&answer)),
            (DIALECTS[2], responses::stream(&answer, false), responses::whole(&answer)),
        ];
        for (dialect, stream, body) in rows {
            let seen = streamed(dialect, &stream);
            let usage = seen.usage.clone().unwrap();
            prop_assert_eq!(
                (usage.input, usage.output, usage.cache_read, usage.is_final),
                (answer.input, answer.output, answer.cache_read, true)
            );
            let calls = answer.parts.iter().filter(|part| matches!(part, Part::Call { .. }));
            prop_assert_eq!(seen.tool_calls.len(), calls.count());
            prop_assert_eq!(seen, whole(dialect, &body));
        }
    }

    #[test]
    fn a_stream_that_breaks_off_leaves_what_was_told(answer in answer()) {
        let seen = streamed(DIALECTS[2], &responses::stream(&answer, true));
        let whole = whole(DIALECTS[2], &responses::whole(&answer));
        prop_assert_eq!(seen.tool_calls, whole.tool_calls);
        prop_assert_eq!(seen.thoughts, whole.thoughts);
        let told = answer.told();
        let usage = seen.usage.map(|usage| (usage.input, usage.output, usage.is_estimated));
        prop_assert_eq!(usage, (told > 0).then_some((0, told.div_ceil(4), true)));
        let stream = messages::stream(&answer);
        let (told, _) = stream.rsplit_once("event: message_delta").unwrap();
        let usage = streamed(DIALECTS[0], told).usage.unwrap();
        prop_assert_eq!((usage.input, usage.is_final), (answer.input, false));
    }

    #[test]
    fn what_was_told_is_measured_at_every_event(answer in answer()) {
        let streams = [
            messages::stream(&answer), chat::stream(&answer), responses::stream(&answer, false),
        ];
        let enough = answer.told().div_ceil(4);
        for (dialect, stream) in DIALECTS.into_iter().zip(streams) {
            let mut before = 0;
            for count in 0..=events(&stream).count() {
                let mut observer = Observer::new(dialect, ObserverLimits::default());
                for (name, data) in events(&stream).take(count) {
                    observer.event(name, data.as_bytes());
                }
                let Some(usage) = observer.finish().usage.filter(|usage| usage.is_estimated) else {
                    continue;
                };
                prop_assert!(!usage.is_final && usage.output > 0);
                prop_assert!((before..=enough).contains(&usage.output), "{:?}", usage);
                before = usage.output;
            }
            prop_assert_eq!(before, enough);
        }
    }

    #[test]
    fn what_is_there_of_a_whole_answer_is_measured(
        answer in answer(), at in any::<prop::sample::Index>(),
    ) {
        let bodies = [messages::whole(&answer), responses::whole(&answer)];
        for (dialect, mut body) in [DIALECTS[0], DIALECTS[2]].into_iter().zip(bodies) {
            let end = spoilable(&body, at);
            body.truncate(end);
            if let Some(usage) = whole(dialect, &body).usage {
                // A letter that is cut off within its escape counts as one that is unknown.
                let enough = (answer.told() + 3).div_ceil(4).max(answer.output);
                prop_assert!(usage.output <= enough, "{:?}", usage);
            }
        }
    }

    #[test]
    fn nothing_spoils_an_observer(
        answer in answer(), at in any::<prop::sample::Index>(), with in "[\\PC\"\\[\\]{}:,\n]{1,6}",
    ) {
        let bodies = [messages::whole(&answer), chat::whole(&answer), responses::whole(&answer)];
        let streams =
            [messages::stream(&answer), chat::stream(&answer), responses::stream(&answer, false)];
        for dialect in DIALECTS {
            for (body, stream) in bodies.iter().zip(&streams) {
                let _seen: Observed = whole(dialect, &spoiled(body.clone(), at, &with));
                let _seen: Observed = streamed(dialect, &spoiled(stream.clone(), at, &with));
                let _seen: Observed = whole(dialect, &body[..body.floor_char_boundary(at.index(body.len()))]);
            }
        }
    }

    #[test]
    fn what_is_kept_of_an_answer_is_bounded(answer in answer(), total_bytes in 0..200_usize) {
        let limits = ObserverLimits { text_bytes: 64, total_bytes, items: 3 };
        for (dialect, body) in [
            (DIALECTS[0], messages::whole(&answer)),
            (DIALECTS[1], chat::whole(&answer)),
            (DIALECTS[2], responses::whole(&answer)),
        ] {
            let mut observer = Observer::new(dialect, limits);
            observer.whole(body.as_bytes());
            let seen = observer.finish();
            prop_assert!(seen.thoughts.len() + seen.tool_calls.len() <= 3);
            let thoughts = seen.thoughts.iter().map(|thought| thought.content.len());
            let inputs = seen.tool_calls.iter().map(|call| call.input.len() + call.name.len());
            // Each text may have its mark besides.
            let marks = 5 * 2 * 3;
            prop_assert!(thoughts.chain(inputs).sum::<usize>() <= total_bytes + marks);
        }
    }

    #[test]
    fn facts_are_read_of_whatever_is_an_envelope(
        role in "user|assistant|system|tool|x", kind in "text|input_text|tool_result|x_output",
        text in "\\PC{0,8}", depth in 0..4_usize, name in "messages|input|model|stream|metadata",
    ) {
        let mut value = json!({"role": role, "type": kind, "text": text, "call_id": text,
            "content": [{"type": kind, "text": text, "tool_use_id": text}]});
        for _ in 0..depth {
            value = json!([value, {"content": text}, 7, null]);
        }
        let body = json!({ name: value }).to_string();
        let envelope = Envelope::parse(Bytes::from(body), &EnvelopeLimits::default()).unwrap();
        for dialect in DIALECTS {
            let facts = dialect.facts(&envelope);
            prop_assert!(facts.prompt.is_none_or(|prompt| prompt.contains(&text)));
        }
    }
}
