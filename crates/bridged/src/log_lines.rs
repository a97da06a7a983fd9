//! A destination of log lines that a test can read.

use std::fmt::Arguments;
use std::sync::Arc;

use parking_lot::Mutex;
use slog::{Drain, KV, Key, Never, OwnedKVList, Record, Serializer};

/// Lines with their values. Cloning shares them.
#[derive(Clone, Default)]
pub(crate) struct LogLines(Arc<Mutex<Vec<String>>>);

impl LogLines {
    /// All lines so far.
    pub(crate) fn text(&self) -> String {
        self.0.lock().join("\n")
    }
}

impl Drain for LogLines {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record<'_>, _: &OwnedKVList) -> Result<(), Never> {
        let mut line = Line(format!("{} {}", record.level(), record.msg()));
        let _infallible = record.kv().serialize(record, &mut line);
        self.0.lock().push(line.0);
        Ok(())
    }
}

struct Line(String);

impl Serializer for Line {
    fn emit_arguments(&mut self, key: Key, value: &Arguments<'_>) -> slog::Result {
        self.0.push_str(&format!(" {key}={value}"));
        Ok(())
    }
}
