use super::*;
use crate::WeaveLimits;

fn block(start: &[u8], deltas: &[&[u8]]) -> Option<String> {
    let mut budget = Budget::new(WeaveLimits::default());
    let mut block = Block::new(0, Value::new(start), Whose::Content, &mut budget).unwrap();
    for delta in deltas {
        block.delta(Value::new(delta), &mut budget).unwrap();
    }
    block.whole().map(|whole| String::from_utf8(whole).unwrap())
}

#[test]
fn what_others_could_not_read_is_mended_or_left_out() {
    let check = |start: &[u8], deltas: &[&[u8]], expected: Option<&str>| {
        let whole = block(start, deltas);
        assert_eq!(
            whole.as_deref(),
            expected,
            "{}",
            String::from_utf8_lossy(start)
        );
        if let Some(whole) = whole {
            assert!(check_json(&whole), "{whole}");
        }
    };
    check(b"", &[], None);
    check(b"null", &[], None);
    check(b"{\"a\":", &[], None);
    check(b"{\"a\":\"\xff\"}", &[], None);
    check(b"{}", &[b"{\"a\":\"\n\"}"], Some("{\"a\":\"\\n\"}"));
    check(b"{}", &[b"{\"a\":\"\xff\"}"], Some("{\"a\":\"\u{fffd}\"}"));
    check(b"{}", &[b"{\"a\":\"\\x\"}"], Some("{\"a\":\"x\"}"));
    check(b"{}", &[b"{\"a\":[1,]}"], Some("{}"));
    check(
        b"{}",
        &[b"{\"a\":\"1\",\"b\":{\"c\":2}}", b"{\"a\":3}"],
        Some("{\"a\":\"1\",\"b\":{\"c\":2}}"),
    );
    check(b"{\"a\":7}", &[b"{\"a\":\"1\"}"], Some("{\"a\":\"1\"}"));
    check(
        b"{\"citations\":null}",
        &[b"{\"citation\":1}"],
        Some("{\"citations\":[1]}"),
    );
    check(
        b"{\"input\":{\"a\":1}}",
        &[b"{\"partial_json\":\"\"}"],
        Some("{\"input\":{\"a\":1}}"),
    );
    check(
        b"{\"input\":{\"a\":1}}",
        &[b"{\"partial_json\":\"{\"}"],
        Some("{\"input\":{}}"),
    );
    check(b"{\"a\":1", &[b"{\"a\":\"x\"}"], None);
    check(
        b"{}",
        &[b"[]", b"", b"{\"type\":\"x\"}", b"{\"a\":"],
        Some("{}"),
    );
    let deep = [b"{\"a\":".repeat(1_000), b"1".to_vec(), b"}".repeat(1_000)].concat();
    check(&deep, &[], None);
    check(b"{}", &[&deep], Some("{}"));
}

fn check_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}
