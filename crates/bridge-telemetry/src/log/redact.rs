//! A second belt: keys that name secrets never reach a destination, whoever logs them.

use std::fmt;

use slog::{Drain, KV, Key, OwnedKVList, Record, Serializer};

/// Parts of key names whose values are withheld. No code of ours logs such keys.
const WITHHELD: [&str; 8] = [
    "secret",
    "password",
    "token",
    "authorization",
    "api_key",
    "apikey",
    "cookie",
    "credential",
];

/// Keys that contain such a part and are safe: ids, names and counts.
const SAFE: [&str; 2] = ["api_key_id", "token_kind"];

/// What stands in place of a withheld value.
const WITHHELD_VALUE: &str = "(withheld)";

/// A drain that withholds the values of suspicious keys.
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
    fn emit_arguments(&mut self, key: Key, _: &fmt::Arguments<'_>) -> slog::Result {
        self.0 |= is_withheld(key);
        Ok(())
    }
}

struct Kept(Vec<(Key, String)>);

impl Serializer for Kept {
    fn emit_arguments(&mut self, key: Key, value: &fmt::Arguments<'_>) -> slog::Result {
        let shown = if is_withheld(key) {
            WITHHELD_VALUE.to_owned()
        } else {
            value.to_string()
        };
        self.0.push((key, shown));
        Ok(())
    }
}

impl KV for Kept {
    fn serialize(&self, _: &Record<'_>, to: &mut dyn Serializer) -> slog::Result {
        self.0
            .iter()
            .try_for_each(|(key, value)| to.emit_str(key, value))
    }
}
