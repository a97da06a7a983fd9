use proptest::prelude::*;

use super::*;

fn value(text: &str) -> Value<'_> {
    Value::new(text.as_bytes())
}

#[test]
fn members_and_items_are_read_in_order() {
    let raw = value(r#" { "a" : [1, "x,]}", {"b":[]}] ,"\u0062":true, "c":null,"d":-1 } "#);
    let names: Vec<_> = raw.members().map(|(name, _)| name).collect();
    assert_eq!(names, ["a", "b", "c", "d"]);
    let items = raw.get("a").unwrap().items();
    let items: Vec<_> = items.map(|item| item.source().unwrap()).collect();
    assert_eq!(items, ["1", r#""x,]}""#, r#"{"b":[]}"#]);
    assert!(raw.get("b").unwrap().is_true());
    assert!(!raw.get("c").unwrap().is_something());
    assert_eq!(raw.get("c").unwrap().source(), None);
    assert!(raw.get("e").is_none());
    assert_eq!(raw.get("a").unwrap().members().count(), 0);
    assert_eq!(raw.items().count(), 0);
    assert_eq!(value("[]").items().count(), 0);
    assert_eq!(value("{}").members().count(), 0);
}

#[test]
fn what_cannot_be_read_is_not_there() {
    let check = |text: &str, names: &[&str]| {
        let found: Vec<_> = value(text).members().map(|(name, _)| name).collect();
        assert_eq!(found, names, "{text}");
    };
    check("", &[]);
    check("[1]", &[]);
    check("{", &[]);
    check("{1:2}", &[]);
    check(r#"{"a""#, &[]);
    check(r#"{"a":1"#, &["a"]);
    check(r#"{"a":1,"#, &["a"]);
    check(r#"{"a":"cut off"#, &["a"]);
    check(r#"{"a":[}],"b":1}"#, &["a"]);
    check(r#"{"a":1 "b":2}"#, &["a"]);
    assert_eq!(value(r#""cut off"#).text(), None);
    assert_eq!(value(r#""cut off\""#).text(), None);
}

#[test]
fn numbers_are_counts() {
    let check = |text: &str, count| assert_eq!(value(text).count(), count, "{text}");
    check("0", Some(0));
    check("18446744073709551615", Some(u64::MAX));
    check("18446744073709551616", None);
    check("12.0", Some(12));
    check("1e3", None);
    check("-3", None);
    check("\"3\"", None);
    check("null", None);
}

#[test]
fn escapes_become_text() {
    let check = |inner: &str, text: &str| assert_eq!(unescaped(inner.as_bytes()), text, "{inner}");
    check("plain", "plain");
    check(r#"a\"b\\c\/d\b\f\n\r\t"#, "a\"b\\c/d\u{8}\u{c}\n\r\t");
    check(r"\u00e9 \ud83d\ude00.", "é 😀.");
    check(r"\ud83d", "\u{fffd}");
    check(r"\ud83d\u0041", "\u{fffd}A");
    check(r"\ude00x", "\u{fffd}x");
    check(r"\u12", "\u{fffd}12");
    check(r"\u+123", "\u{fffd}+123");
    check("end\\", "end\u{fffd}");
    assert_eq!(unescaped(b"\xff\\n\xfe"), "\u{fffd}\n\u{fffd}");
}

proptest! {
    #[test]
    fn strings_are_read_as_others_read_them(text in "\\PC*|[\\x00-\\x7f]*") {
        let json = serde_json::to_string(&text).unwrap();
        prop_assert_eq!(value(&json).text().unwrap(), text);
    }

    #[test]
    fn nothing_makes_it_panic(bytes in "[\\[\\]{}\",:\\\\ua0-9dntr ]{0,48}") {
        let raw = value(&bytes);
        for (_, value) in raw.members() {
            let _parts = (value.text(), value.source(), value.count(), value.items().count());
        }
        for item in raw.items() {
            let _parts = (item.text(), item.source(), item.members().count());
        }
    }
}
