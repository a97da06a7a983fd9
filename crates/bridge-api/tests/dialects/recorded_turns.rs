//! Recorded turns with injected tools, woven.

use bridge_api::{
    AnswerEnd, Envelope, EnvelopeLimits, Observed, Offer, RoundEnd, ToolContent, ToolResult,
    ToolSpec, Toolbox, Usage, Weave, WeaveConfig, offer,
};
use bytes::Bytes;

use crate::events::{raw_events, streamed, whole};
use crate::recorded::{Recording, recorded};

/// All tools that the recorded provider knew of.
fn toolbox(recording: &Recording) -> Toolbox {
    let texts = recording.sections.values();
    let words = texts.flat_map(|text| text.split('"'));
    let names = words.filter(|word| word.starts_with("bmcp_"));
    let tool = |name| ToolSpec::new(name, "", r#"{"type":"object"}"#).unwrap();
    Toolbox::new(names.map(tool).collect())
}

/// What the client gets of a recorded turn, and the request of its second round.
fn woven(recording: &Recording, first: &str) -> (String, String) {
    let body = Bytes::from(recording.sections["request"].clone());
    let mut request = Envelope::parse(body, &EnvelopeLimits::default()).unwrap();
    let toolbox = toolbox(recording);
    let Offer::Made(offered) = offer(recording.dialect, &mut request, &toolbox) else {
        panic!("the request wants tools");
    };
    let mut weave = Weave::new(recording.dialect, &request, offered, WeaveConfig::default());
    let mut out = Vec::new();
    for (section, goes_on) in [
        (first.to_owned(), true),
        (format!("{first}/tool-call"), false),
    ] {
        let told = &recording.sections[&section];
        if first == "streaming" {
            let told = format!("{}\n\n", told.trim_end());
            for (raw, name, data) in raw_events(&told) {
                let event = weave.event(name, data.as_bytes(), raw.as_bytes(), &mut out);
                event.unwrap();
            }
        } else {
            weave.whole(Bytes::from(told.clone())).unwrap();
        }
        match weave.end_round() {
            RoundEnd::Calls(calls) if goes_on => {
                let result = |call: &bridge_api::InjectedCall| ToolResult {
                    call_id: call.call_id.clone(),
                    content: vec![ToolContent::Text("mock".to_owned())],
                    is_error: false,
                };
                let results = calls.iter().map(result).collect();
                weave.go_on(&mut request, results).unwrap();
            }
            RoundEnd::Over if !goes_on => {}
            end @ (RoundEnd::Over | RoundEnd::Calls(_) | RoundEnd::Mixed(_)) => {
                panic!("{section}: {end:?}")
            }
        }
    }
    if first == "streaming" {
        weave.finish(&mut out);
    } else {
        out = weave.finish_whole().to_vec();
    }
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&out), text(&request.to_bytes()))
}

#[test]
fn recorded_turns_become_one_answer() {
    let Some(fixtures) = recorded() else { return };
    let check = |name: &str, first: &str| {
        let recording = Recording::read(&fixtures, name);
        let (answer, request) = woven(&recording, first);
        assert!(!answer.contains("\"bmcp_"), "{name} {first}");
        assert!(request.contains("mock"), "{name} {first}");
        let seen = if first == "streaming" {
            streamed(recording.dialect, &answer)
        } else {
            whole(recording.dialect, &answer)
        };
        let rounds = [first.to_owned(), format!("{first}/tool-call")];
        let [one, two] = rounds.map(|section| recording.seen(&section));
        assert_eq!(seen.end, AnswerEnd::Complete, "{name} {first}");
        assert_eq!(seen.tool_calls, [], "{name} {first}");
        assert_eq!(
            tokens(&seen),
            sum(tokens(&one), tokens(&two)),
            "{name} {first}"
        );
        let is_streamed = first == "streaming";
        assert_eq!(
            seen.response_id == one.response_id,
            is_streamed,
            "{name} {first}"
        );
    };
    check("anthropic/single_injected_tool", "streaming");
    check("openai/chatcompletions/single_injected_tool", "streaming");
    check(
        "openai/chatcompletions/single_injected_tool",
        "non-streaming",
    );
    check(
        "openai/chatcompletions/streaming_injected_tool_no_preamble",
        "streaming",
    );
    check(
        "openai/responses/streaming/single_injected_tool",
        "streaming",
    );
    check(
        "openai/responses/blocking/single_injected_tool",
        "non-streaming",
    );
    check(
        "openai/responses/blocking/single_injected_tool_error",
        "non-streaming",
    );
}

/// Input, output, cache reads, cache writes.
fn tokens(seen: &Observed) -> [u64; 4] {
    let usage = seen.usage.clone().unwrap();
    let Usage {
        input,
        output,
        cache_read,
        cache_write,
        ..
    } = usage;
    [input, output, cache_read, cache_write]
}

fn sum(one: [u64; 4], two: [u64; 4]) -> [u64; 4] {
    [0, 1, 2, 3].map(|at| one[at] + two[at])
}
