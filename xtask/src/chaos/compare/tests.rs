//! One right story, and every way in which it can be wrong.

use super::super::kept::{Counts, Tokens};
use super::super::ledger::Asked;
use super::*;

/// A request that was answered whole and is remembered whole.
struct Story {
    made: Vec<Made>,
    ledger: Ledger,
    kept: Vec<Kept>,
}

const COUNTS: Counts = Counts {
    input: 10,
    output: 20,
    cache_read: 0,
    cache_write: 0,
};

fn story() -> Story {
    let made = Made {
        mark: "mark".to_owned(),
        prompt_sha256: "hash".to_owned(),
        ending: Ending::Whole,
    };
    let answer = Answered {
        response_id: "msg".to_owned(),
        counts: COUNTS,
        tools: 1,
    };
    let asked = Asked {
        answer: Some(answer),
    };
    let tokens = Tokens {
        response_id: "msg".to_owned(),
        counts: COUNTS,
        is_estimated: false,
        created_at: "3".to_owned(),
    };
    let kept = Kept {
        id: "id".to_owned(),
        mark: "mark".to_owned(),
        status: "completed".to_owned(),
        started_at: "2".to_owned(),
        ended_at: Some("4".to_owned()),
        tokens: vec![tokens],
        prompts: vec!["hash".to_owned()],
        tools: vec!["call".to_owned()],
    };
    Story {
        made: vec![made],
        ledger: Ledger {
            asked: HashMap::from([("hash".to_owned(), vec![asked])]),
            ends: HashMap::from([("msg".to_owned(), (1, 0))]),
        },
        kept: vec![kept],
    }
}

/// Missing, doubled and torn, after the story was changed.
fn check(change: impl FnOnce(&mut Story), wanted: [usize; 3]) {
    let mut story = story();
    change(&mut story);
    let found = compare(&story.made, &story.ledger, &story.kept);
    assert_eq!(
        [found.missing, found.doubled, found.torn],
        wanted,
        "{:?}",
        found.told()
    );
    assert_eq!(found.is_clean(), wanted == [0, 0, 0]);
}

#[test]
fn a_right_story_is_clean() {
    check(|_| {}, [0, 0, 0]);
    let unsent = |it: &mut Story| {
        it.made[0].ending = Ending::Status(503);
        it.ledger = Ledger::default();
        it.kept.clear();
    };
    check(unsent, [0, 0, 0]);
    let killed = |it: &mut Story| {
        it.made[0].ending = Ending::Broken;
        it.kept[0].status = "cut".to_owned();
        it.kept[0].tokens.clear();
        it.kept[0].prompts.clear();
        it.kept[0].tools.clear();
    };
    check(killed, [0, 0, 0]);
}

#[test]
fn what_is_missing_is_found() {
    check(|it| it.kept.clear(), [1, 0, 0]);
    let broken = |it: &mut Story| {
        it.made[0].ending = Ending::Broken;
        it.kept.clear();
    };
    check(broken, [1, 0, 0]);
    check(|it| it.kept[0].tokens.clear(), [1, 0, 1]);
    check(|it| it.kept[0].prompts.clear(), [1, 0, 0]);
    check(|it| it.kept[0].tools.clear(), [1, 0, 0]);
}

#[test]
fn what_is_doubled_is_found() {
    check(|it| it.kept.push(it.kept[0].clone()), [0, 1, 0]);
    let row = |it: &mut Story| {
        let row = it.kept[0].tokens[0].clone();
        it.kept[0].tokens.push(row);
    };
    check(row, [0, 1, 0]);
    check(|it| it.kept[0].prompts.push("hash".to_owned()), [0, 1, 0]);
    check(|it| it.kept[0].tools.push("call".to_owned()), [0, 1, 0]);
    let phantom = |it: &mut Story| {
        let mut other = it.kept[0].clone();
        other.mark = "nobody".to_owned();
        it.kept.push(other);
    };
    check(phantom, [0, 1, 0]);
    let twice = |it: &mut Story| {
        let asked = it.ledger.asked["hash"][0].clone();
        it.ledger.asked.get_mut("hash").unwrap().push(asked);
    };
    check(twice, [0, 1, 0]);
}

#[test]
fn what_is_torn_is_found() {
    check(|it| it.kept[0].ended_at = None, [0, 0, 1]);
    check(|it| it.kept[0].ended_at = Some("1".to_owned()), [0, 0, 1]);
    check(
        |it| it.kept[0].tokens[0].created_at = "5".to_owned(),
        [0, 0, 1],
    );
    check(
        |it| it.kept[0].tokens[0].created_at = "1".to_owned(),
        [0, 0, 1],
    );
    check(|it| it.kept[0].tokens[0].counts.output = 21, [0, 0, 1]);
    check(|it| it.kept[0].tokens[0].is_estimated = true, [0, 0, 1]);
    check(|it| it.kept[0].status = "aborted".to_owned(), [0, 0, 1]);
    check(|it| it.ledger.ends.clear(), [0, 0, 1]);
    check(|it| it.ledger.asked.clear(), [0, 0, 1]);
}

#[test]
fn findings_are_told_up_to_a_limit_and_add_up() {
    let mut findings = Findings::default();
    for _ in 0..100 {
        findings.cut("a stream".to_owned());
    }
    assert_eq!((findings.cut, findings.told().len()), (100, TOLD));
    let mut all = Findings::default();
    all.refused("a request".to_owned());
    all.add(findings);
    assert_eq!((all.cut, all.refused, all.told().len()), (100, 1, TOLD));
}
