//! Rounds that do not end as they should, and providers that say what they should not.

use super::*;

#[test]
fn a_round_that_did_not_end_properly_is_the_end() {
    let check = |end: &str| {
        let mut state = state();
        told(&mut state, FIRST);
        let mut seen = told(&mut state, CALLS);
        seen.extend(told(&mut state, end));
        assert_eq!(state.end_round(), RoundEnd::Over, "{end}");
        seen.extend(finished(&mut state));
        assert_eq!(seen, trimmed(end));
        assert!(state.hidden_turn().is_none());
    };
    for reason in [
        "max_tokens",
        "refusal",
        "model_context_window_exceeded",
        "pause_turn",
    ] {
        check(&END.replace("tool_use", reason));
    }
    check(trimmed(END)[0]);
    check(r#"{"type":"error","error":{"type":"overloaded_error","message":"x"}}"#);
    check("");
}

#[test]
fn an_error_after_the_end_is_told() {
    let mut state = state();
    told(&mut state, &[FIRST, CALLS, END].concat());
    let error = r#"{"type":"error","error":{"type":"api_error","message":"x"}}"#;
    assert_eq!(told(&mut state, error), [error]);
    assert_eq!(state.end_round(), RoundEnd::Over);
    assert_eq!(finished(&mut state), [""; 0]);
}

#[test]
fn a_call_without_a_good_input_is_told_to_be_none() {
    let call = |pieces: &str| {
        let mut state = state();
        let start = trimmed(CALLS)[0];
        let delta = format!(
            r#"{{"type":"content_block_delta","index":2,"delta":{{"type":"input_json_delta","partial_json":{}}}}}"#,
            quoted(pieces)
        );
        told(&mut state, &[start, "\n", &delta, END].concat());
        let RoundEnd::Calls(calls) = state.end_round() else {
            panic!("no call");
        };
        let mut request = envelope(REQUEST);
        state.go_on(&mut request, vec![]).unwrap();
        let sent = String::from_utf8(request.to_bytes().to_vec()).unwrap();
        assert!(sent.contains(r#""is_error":true"#), "{sent}");
        (calls[0].input.clone(), sent.contains(r#""input":{}"#))
    };
    assert_eq!(call("{\"a\":"), (Err(BadInput::NotJson), true));
    assert_eq!(call("[1]"), (Err(BadInput::NotAnObject), true));
    assert_eq!(call(" "), (Ok("{}".to_owned()), true));
    assert_eq!(
        call("{\"a\":1,\"a\":2}"),
        (Ok("{\"a\":1,\"a\":2}".to_owned()), false)
    );
}

#[test]
fn a_turn_is_bounded() {
    let limits = |bytes, items| {
        state_with(WeaveConfig {
            limits: WeaveLimits { bytes, items },
            ..WeaveConfig::default()
        })
    };
    let feed = |mut state: State, line: &str| {
        let mut out = Vec::new();
        let (name, data, raw) = events(line).remove(0);
        (0..1_000).find_map(|_| {
            state
                .event(&name, data.as_bytes(), raw.as_bytes(), &mut out)
                .err()
        })
    };
    let start = trimmed(FIRST)[1];
    assert_eq!(
        feed(limits(1 << 20, 100), start),
        Some(WeaveError::TooMany { limit: 100 })
    );
    assert_eq!(
        feed(limits(1_000, 2_000), start),
        Some(WeaveError::TooLarge { limit: 1_000 })
    );

    let mut state = limits(2_000, 100);
    told(&mut state, &[start, "\n", trimmed(CALLS)[0]].concat());
    let text = trimmed(FIRST)[2];
    assert_eq!(
        feed(state, text),
        Some(WeaveError::TooLarge { limit: 2_000 })
    );
    let mut state = limits(2_000, 100);
    told(&mut state, &[start, "\n", trimmed(CALLS)[0]].concat());
    assert_eq!(
        feed(state, trimmed(END)[0]),
        Some(WeaveError::TooLarge { limit: 2_000 })
    );
    let mut state = limits(1 << 20, 100);
    let body = format!("{{\"content\":[{}]}}", vec!["{}"; 200].join(","));
    assert_eq!(
        state.whole(Bytes::from(body)),
        Err(WeaveError::TooMany { limit: 100 })
    );
}

#[test]
fn nothing_is_made_that_is_called_behind_the_end() {
    let mut state = state();
    let seen = told(&mut state, &[FIRST, END, CALLS].concat());
    assert_eq!(seen, trimmed(&[FIRST, END].concat()));
    assert_eq!(state.end_round(), RoundEnd::Over);
    assert_eq!(finished(&mut state), [""; 0]);
}

#[test]
fn a_call_that_could_not_be_answered_is_not_made() {
    let start = trimmed(CALLS)[0];
    for (from, to) in [
        ("{}}}", "{]}}"),
        ("\"t1\"", "\"\""),
        ("\"t1\"", "1"),
        ("\"id\":\"t1\",", ""),
    ] {
        let mut state = state();
        told(&mut state, &[&start.replace(from, to), END].concat());
        assert_eq!(state.end_round(), RoundEnd::Over, "{to}");
        assert_eq!(finished(&mut state), trimmed(END));
    }
}

#[test]
fn code_runs_where_it_ran_before() {
    let container = |asked: &str, told_at_end: bool| {
        let mut state = state();
        let told_at = if told_at_end {
            (
                "\"stop_reason\":",
                "\"container\":{\"id\":\"c1\"},\"stop_reason\":",
            )
        } else {
            (
                "\"content\":[]",
                "\"content\":[],\"container\":{\"id\":\"c1\"}",
            )
        };
        let lines = [FIRST, CALLS, END].concat().replace(told_at.0, told_at.1);
        told(&mut state, &lines);
        assert!(matches!(state.end_round(), RoundEnd::Calls(_)));
        let mut request = envelope(&REQUEST.replacen('{', &format!("{{{asked}"), 1));
        state.go_on(&mut request, vec![]).unwrap();
        request.get("container").map(str::to_owned)
    };
    for told_at_end in [true, false] {
        let check = |asked: &str, expected: &str| {
            let sent = container(asked, told_at_end);
            assert_eq!(sent.as_deref(), Some(expected), "{asked}");
        };
        check("", "\"c1\"");
        check("\"container\":null,", "\"c1\"");
        check("\"container\":\"c0\",", "\"c1\"");
        let skills = r#"{"skills":[{"skill_id":"pptx"}],"id":"c1"}"#;
        check(r#""container":{"skills":[{"skill_id":"pptx"}]},"#, skills);
        check(
            r#""container":{"skills":[{"skill_id":"pptx"}],"id":null},"#,
            skills,
        );
    }
}
