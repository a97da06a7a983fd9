//! Whatever a provider says in the rounds of a turn: weaving neither panics nor keeps more than it
//! may, says the same however the streams were cut, and only ever makes requests that others can
//! read; so does what goes back into a client's history, whatever that is.
#![no_main]

use std::sync::Arc;

use bridge_api::{
    DialectId, Envelope, EnvelopeLimits, HiddenTurn, InjectedCall, RoundEnd, ToolContent,
    ToolResult, ToolSpec, Toolbox, UsageTold, Weave, WeaveConfig, WeaveLimits, splice,
};
use bridge_stream::{Limits, SseSplitter};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;

const DIALECTS: [DialectId; 3] = [
    DialectId::AnthropicMessages,
    DialectId::OpenAiChat,
    DialectId::OpenAiResponses,
];

/// Ends a round.
const ROUND: u8 = 0xff;

/// How many rounds one input has at most. A provider may call tools for ever.
const ROUNDS: usize = 8;

/// Small enough to be reached.
const LIMITS: WeaveLimits = WeaveLimits {
    bytes: 4 << 10,
    items: 64,
};

/// What an event may gain by being changed: numbers, ids and figures of other rounds.
const GAIN: usize = 16 << 10;

fuzz_target!(|data: &[u8]| {
    // The first byte says how the rest is cut, and what is told of tokens.
    let [mode, rest @ ..] = data else {
        return;
    };
    let rounds: Vec<&[u8]> = rest.split(|byte| *byte == ROUND).take(ROUNDS).collect();
    let usage = if mode % 2 == 0 {
        UsageTold::Sum
    } else {
        UsageTold::Last
    };
    for dialect in DIALECTS {
        let size = usize::from(mode / 2) + 1;
        let told = weave(dialect, &rounds, usage, usize::MAX);
        let cut = weave(dialect, &rounds, usage, size);
        assert_eq!((&told.out, &told.requests), (&cut.out, &cut.requests));
        let whole = weave_whole(dialect, &rounds, usage);
        for hidden in [told.hidden, whole].into_iter().flatten() {
            go_back(dialect, Arc::new(hidden), &rounds);
        }
    }
});

struct Woven {
    out: Vec<u8>,
    requests: Vec<Bytes>,
    hidden: Option<HiddenTurn>,
}

fn weave(dialect: DialectId, rounds: &[&[u8]], usage: UsageTold, size: usize) -> Woven {
    let (mut request, mut weave) = begin(dialect, usage);
    let mut woven = Woven {
        out: Vec::new(),
        requests: Vec::new(),
        hidden: None,
    };
    for round in rounds {
        if !tell(&mut weave, round, size, &mut woven.out) {
            return woven;
        }
        if !end(&mut weave, &mut request) {
            break;
        }
        woven.requests.push(checked(&request));
    }
    weave.finish(&mut woven.out);
    woven.hidden = weave.hidden_turn();
    woven
}

/// Says whether the turn can go on.
fn tell(weave: &mut Weave, round: &[u8], size: usize, out: &mut Vec<u8>) -> bool {
    let mut splitter = SseSplitter::new(Limits::default());
    let mut is_good = true;
    for piece in round.chunks(size.min(round.len().max(1))) {
        let fed = splitter.feed(piece, |event| {
            let before = out.len();
            match event.event {
                Some(data) if is_good => {
                    is_good = weave.event(data.name, data.data, event.raw, out).is_ok();
                }
                Some(_) | None => {}
            }
            // Held events come out later than they were told.
            let most = event.raw.len() + LIMITS.bytes + GAIN;
            assert!(out.len() - before <= most, "an event grew");
        });
        if fed.is_err() {
            return false;
        }
    }
    is_good
}

fn weave_whole(dialect: DialectId, rounds: &[&[u8]], usage: UsageTold) -> Option<HiddenTurn> {
    let (mut request, mut weave) = begin(dialect, usage);
    for round in rounds {
        weave.whole(Bytes::copy_from_slice(round)).ok()?;
        if end(&mut weave, &mut request) {
            checked(&request);
            continue;
        }
        let body = weave.finish_whole();
        assert!(is_json(&body) || !is_json(round), "a good body was spoiled");
        break;
    }
    weave.hidden_turn()
}

fn begin(dialect: DialectId, usage: UsageTold) -> (Envelope, Weave) {
    let request = match dialect {
        DialectId::AnthropicMessages | DialectId::OpenAiChat => {
            r#"{"messages":[{"role":"user","content":"a"}]}"#
        }
        DialectId::OpenAiResponses => r#"{"input":"a"}"#,
    };
    let request = Bytes::from_static(request.as_bytes());
    let request = Envelope::parse(request, &EnvelopeLimits::default()).expect("a request");
    let tool = |name| ToolSpec::new(name, "", "{}").expect("a tool");
    let tools = Toolbox::new(vec![tool("b1"), tool("b2")]);
    let config = WeaveConfig {
        usage,
        limits: LIMITS,
    };
    let weave = Weave::new(dialect, &request, tools, config);
    (request, weave)
}

/// Ends a round. Says whether another one follows.
fn end(weave: &mut Weave, request: &mut Envelope) -> bool {
    match weave.end_round() {
        RoundEnd::Over => false,
        RoundEnd::Calls(calls) => weave.go_on(request, results(&calls)).is_ok(),
        RoundEnd::Mixed(calls) => {
            weave.keep(results(&calls));
            false
        }
    }
}

/// Every second call has no result.
fn results(calls: &[InjectedCall]) -> Vec<ToolResult> {
    for call in calls {
        if let Ok(input) = &call.input {
            assert!(
                input.starts_with('{') && is_json(input.as_bytes()),
                "{input}"
            );
        }
        assert!(matches!(call.name.as_str(), "b1" | "b2"), "{call:?}");
    }
    let result = |call: &InjectedCall| ToolResult {
        call_id: call.call_id.clone(),
        content: vec![ToolContent::Text("\"r\"".to_owned())],
        is_error: false,
    };
    calls.iter().step_by(2).map(result).collect()
}

/// The request as others read it.
fn checked(request: &Envelope) -> Bytes {
    let body = request.to_bytes();
    assert!(is_json(&body), "{}", String::from_utf8_lossy(&body));
    assert!(Envelope::parse(body.clone(), &EnvelopeLimits::default()).is_ok());
    body
}

/// Any history that has a place for it gets the hidden turn, at every place.
fn go_back(dialect: DialectId, hidden: Arc<HiddenTurn>, rounds: &[&[u8]]) {
    assert!(hidden.anchors().len() <= 4);
    for round in rounds {
        let body = Bytes::copy_from_slice(round);
        let Ok(mut request) = Envelope::parse(body.clone(), &EnvelopeLimits::default()) else {
            continue;
        };
        let mut find = |_| Some(Arc::clone(&hidden));
        let count = splice(dialect, &mut request, &mut find);
        let after = request.to_bytes();
        assert!(
            is_json(&after) || !is_json(&body),
            "{}",
            String::from_utf8_lossy(&after)
        );
        assert!(count > 0 || after == body);
    }
}

fn is_json(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok() && serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
}
