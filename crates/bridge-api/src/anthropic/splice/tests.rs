use super::*;
use crate::EnvelopeLimits;

fn envelope(body: &str) -> Envelope {
    let body = Bytes::copy_from_slice(body.as_bytes());
    Envelope::parse(body, &EnvelopeLimits::default()).unwrap()
}

const BEFORE: &str = r#"{"role":"user","content":[{"type":"text","text":"hi"}]}"#;
const TEXT: &str = r#"{"type":"text","text":"I look."}"#;
const CALL: &str = r#"{"type":"tool_use","id":"t1","name":"bmcp_a_x","input":{"a":1}}"#;
const FOUND: &str = r#"{"type":"text","text":"Found é."}"#;
const OWN: &str = r#"{"type":"tool_use","id":"o1","name":"Read","input":{"n":1.0,"m":"x"}}"#;

fn turn() -> Turn {
    Turn::new(Some(Bytes::from_static(BEFORE.as_bytes())))
}

fn value(json: &str) -> Value<'_> {
    Value::new(json.as_bytes())
}

/// A turn of two rounds: some words, a hidden call, more words.
fn two_rounds() -> HiddenTurn {
    let mut turn = turn();
    turn.see(value(TEXT));
    turn.hide(CALL.into());
    turn.answer("{\"r\":1}".to_owned());
    turn.see(value(FOUND));
    turn.hidden().unwrap()
}

/// A hidden call beside one of the client's.
fn mixed() -> HiddenTurn {
    let mut turn = turn();
    turn.see(value(TEXT));
    turn.hide(CALL.into());
    turn.see(value(OWN));
    turn.answer_with_client("{\"r\":1}".to_owned());
    turn.hidden().unwrap()
}

fn spliced(turn: HiddenTurn, messages: &[&str]) -> (usize, String) {
    let turn = Arc::new(turn);
    let mut request = envelope(&format!("{{\"messages\": [{}]}}", messages.join(" , ")));
    let count = splice(&mut request, &mut |anchor| {
        turn.anchors().contains(&anchor).then(|| Arc::clone(&turn))
    });
    let messages = request.get("messages").unwrap();
    (count, messages[1..messages.len() - 1].to_owned())
}

