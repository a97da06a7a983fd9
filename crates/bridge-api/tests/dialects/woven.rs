//! Properties of woven answers: random turns of several rounds, told by a provider, woven, and read
//! by a grammar that knows nothing of the weave.

#[path = "woven/chat.rs"]
mod chat;
#[path = "woven/conversation.rs"]
mod conversation;
#[path = "woven/messages.rs"]
mod messages;
#[path = "woven/responses.rs"]
mod responses;
#[path = "woven/said.rs"]
mod said;
#[path = "woven/turn.rs"]
mod turn;

use std::sync::Arc;

use bridge_api::{
    DialectId, Envelope, EnvelopeLimits, HiddenTurn, InjectedCall, RoundEnd, ToolContent,
    ToolResult, ToolSpec, Toolbox, UsageTold, Weave, WeaveConfig, offer, splice,
};
use bytes::Bytes;
use proptest::prelude::*;

use self::said::{Said, spoken, without_thoughts};
use self::turn::{Call, End, INJECTED, Part, Turn, Usage, turn};
use crate::events::raw_events;

/// How a dialect speaks, and how it is understood. What reads is written from the API's reference
/// and shares nothing with what is tested.
struct Voice {
    dialect: DialectId,
    /// A client's request, with its own tools.
    request: &'static str,
    /// A round as a provider streams it, and as a whole body.
    stream: fn(&Turn, usize) -> String,
    /// What stands in a stream once nothing of the answer can be missing.
    last_word: &'static str,
    whole: fn(&Turn, usize) -> String,
    /// What a client understands of a stream: an error when it breaks a rule. A stream that was cut
    /// between two events is read with `false`, and breaks none by ending.
    read: fn(&str, bool) -> Result<Message, String>,
    read_whole: fn(&str) -> Result<Message, String>,
    /// The client's next request, after such an answer.
    next: fn(&str, &Message) -> String,
    /// What was said in a request's conversation. An error when a call has not exactly one answer
    /// where it belongs.
    history: fn(&str) -> Result<Vec<Said>, String>,
    /// Whether texts of a message are one text for its clients.
    is_merged: bool,
}

const VOICES: [Voice; 4] = [
    messages::VOICE,
    chat::VOICE,
    responses::VOICE,
    responses::FORGETFUL,
];

/// A message as a client has it.
#[derive(Debug, Clone, Default)]
struct Message {
    parts: Vec<Part>,
    usage: Usage,
    end: Option<End>,
}

/// Everything that came of a turn.
struct Woven {
    /// What the client got.
    answer: String,
    /// The requests of all rounds.
    requests: Vec<String>,
    /// The calls that were to be made, by round.
    calls: Vec<Vec<InjectedCall>>,
    hidden: Option<HiddenTurn>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Stream,
    Whole,
}

impl Voice {
    fn weave(&self, turn: &Turn, mode: Mode, usage: UsageTold) -> Woven {
        self.weave_on(self.request, &[], turn, mode, usage)
    }

