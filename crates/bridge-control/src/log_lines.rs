//! A destination of log lines that a test can count.

use std::sync::Arc;

use parking_lot::Mutex;
use slog::{Drain, Level, Never, OwnedKVList, Record};

/// Level and message of each line. Cloning shares them.
#[derive(Clone, Default)]
pub(crate) struct LogLines(Arc<Mutex<Vec<(Level, String)>>>);

impl LogLines {
    /// How many lines of this level have this in their message.
    pub(crate) fn count(&self, level: Level, part: &str) -> usize {
        let lines = self.0.lock();
        let is_meant = |(at, text): &&(Level, String)| *at == level && text.contains(part);
        lines.iter().filter(is_meant).count()
    }
}

impl Drain for LogLines {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record<'_>, _: &OwnedKVList) -> Result<(), Never> {
        let line = (record.level(), record.msg().to_string());
        self.0.lock().push(line);
        Ok(())
    }
}
