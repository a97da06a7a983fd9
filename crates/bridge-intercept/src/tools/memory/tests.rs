//! What is remembered, for whom, and for how long.

use bridge_api::{
    DialectId, Envelope, EnvelopeLimits, ToolResult, ToolSpec, Toolbox, Weave, WeaveConfig,
};
use bytes::Bytes;
use tokio::time::advance;

use super::*;

/// A turn in which the tool `t` was called, and whose client saw this text.
fn turn(text: &str) -> HiddenTurn {
    let request = r#"{"messages":[{"role":"user","content":"hello"}]}"#;
    let request = Bytes::from_static(request.as_bytes());
    let mut request = Envelope::parse(request, &EnvelopeLimits::default()).unwrap();
    let tools = Toolbox::new(vec![ToolSpec::new("t", "", "{}").unwrap()]);
    let dialect = DialectId::AnthropicMessages;
    let mut weave = Weave::new(dialect, &request, tools, WeaveConfig::default());
    let body = |content: &str, reason: &str| {
        Bytes::from(format!(
            r#"{{"id":"m","type":"message","role":"assistant","content":[{content}],"stop_reason":"{reason}","usage":{{}}}}"#
        ))
    };
    let call = r#"{"type":"tool_use","id":"c","name":"t","input":{}}"#;
    weave.whole(body(call, "tool_use")).unwrap();
    weave.end_round();
    let results = vec![ToolResult::error("c", "no")];
    weave.go_on(&mut request, results).unwrap();
    let said = format!(r#"{{"type":"text","text":"{text}"}}"#);
    weave.whole(body(&said, "end_turn")).unwrap();
    weave.end_round();
    weave.finish_whole();
    weave.hidden_turn().unwrap()
}

fn owner(id: u8) -> Owner {
    Owner {
        actor: ActorId::from_bytes([id; 16]),
        api_key_id: "key".to_owned(),
    }
}

fn limits(turns: usize) -> MemoryLimits {
    MemoryLimits {
        turns,
        ..MemoryLimits::default()
    }
}

#[tokio::test(start_paused = true)]
async fn turns_are_found_by_owner_and_conversation_until_they_are_too_old() {
    let memory = HiddenTurns::new(Metrics::default());
    let (mine, limits) = (owner(1), limits(9));
    memory.keep(&mine, Some("talk"), turn("a"), &limits);
    memory.keep(&mine, None, turn("b"), &limits);
    let found = |owner: &Owner, talk| memory.recall(owner, talk, &limits).len();
    assert_eq!(found(&mine, Some("talk")), 1);
    assert_eq!(found(&mine, None), 1);
    assert_eq!(found(&mine, Some("other")), 0);
    assert_eq!(found(&owner(2), Some("talk")), 0);
    advance(limits.age).await;
    assert_eq!(found(&mine, Some("talk")), 0);
    // Who comes next takes those away with whom nobody came back.
    memory.keep(&owner(2), None, turn("c"), &limits);
    assert_eq!(memory.size().0, 1);
}

#[tokio::test(start_paused = true)]
async fn the_oldest_make_room_and_the_same_turn_is_kept_once() {
    let metrics = Metrics::default();
    let memory = HiddenTurns::new(metrics.clone());
    let (mine, limits) = (owner(1), limits(2));
    for text in ["a", "a", "b", "c"] {
        memory.keep(&mine, None, turn(text), &limits);
    }
    let kept = memory.recall(&mine, None, &limits);
    let anchors: Vec<_> = kept.iter().map(|turn| turn.anchors().to_vec()).collect();
    assert_eq!(anchors, [turn("b").anchors(), turn("c").anchors()]);
    let bytes: usize = kept.iter().map(|turn| turn.bytes()).sum();
    assert_eq!(memory.size(), (2, bytes));
    let figures = metrics.expose();
    for sample in [
        "bridge_hidden_turns_total{kind=\"kept\"} 4",
        "bridge_hidden_turns_total{kind=\"dropped\"} 2",
        "bridge_hidden_turns_held 2",
    ] {
        assert!(figures.contains(sample), "{sample}\n{figures}");
    }
}

/// Otherwise the beginning of a long conversation would change with every request.
#[tokio::test(start_paused = true)]
async fn a_conversation_that_goes_on_keeps_its_turns() {
    let memory = HiddenTurns::new(Metrics::default());
    let (mine, limits) = (owner(1), limits(3));
    memory.keep(&mine, Some("talk"), turn("a"), &limits);
    memory.keep(&mine, Some("talk"), turn("b"), &limits);
    memory.keep(&mine, Some("other"), turn("c"), &limits);
    let found = |talk| -> Vec<Vec<u128>> {
        let found = memory.recall(&mine, Some(talk), &limits);
        found.iter().map(|turn| turn.anchors().to_vec()).collect()
    };
    let both = [turn("a").anchors().to_vec(), turn("b").anchors().to_vec()];
    for _ in 0..3 {
        advance(limits.age * 2 / 3).await;
        assert_eq!(found("talk"), both);
    }
    assert_eq!(found("other").len(), 0, "nobody asked for it");
    // Who came last makes room last.
    memory.keep(&mine, Some("other"), turn("c"), &limits);
    assert_eq!(found("talk"), both);
    memory.keep(&mine, Some("third"), turn("d"), &limits);
    assert_eq!((found("talk").len(), found("other").len()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_is_not_remembered() {
    let memory = HiddenTurns::new(Metrics::default());
    let small = MemoryLimits {
        bytes: 1,
        ..limits(9)
    };
    memory.keep(&owner(1), None, turn("a"), &small);
    memory.keep(&owner(1), None, turn("b"), &limits(0));
    assert_eq!(memory.size(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_same_words_in_another_conversation_are_another_turn() {
    let memory = HiddenTurns::new(Metrics::default());
    let (mine, limits) = (owner(1), limits(9));
    for talk in ["one", "other", "one"] {
        memory.keep(&mine, Some(talk), turn("same"), &limits);
    }
    let found = |talk| memory.recall(&mine, Some(talk), &limits).len();
    assert_eq!((found("one"), found("other")), (1, 1));
    assert_eq!(memory.size().0, 2);
}

#[tokio::test(start_paused = true)]
async fn two_keys_of_one_user_have_nothing_in_common() {
    let memory = HiddenTurns::new(Metrics::default());
    let (mine, limits) = (owner(1), limits(9));
    memory.keep(&mine, Some("talk"), turn("a"), &limits);
    let other_key = Owner {
        api_key_id: "other key".to_owned(),
        ..mine
    };
    assert!(memory.recall(&other_key, Some("talk"), &limits).is_empty());
    assert_eq!(memory.recall(&mine, Some("talk"), &limits).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_too_old_goes_also_when_nobody_keeps_anything_new() {
    let memory = HiddenTurns::new(Metrics::default());
    let limits = limits(9);
    memory.keep(&owner(1), None, turn("a"), &limits);
    advance(limits.age).await;
    assert!(memory.recall(&owner(2), None, &limits).is_empty());
    assert_eq!(memory.size(), (0, 0));
}
