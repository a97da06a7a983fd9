//! A second belt: secrets never reach a destination, whoever logs them.

use std::borrow::Cow;
use std::fmt;

use slog::{Drain, KV, Key, OwnedKVList, Record, Serializer};

use super::credential_shapes::{WITHHELD as WITHHELD_VALUE, without_credentials};

/// Parts of key names whose values are withheld. No code of ours logs such keys.
const WITHHELD: [&str; 15] = [
    "secret",
    "password",
    "passwd",
    "token",
    "authorization",
    "bearer",
    "api_key",
    "apikey",
    "access_key",
    "private_key",
    "signature",
    "cookie",
    "credential",
    "prompt",
    "completion",
];

/// Keys that contain such a part and are safe: ids, names and counts.
const SAFE: [&str; 2] = ["api_key_id", "token_kind"];

/// A drain that withholds the values of suspicious keys, and what looks like a credential in the
/// others. It works on the log's own thread.
pub(super) struct Redact<D> {
    inner: D,
    /// Whether control characters are spelled out.
    is_spelled: bool,
}

impl<D> Redact<D> {
    /// Before a destination that escapes what it is given, as JSON does.
    pub(super) fn before(inner: D) -> Self {
        let is_spelled = false;
        Self { inner, is_spelled }
    }

    /// Before a destination that writes texts as they are. Some come from outside, and must neither
    /// begin a line of their own nor tell the terminal what to do.
    pub(super) fn before_text(inner: D) -> Self {
        let is_spelled = true;
        Self { inner, is_spelled }
    }
}

impl<D: Drain> Drain for Redact<D> {
    type Ok = D::Ok;
    type Err = D::Err;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<D::Ok, D::Err> {
        let is_fine = |values: &dyn KV| !needs_other_words(values, record, self.is_spelled);
        if is_fine(&record.kv()) && is_fine(values) {
            return self.inner.log(record, values);
        }
        let mut kept = Kept {
            values: Vec::new(),
            is_spelled: self.is_spelled,
        };
        let _ignored = values.serialize(record, &mut kept);
        let _ignored = record.kv().serialize(record, &mut kept);
        let site = record.location();
        let location = slog::RecordLocation {
            file: site.file,
            line: site.line,
            column: site.column,
            function: site.function,
            module: site.module,
        };
        let stat = slog::RecordStatic {
            location: &location,
            tag: record.tag(),
            level: record.level(),
        };
        let empty: OwnedKVList = slog::o!().into();
        self.inner.log(
            &Record::new(&stat, record.msg(), slog::BorrowedKV(&kept)),
            &empty,
        )
    }
}

fn is_withheld(key: &str) -> bool {
    !SAFE.contains(&key) && WITHHELD.iter().any(|part| key.contains(part))
}

fn needs_other_words(values: &dyn KV, record: &Record<'_>, is_spelled: bool) -> bool {
    let mut search = Search {
        found: false,
        is_spelled,
    };
    let _ignored = values.serialize(record, &mut search);
    search.found
}

struct Search {
    found: bool,
    is_spelled: bool,
}

/// The text with control characters spelled out.
fn spelled(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() {
            true => out.extend(c.escape_default()),
            false => out.push(c),
        }
    }
    out
}

impl Serializer for Search {
    fn emit_arguments(&mut self, key: Key, value: &fmt::Arguments<'_>) -> slog::Result {
        match value.as_str() {
            Some(text) => self.emit_str(key, text),
            None => self.emit_str(key, &value.to_string()),
        }
    }

    fn emit_str(&mut self, key: Key, value: &str) -> slog::Result {
        self.found |= is_withheld(key) || matches!(without_credentials(value), Cow::Owned(_));
        self.found |= self.is_spelled && value.contains(char::is_control);
        Ok(())
    }

    fn emit_u64(&mut self, key: Key, _: u64) -> slog::Result {
        self.found |= is_withheld(key);
        Ok(())
    }

    fn emit_bool(&mut self, key: Key, _: bool) -> slog::Result {
        self.found |= is_withheld(key);
        Ok(())
    }
}

/// Values of a line without secrets. Numbers stay numbers.
struct Kept {
    values: Vec<(Key, Shown)>,
    is_spelled: bool,
}

enum Shown {
    Text(String),
    Unsigned(u64),
    Signed(i64),
    Answer(bool),
}

impl Kept {
    fn keep(&mut self, key: Key, shown: Shown) -> slog::Result {
        let shown = if is_withheld(key) {
            Shown::Text(WITHHELD_VALUE.to_owned())
        } else {
            shown
        };
        self.values.push((key, shown));
        Ok(())
    }
}

impl Serializer for Kept {
    fn emit_arguments(&mut self, key: Key, value: &fmt::Arguments<'_>) -> slog::Result {
        let text = value.to_string();
        let text = without_credentials(&text);
        let text = match self.is_spelled {
            true => spelled(&text),
            false => text.into_owned(),
        };
        self.keep(key, Shown::Text(text))
    }

    fn emit_u8(&mut self, key: Key, value: u8) -> slog::Result {
        self.keep(key, Shown::Unsigned(value.into()))
    }

    fn emit_u16(&mut self, key: Key, value: u16) -> slog::Result {
        self.keep(key, Shown::Unsigned(value.into()))
    }

    fn emit_u32(&mut self, key: Key, value: u32) -> slog::Result {
        self.keep(key, Shown::Unsigned(value.into()))
    }

    fn emit_u64(&mut self, key: Key, value: u64) -> slog::Result {
        self.keep(key, Shown::Unsigned(value))
    }

    fn emit_usize(&mut self, key: Key, value: usize) -> slog::Result {
        self.keep(key, Shown::Unsigned(value as u64))
    }

    fn emit_i32(&mut self, key: Key, value: i32) -> slog::Result {
        self.keep(key, Shown::Signed(value.into()))
    }

    fn emit_i64(&mut self, key: Key, value: i64) -> slog::Result {
        self.keep(key, Shown::Signed(value))
    }

    fn emit_bool(&mut self, key: Key, value: bool) -> slog::Result {
        self.keep(key, Shown::Answer(value))
    }
}

impl KV for Kept {
    fn serialize(&self, _: &Record<'_>, to: &mut dyn Serializer) -> slog::Result {
        self.values.iter().try_for_each(|(key, shown)| match shown {
            Shown::Text(text) => to.emit_str(key, text),
            Shown::Unsigned(number) => to.emit_u64(key, *number),
            Shown::Signed(number) => to.emit_i64(key, *number),
            Shown::Answer(answer) => to.emit_bool(key, *answer),
        })
    }
}
