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
pub(super) struct Redact<D>(pub(super) D);

impl<D: Drain> Drain for Redact<D> {
    type Ok = D::Ok;
    type Err = D::Err;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<D::Ok, D::Err> {
        if !names_secret(&record.kv(), record) && !names_secret(values, record) {
            return self.0.log(record, values);
        }
        let mut kept = Kept(Vec::new());
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
        self.0.log(
            &Record::new(&stat, record.msg(), slog::BorrowedKV(&kept)),
            &empty,
        )
    }
}

fn is_withheld(key: &str) -> bool {
    !SAFE.contains(&key) && WITHHELD.iter().any(|part| key.contains(part))
}

fn names_secret(values: &dyn KV, record: &Record<'_>) -> bool {
    let mut search = Search(false);
    let _ignored = values.serialize(record, &mut search);
    search.0
}

struct Search(bool);

impl Serializer for Search {
    fn emit_arguments(&mut self, key: Key, value: &fmt::Arguments<'_>) -> slog::Result {
        match value.as_str() {
            Some(text) => self.emit_str(key, text),
            None => self.emit_str(key, &value.to_string()),
        }
    }

    fn emit_str(&mut self, key: Key, value: &str) -> slog::Result {
        self.0 |= is_withheld(key) || matches!(without_credentials(value), Cow::Owned(_));
        Ok(())
    }

    fn emit_u64(&mut self, key: Key, _: u64) -> slog::Result {
        self.0 |= is_withheld(key);
        Ok(())
    }

    fn emit_bool(&mut self, key: Key, _: bool) -> slog::Result {
        self.0 |= is_withheld(key);
        Ok(())
    }
}

/// Values of a line without secrets. Numbers stay numbers.
struct Kept(Vec<(Key, Shown)>);

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
        self.0.push((key, shown));
        Ok(())
    }
}

impl Serializer for Kept {
    fn emit_arguments(&mut self, key: Key, value: &fmt::Arguments<'_>) -> slog::Result {
        let text = value.to_string();
        let text = without_credentials(&text).into_owned();
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
        self.0.iter().try_for_each(|(key, shown)| match shown {
            Shown::Text(text) => to.emit_str(key, text),
            Shown::Unsigned(number) => to.emit_u64(key, *number),
            Shown::Signed(number) => to.emit_i64(key, *number),
            Shown::Answer(answer) => to.emit_bool(key, *answer),
        })
    }
}