    /// Weaves the answer to a request, into which these hidden turns go back first.
    fn weave_on(
        &self,
        request: &str,
        hidden: &[Arc<HiddenTurn>],
        turn: &Turn,
        mode: Mode,
        usage: UsageTold,
    ) -> Woven {
        let body = Bytes::copy_from_slice(request.as_bytes());
        let mut request = Envelope::parse(body, &EnvelopeLimits::default()).unwrap();
        let tool = |name| ToolSpec::new(name, "", r#"{"type":"object"}"#).unwrap();
        let tools = Toolbox::new(INJECTED.map(tool).into());
        offer(self.dialect, &mut request, &tools);
        let config = WeaveConfig {
            usage,
            ..WeaveConfig::default()
        };
        let mut weave = Weave::new(self.dialect, &request, tools, config);
        splice(self.dialect, &mut request, &mut |anchor| {
            let mut newest = hidden.iter().rev();
            newest
                .find(|turn| turn.anchors().contains(&anchor))
                .cloned()
        });
        let mut woven = Woven {
            answer: String::new(),
            requests: Vec::new(),
            calls: Vec::new(),
            hidden: None,
        };
        let mut out = Vec::new();
        for round in 0.. {
            woven
                .requests
                .push(String::from_utf8(request.to_bytes().to_vec()).unwrap());
            assert!(round < turn.rounds.len(), "one round too many");
            match mode {
                Mode::Stream => tell(&mut weave, &(self.stream)(turn, round), &mut out),
                Mode::Whole => weave.whole(Bytes::from((self.whole)(turn, round))).unwrap(),
            }
            match weave.end_round() {
                RoundEnd::Over => break,
                RoundEnd::Calls(calls) => {
                    weave.go_on(&mut request, results(&calls)).unwrap();
                    woven.calls.push(calls);
                }
                RoundEnd::Mixed(calls) => {
                    weave.keep(results(&calls));
                    woven.calls.push(calls);
                    break;
                }
            }
        }
        match mode {
            Mode::Stream => weave.finish(&mut out),
            Mode::Whole => out.extend_from_slice(&weave.finish_whole()),
        }
        woven.answer = String::from_utf8(out).unwrap();
        woven.hidden = weave.hidden_turn();
        woven
    }

    fn read(&self, answer: &str, mode: Mode) -> Result<Message, String> {
        match mode {
            Mode::Stream => (self.read)(answer, true),
            Mode::Whole => (self.read_whole)(answer),
        }
    }
}

/// The results in another order than the calls: it is the weave that keeps order.
fn results(calls: &[InjectedCall]) -> Vec<ToolResult> {
    let result = |call: &InjectedCall| ToolResult {
        call_id: call.call_id.clone(),
        content: vec![ToolContent::Text(format!("result of {}", call.call_id))],
        is_error: false,
    };
    calls.iter().rev().map(result).collect()
}

fn tell(weave: &mut Weave, stream: &str, out: &mut Vec<u8>) {
    for (raw, name, data) in raw_events(stream) {
        weave
            .event(name, data.as_bytes(), raw.as_bytes(), out)
            .unwrap();
    }
}

fn same_parts(voice: &Voice, seen: &[Part], expected: &[Part]) {
    if !voice.is_merged {
        assert_eq!(seen, expected);
        return;
    }
    let texts = |parts: &[Part]| -> String {
        parts
            .iter()
            .map(|part| {
                if let Part::Text(text) = part {
                    text.as_str()
                } else {
                    ""
                }
            })
            .collect()
    };
    let thoughts = |parts: &[Part]| -> String {
        parts
            .iter()
            .map(|part| {
                if let Part::Thought(text) = part {
                    text.as_str()
                } else {
                    ""
                }
            })
            .collect()
    };
    let calls =
        |parts: &[Part]| -> Vec<Call> { parts.iter().filter_map(Part::call).cloned().collect() };
    assert_eq!(texts(seen), texts(expected));
    assert_eq!(thoughts(seen), thoughts(expected));
    assert_eq!(calls(seen), calls(expected));
}

const MODES: [Mode; 2] = [Mode::Stream, Mode::Whole];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Every answer is one good message with what the client may see, and with the tokens of all
    /// rounds. Every call was to be made once, in its round, and has one answer in the next request.
    #[test]
    fn a_client_sees_one_message(turn in turn()) {
        for voice in &VOICES {
            for mode in MODES {
                let woven = voice.weave(&turn, mode, UsageTold::Sum);
                for name in INJECTED {
                    prop_assert!(!woven.answer.contains(name), "{}", woven.answer);
                }
                let message = voice.read(&woven.answer, mode).unwrap();
                same_parts(voice, &message.parts, &turn.visible());
                prop_assert_eq!(message.usage, turn.sum());
                prop_assert_eq!(message.end, Some(turn.end));
                check_calls(voice, &turn, &woven);

                let woven = voice.weave(&turn, mode, UsageTold::Last);
                let message = voice.read(&woven.answer, mode).unwrap();
                prop_assert_eq!(message.usage, turn.last().usage);
            }
        }
    }

    /// A turn of one round without injected calls is the provider's, byte for byte, and event for
    /// event.
    #[test]
    fn a_turn_without_injected_calls_is_untouched(turn in turn()) {
        let turn = Turn { rounds: turn.rounds[turn.rounds.len() - 1..].to_vec(), ..turn };
        prop_assume!(turn.last().injected().is_empty());
        for voice in &VOICES {
            let woven = voice.weave(&turn, Mode::Stream, UsageTold::Sum);
            prop_assert_eq!(&woven.answer, &(voice.stream)(&turn, 0));
            prop_assert!(woven.hidden.is_none());
            let woven = voice.weave(&turn, Mode::Whole, UsageTold::Sum);
            prop_assert_eq!(&woven.answer, &(voice.whole)(&turn, 0));
        }
    }

    /// A stream that breaks off anywhere breaks no rule before, and has nothing made.
    #[test]
    fn a_stream_may_break_off_anywhere(turn in turn(), at in any::<prop::sample::Index>()) {
        for voice in &VOICES {
            let stream = (voice.stream)(&turn, turn.rounds.len() - 1);
            let at = at.index(stream.len());
            let cut = &stream[..stream.floor_char_boundary(at)];
            let (mut weave, mut out) = begun(voice, &turn);
            tell(&mut weave, cut, &mut out);
            let end = weave.end_round();
            prop_assert!(end == RoundEnd::Over || cut.contains(voice.last_word), "{:?} {}", end, cut);
            let answer = String::from_utf8(out).unwrap();
            (voice.read)(&answer, false).unwrap();
            for name in INJECTED {
                prop_assert!(!answer.contains(name), "{}", answer);
            }
        }
    }

