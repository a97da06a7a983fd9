//! Lines of libraries, at warning and above: of those that speak through the `log` facade, as rustls
//! does, here; of those that speak through `tracing` in `events`.

mod events;

use log::{LevelFilter, Log, Metadata, Record};
use slog::{Logger, error, o, warn};

/// Passes lines on. Those below warning are for the libraries' own authors, and may hold headers.
struct Bridge(Logger);

impl Log for Bridge {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Warn
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        if record.level() == log::Level::Error {
            error!(self.0, "a library reports"; "target" => record.target(), "line" => %record.args());
        } else {
            warn!(self.0, "a library reports"; "target" => record.target(), "line" => %record.args());
        }
    }

    fn flush(&self) {}
}

/// Sends the libraries' lines to `logger` from now on. A second call changes nothing: both ways take
/// one destination in the life of a process.
pub(crate) fn install(logger: &Logger) {
    let logger = logger.new(o!(bridge_telemetry::keys::COMPONENT => "libraries"));
    events::install(logger.clone());
    let bridge = Bridge(logger);
    if log::set_boxed_logger(Box::new(bridge)).is_ok() {
        log::set_max_level(LevelFilter::Warn);
    }
}

#[cfg(test)]
mod tests {
    use bridge_telemetry::Logging;
    use slog::Level;

    use super::*;
    use crate::log_lines::LogLines;

    #[test]
    fn warnings_pass_and_chatter_does_not() {
        let lines = LogLines::default();
        let (logging, logger) = Logging::with_drain(Level::Trace, lines.clone());
        install(&logger);
        log::info!(target: "somewhere", "chatter");
        log::warn!(target: "somewhere", "worth a word");
        log::error!(target: "elsewhere", "worse");
        drop((logging, logger));
        let lines = lines.text();
        assert!(lines.contains("WARN a library reports"), "{lines}");
        assert!(
            lines.contains("target=somewhere") && lines.contains("line=worth a word"),
            "{lines}"
        );
        assert!(lines.contains("ERRO a library reports"), "{lines}");
        assert!(!lines.contains("chatter"), "{lines}");
    }
}