fn assistant(blocks: &[&str]) -> String {
    format!(r#"{{"role":"assistant","content":[{}]}}"#, blocks.join(","))
}

fn user(content: &str) -> String {
    format!(r#"{{"role":"user","content":[{content}]}}"#)
}

#[test]
fn a_message_becomes_those_that_the_model_had() {
    let next = user(TEXT);
    let seen = assistant(&[TEXT, FOUND]);
    let (count, messages) = spliced(two_rounds(), &[BEFORE, &seen, &next]);
    let expected = [
        format!("{BEFORE} , {}", assistant(&[TEXT, CALL])),
        user("{\"r\":1}"),
        format!("{} , {next}", assistant(&[FOUND])),
    ];
    assert_eq!((count, messages), (1, expected.join(",")));
}

#[test]
fn what_clients_change_does_not_matter() {
    let check = |before: &str, blocks: &[&str], kept: &[&str]| {
        let (count, messages) = spliced(two_rounds(), &[before, &assistant(blocks)]);
        assert_eq!(count, 1, "{before} {blocks:?}");
        for kept in kept {
            assert!(messages.contains(kept), "{messages}");
        }
    };
    let marked = r#"{ "cache_control":{"type":"ephemeral"}, "text":"Found \u00e9.\n" ,"type":"text","citations":null}"#;
    check(BEFORE, &[TEXT, marked], &[marked]);
    let blank = r#"{"type":"text","text":"\n\n"}"#;
    check(BEFORE, &[blank, TEXT, blank, FOUND, blank], &[blank]);
    check(r#"{"content":"hi","role":"user"}"#, &[TEXT, FOUND], &[]);
    let reminded = BEFORE.replace("[{", r#"[{"type":"text","text":"<system-reminder>x"},{"#);
    check(&reminded, &[TEXT, FOUND], &[]);
}

#[test]
fn another_turn_is_left_alone() {
    let check = |messages: &[&str]| {
        let (count, spliced) = spliced(two_rounds(), messages);
        assert_eq!((count, spliced), (0, messages.join(" , ")));
    };
    let seen = assistant(&[TEXT, FOUND]);
    check(&[]);
    check(&[&seen]);
    check(&[BEFORE]);
    check(&[&BEFORE.replace("hi", "ho"), &seen]);
    check(&[&BEFORE.replace("user", "system"), &seen]);
    check(&[BEFORE, &user(&[TEXT, FOUND].join(","))]);
    check(&[BEFORE, &assistant(&[TEXT])]);
    check(&[BEFORE, &assistant(&[FOUND, TEXT])]);
    check(&[BEFORE, &assistant(&[TEXT, FOUND, OWN])]);
    check(&["1", "[]", "null"]);
}

#[test]
fn a_mixed_turn_gets_its_call_and_its_result() {
    let result = r#"{"type":"tool_result","tool_use_id":"o1","content":"x"}"#;
    let respelled = OWN
        .replace("1.0", "1")
        .replace(r#","m":"x""#, r#", "m":"\u0078""#);
    let seen = assistant(&[TEXT, &respelled]);
    let next = user(result);
    let (count, messages) = spliced(mixed(), &[BEFORE, &seen, &next]);
    let expected = [
        BEFORE.to_owned(),
        assistant(&[TEXT, CALL, &respelled]),
        user(&format!("{{\"r\":1}},{result}")),
    ];
    assert_eq!((count, messages), (1, expected.join(" , ")));

    // Without the place for its result the call would have no answer.
    for next in [
        user(TEXT),
        r#"{"role":"user","content":"x"}"#.to_owned(),
        assistant(&[result]),
    ] {
        assert_eq!(spliced(mixed(), &[BEFORE, &seen, &next]).0, 0, "{next}");
    }
    assert_eq!(spliced(mixed(), &[BEFORE, &seen]).0, 0);
}

/// Agents send back what they ran, which is not always what the model wrote.
#[test]
fn a_call_is_known_by_its_id() {
    let next = user(r#"{"type":"tool_result","tool_use_id":"o1","content":"x"}"#);
    let found = |own: &str| spliced(mixed(), &[BEFORE, &assistant(&[TEXT, own]), &next]).0;
    assert_eq!(found(&OWN.replace("\"m\":\"x\"", "\"m\":\"y\"")), 1);
    assert_eq!(found(&OWN.replace("o1", "o2")), 0);
    assert_eq!(found(&OWN.replace("Read", "Write")), 0);
}

#[test]
fn a_turn_whose_last_word_was_nothing_ends_with_results() {
    let mut turn = turn();
    turn.see(value(TEXT));
    turn.hide(CALL.into());
    turn.answer("{\"r\":1}".to_owned());
    let own = r#"{"role":"assistant","content":"I look.","x":1}"#;
    let (count, messages) = spliced(turn.hidden().unwrap(), &[BEFORE, own]);
    let spoken = r#"{"role":"assistant","content":[{"type":"text","text":"I look."},CALL],"x":1}"#;
    let expected = [spoken.replace("CALL", CALL), user("{\"r\":1}")].join(",");
    assert_eq!((count, messages), (1, format!("{BEFORE} , {expected}")));
}

#[test]
fn several_turns_of_one_conversation_come_back() {
    let mut second = Turn::new(Some(Bytes::from(user(TEXT))));
    second.hide(CALL.into());
    second.answer("{\"r\":2}".to_owned());
    second.see(value(FOUND));
    let turns = [Arc::new(two_rounds()), Arc::new(second.hidden().unwrap())];
    let seen = [
        BEFORE,
        &assistant(&[TEXT, FOUND]),
        &user(TEXT),
        &assistant(&[FOUND]),
    ];
    let mut request = envelope(&format!("{{\"messages\":[{}]}}", seen.join(",")));
    let mut find = |anchor| {
        turns
            .iter()
            .find(|turn| turn.anchors().contains(&anchor))
            .cloned()
    };
    assert_eq!(splice(&mut request, &mut find), 2);
    let expected = [
        BEFORE.to_owned(),
        assistant(&[TEXT, CALL]),
        user("{\"r\":1}"),
        assistant(&[FOUND]),
        user(TEXT),
        assistant(&[CALL]),
        user("{\"r\":2}"),
        assistant(&[FOUND]),
    ];
    let expected = format!("[{}]", expected.join(","));
    assert_eq!(request.get("messages"), Some(expected.as_str()));
}

#[test]
fn thinking_is_known_by_its_signature_and_a_result_by_its_call() {
    let before = |content: &str| {
        user(&format!(
            r#"{{"type":"tool_result","tool_use_id":"o9","content":{content}}}"#
        ))
    };
    let thinking = r#"{"type":"thinking","thinking":"","signature":"s"}"#;
    let mut turn = Turn::new(Some(Bytes::from(before("\"long\""))));
    turn.see(value(thinking));
    turn.hide(CALL.into());
    turn.answer("{\"r\":1}".to_owned());
    let turn = Arc::new(turn.hidden().unwrap());
    let found = |before: &str, thinking: &str| {
        let body = format!("{{\"messages\":[{before},{}]}}", assistant(&[thinking]));
        let mut find = |anchor| turn.anchors().contains(&anchor).then(|| Arc::clone(&turn));
        splice(&mut envelope(&body), &mut find)
    };
    assert_eq!(found(&before("\"cut\""), thinking), 1);
    assert_eq!(found(&before("1").replace("o9", "o8"), thinking), 0);
    assert_eq!(found(&before("1"), &thinking.replace("\"s\"", "\"t\"")), 0);
}

#[test]
fn a_turn_that_was_had_twice_comes_back_once() {
    let seen = assistant(&[TEXT, FOUND]);
    let (count, messages) = spliced(two_rounds(), &[BEFORE, &seen, BEFORE, &seen]);
    let last = [
        assistant(&[TEXT, CALL]),
        user("{\"r\":1}"),
        assistant(&[FOUND]),
    ]
    .join(",");
    let expected = [BEFORE, &seen, BEFORE, &last].join(" , ");
    assert_eq!((count, messages), (1, expected));
}