    /// What was hidden comes back where the client goes on with what it saw, and the conversation is
    /// again the one that the provider knows.
    #[test]
    fn hidden_turns_come_back(turn in turn()) {
        for voice in &VOICES {
            for mode in MODES {
                let woven = voice.weave(&turn, mode, UsageTold::Sum);
                let message = voice.read(&woven.answer, mode).unwrap();
                let next = (voice.next)(voice.request, &message);
                let mut expected = (voice.history)(voice.request).unwrap();
                expected.extend(conversation::told(&turn));
                let expected = spoken(voice.is_merged, expected);
                let was_hidden = woven.hidden.is_some();
                let spliced = spliced(voice, &next, woven.hidden);
                // A client that saw nothing at all has nothing to go on with.
                if message.parts.iter().all(|part| matches!(part, Part::Text(text) if text.trim().is_empty())) {
                    continue;
                }
                let said = spoken(voice.is_merged, (voice.history)(&spliced).unwrap());
                if was_hidden {
                    if voice.is_merged {
                        // Clients of these dialects do not send thoughts again.
                        let [said, expected] = [said, expected].map(without_thoughts);
                        prop_assert_eq!(said, expected, "{}", spliced);
                        continue;
                    }
                    prop_assert_eq!(said, expected, "{}", spliced);
                } else {
                    prop_assert_eq!(spliced, next);
                }
            }
        }
    }
}

/// All rounds but the last one told.
fn begun(voice: &Voice, turn: &Turn) -> (Weave, Vec<u8>) {
    let body = Bytes::from_static(voice.request.as_bytes());
    let mut request = Envelope::parse(body, &EnvelopeLimits::default()).unwrap();
    let tool = |name| ToolSpec::new(name, "", "{}").unwrap();
    let tools = Toolbox::new(INJECTED.map(tool).into());
    let mut weave = Weave::new(voice.dialect, &request, tools, WeaveConfig::default());
    let mut out = Vec::new();
    for round in 0..turn.rounds.len() - 1 {
        tell(&mut weave, &(voice.stream)(turn, round), &mut out);
        let RoundEnd::Calls(calls) = weave.end_round() else {
            panic!("a round without calls");
        };
        weave.go_on(&mut request, results(&calls)).unwrap();
    }
    (weave, out)
}

fn check_calls(voice: &Voice, turn: &Turn, woven: &Woven) {
    let is_mixed = turn.end == End::Proper && !turn.last().own().is_empty();
    let rounds = turn.rounds.iter().enumerate();
    let made = rounds.filter(|(number, _)| number + 1 < turn.rounds.len() || is_mixed);
    let expected: Vec<Vec<Call>> = made
        .map(|(_, round)| round.injected())
        .filter(|calls| !calls.is_empty())
        .collect();
    let call = |call: &InjectedCall| Call {
        id: call.call_id.clone(),
        name: call.name.clone(),
        input: serde_json::from_str(call.input.as_ref().unwrap()).unwrap(),
    };
    let calls: Vec<Vec<Call>> = woven
        .calls
        .iter()
        .map(|calls| calls.iter().map(call).collect())
        .collect();
    assert_eq!(calls, expected);
    let mut said = spoken(voice.is_merged, (voice.history)(voice.request).unwrap());
    for (request, round) in woven.requests.iter().zip(&turn.rounds) {
        let heard = spoken(voice.is_merged, (voice.history)(request).unwrap());
        assert_eq!(heard, said, "{request}");
        said.extend(round.parts.iter().cloned().map(Said::Model));
        said.extend(round.injected().iter().map(|call| Said::Result {
            id: call.id.clone(),
            text: call.result(),
        }));
        said = spoken(voice.is_merged, said);
    }
}

fn spliced(voice: &Voice, next: &str, hidden: Option<HiddenTurn>) -> String {
    let body = Bytes::copy_from_slice(next.as_bytes());
    let mut request = Envelope::parse(body, &EnvelopeLimits::default()).unwrap();
    let hidden = hidden.map(Arc::new);
    let mut find = |anchor| {
        hidden
            .clone()
            .filter(|hidden| hidden.anchors().contains(&anchor))
    };
    splice(voice.dialect, &mut request, &mut find);
    String::from_utf8(request.to_bytes().to_vec()).unwrap()
}
