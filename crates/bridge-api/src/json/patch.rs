//! Changes in the middle of JSON that leave every other byte alone.

use std::ops::Range;

use super::{Value, quoted};

/// Changes of one text, remembered until it is written. Those that overlap an earlier one in the
/// text are left out.
#[derive(Debug)]
pub(crate) struct Patch<'a> {
    base: &'a [u8],
    changes: Vec<Change>,
}

#[derive(Debug)]
struct Change {
    range: Range<usize>,
    with: Vec<u8>,
    /// Whether it is a member behind all others of an object. Whether a comma goes before it shows
    /// when it is written: the others may have been taken out.
    is_last_member: bool,
}

impl<'a> Patch<'a> {
    /// No change of this text. Every value that is named later has to be read from it.
    pub(crate) fn new(base: &'a [u8]) -> Self {
        Self {
            base,
            changes: Vec::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Another text in a value's place. A value without an end stays as it is.
    pub(crate) fn replace(&mut self, value: Value<'a>, with: impl Into<Vec<u8>>) {
        if let Some(range) = value.range_in(self.base) {
            self.change(range, with.into());
        }
    }

    /// A member of an object: its value is replaced, or it is added behind all others.
    pub(crate) fn set(&mut self, object: Value<'a>, name: &str, with: impl Into<Vec<u8>>) {
        match object.get(name) {
            Some(value) => self.replace(value, with),
            None => self.add(object, name, with),
        }
    }

    /// A member that an object does not have, behind all others. Several keep their order.
    pub(crate) fn add(&mut self, object: Value<'a>, name: &str, with: impl Into<Vec<u8>>) {
        let Some(range) = object.range_in(self.base).filter(|_| object.is_object()) else {
            return;
        };
        let end = range.end - 1;
        let mut member = quoted(name).into_bytes();
        member.push(b':');
        member.extend_from_slice(&with.into());
        self.changes.push(Change {
            range: end..end,
            with: member,
            is_last_member: true,
        });
    }

    fn change(&mut self, range: Range<usize>, with: Vec<u8>) {
        self.changes.push(Change {
            range,
            with,
            is_last_member: false,
        });
    }

    /// One item or several at the beginning of an array.
    pub(crate) fn prepend(&mut self, array: Value<'a>, item: impl Into<Vec<u8>>) {
        let Some(range) = array.range_in(self.base).filter(|_| array.is_array()) else {
            return;
        };
        let mut item = item.into();
        if array.items().next().is_some() {
            item.push(b',');
        }
        let start = range.start + 1;
        self.change(start..start, item);
    }

    /// Takes a member out of an object, with one comma beside it.
    pub(crate) fn remove(&mut self, object: Value<'a>, name: &str) {
        let mut before = None;
        let mut members = object.members();
        while let Some((other, value)) = members.next() {
            let Some(range) = value.range_in(self.base) else {
                return;
            };
            if other != name {
                before = Some(range.end);
                continue;
            }
            let next = members
                .next()
                .and_then(|_| comma_behind(self.base, range.end));
            let open = object.range_in(self.base).map(|object| object.start + 1);
            let span = match (before, next, open) {
                (Some(before), _, _) => before..range.end,
                (None, Some(comma), Some(open)) => open..comma + 1,
                (None, None, Some(open)) => open..range.end,
                (None, _, None) => return,
            };
            self.change(span, Vec::new());
            return;
        }
    }

    /// Takes out members of an object or items of an array, each with one comma beside it: in their
    /// order, those for which the answer is no. Where there is no answer, a member stays.
    pub(crate) fn retain(&mut self, container: Value<'a>, is_kept: &[bool]) {
        let Some(container_range) = container.range_in(self.base) else {
            return;
        };
        let members = container.members().map(|(_, value)| value);
        let mut is_kept = is_kept.iter();
        let mut has_kept = false;
        // Where the entry begins: behind the bracket or the comma.
        let mut start = container_range.start + 1;
        for value in members.chain(container.items()) {
            let Some(range) = value.range_in(self.base) else {
                return;
            };
            let comma = comma_behind(self.base, range.end);
            if is_kept.next().copied().unwrap_or(true) {
                has_kept = true;
            } else {
                let span = match (has_kept, comma) {
                    (true, _) => start.saturating_sub(1)..range.end,
                    (false, Some(comma)) => start..comma + 1,
                    (false, None) => start..range.end,
                };
                self.change(span, Vec::new());
            }
            start = comma.map_or(range.end, |comma| comma + 1);
        }
    }

    /// The text with its changes.
    pub(crate) fn write(mut self, out: &mut Vec<u8>) {
        self.changes
            .sort_by_key(|change| (change.range.start, change.range.end));
        let mut at = 0;
        for change in &self.changes {
            let Some(kept) = self.base.get(at..change.range.start) else {
                continue;
            };
            out.extend_from_slice(kept);
            if change.is_last_member && out.trim_ascii_end().last() != Some(&b'{') {
                out.push(b',');
            }
            out.extend_from_slice(&change.with);
            at = change.range.end;
        }
        out.extend_from_slice(self.base.get(at..).unwrap_or_default());
    }

    pub(crate) fn into_vec(self) -> Vec<u8> {
        let with: usize = self
            .changes
            .iter()
            .map(|change| change.with.len() + 1)
            .sum();
        let mut out = Vec::with_capacity(self.base.len() + with);
        self.write(&mut out);
        out
    }
}

fn comma_behind(base: &[u8], from: usize) -> Option<usize> {
    let at = super::past_space(base, from);
    (base.get(at) == Some(&b',')).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change = for<'a> fn(&mut Patch<'a>, Value<'a>);

    fn check(base: &str, change: Change, expected: &str) {
        let mut patch = Patch::new(base.as_bytes());
        change(&mut patch, Value::new(base.as_bytes()));
        let out = String::from_utf8(patch.into_vec()).unwrap();
        assert_eq!(out, expected, "{base}");
    }

    #[test]
    fn members_are_replaced_and_added_where_they_belong() {
        const BASE: &str = r#" { "a" : 1 , "b":"x}" ,"c":{} } "#;
        let changed = |from, to| BASE.replace(from, to);
        check(BASE, |_, _| {}, BASE);
        check(BASE, |p, o| p.set(o, "b", "2"), &changed("\"x}\"", "2"));
        check(
            BASE,
            |p, o| p.set(o, "d", "2"),
            &changed("{} }", "{} ,\"d\":2}"),
        );
        let inner: Change = |p, o| {
            let c = o.get("c").unwrap();
            p.add(c, "d", "1");
            p.add(c, "\"", "2");
            p.set(o, "a", "[]");
        };
        let expected = changed("{}", r#"{"d":1,"\"":2}"#).replace('1', "[]");
        check(BASE, inner, &expected.replace("\"d\":[]", "\"d\":1"));
        let instead: Change = |p, o| {
            p.add(o, "d", "4");
            p.retain(o, &[false; 3]);
            p.add(o, "e", "5");
        };
        check(BASE, instead, " { \"d\":4,\"e\":5} ");
        check("[]", |p, o| p.set(o, "a", "1"), "[]");
        check("{\"a\":", |p, o| p.set(o, "b", "1"), "{\"a\":");
    }

    #[test]
    fn items_are_put_first() {
        let first: Change = |p, o| p.prepend(o.get("a").unwrap(), "1,2");
        check(r#"{"a": [ 3 ]}"#, first, r#"{"a": [1,2, 3 ]}"#);
        check(r#"{"a":[ ]}"#, first, r#"{"a":[1,2 ]}"#);
        check(r#"{"a":{}}"#, first, r#"{"a":{}}"#);
    }

    #[test]
    fn members_go_with_one_comma() {
        const BASE: &str = r#"{ "a":1 , "b":[2] , "c":3 }"#;
        check(BASE, |p, o| p.remove(o, "a"), r#"{ "b":[2] , "c":3 }"#);
        check(BASE, |p, o| p.remove(o, "b"), r#"{ "a":1 , "c":3 }"#);
        check(BASE, |p, o| p.remove(o, "c"), r#"{ "a":1 , "b":[2] }"#);
        check(BASE, |p, o| p.remove(o, "d"), BASE);
        check("{\"a\":1}", |p, o| p.remove(o, "a"), "{}");
    }

    #[test]
    fn several_members_and_items_go_at_once() {
        const BASE: &str = r#"{ "a":1 , "b":[ 1, 2 ,3 ] , "c":3 }"#;
        check(BASE, |p, o| p.retain(o, &[false, false]), r#"{ "c":3 }"#);
        check(BASE, |p, o| p.retain(o, &[false; 3]), "{ }");
        let first = r#"{ "a":1   }"#;
        check(BASE, |p, o| p.retain(o, &[true, false, false]), first);
        let second: Change = |p, o| {
            p.retain(o, &[false, true, false]);
            p.retain(o.get("b").unwrap(), &[false, true, false]);
            p.prepend(o.get("b").unwrap(), "0");
        };
        check(BASE, second, r#"{ "b":[0, 2  ]  }"#);
        check(
            BASE,
            |p, o| p.prepend(o.get("b").unwrap(), "0"),
            &BASE.replace("[ 1", "[0, 1"),
        );
        check("[]", |p, o| p.prepend(o, "0"), "[0]");
        check("[1,2]", |p, o| p.retain(o, &[]), "[1,2]");
        check("[1,2", |p, o| p.retain(o, &[false]), "[1,2");
    }

    #[test]
    fn what_overlaps_is_left_out() {
        let change: Change = |p, o| {
            p.set(o, "a", "1");
            p.replace(o.get("a").and_then(|a| a.get("b")).unwrap(), "2");
        };
        check(r#"{"a":{"b":0}}"#, change, r#"{"a":1}"#);
    }
}
