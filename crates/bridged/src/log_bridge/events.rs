//! Events of libraries that speak through `tracing`, at warning and above.
//!
//! h2, tonic and tower do so. Their spans are not followed: a span that is never enabled costs its
//! library one comparison.

use std::fmt::{self, Write as _};

use slog::{Logger, error, warn};
use tracing_core::field::{Field, Visit};
use tracing_core::span::{Attributes, Id, Record};
use tracing_core::{Dispatch, Event, Level, LevelFilter, Metadata, Subscriber, dispatcher};

/// Longest text of an event that is passed on, in bytes.
const LONGEST_TEXT: usize = 1_024;

/// Libraries whose events are not passed on. What the SDK of tool servers says, `bridge-mcp` says as
/// well; the SDK's words have ids of sessions in them, and what servers wrote.
const SILENT: [&str; 1] = ["rmcp"];

/// Passes events on. Those below warning are for the libraries' own authors, and may hold headers.
struct Events(Logger);

impl Subscriber for Events {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
            && *metadata.level() <= Level::WARN
            && !SILENT.iter().any(|silent| is_of(metadata.target(), silent))
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::WARN)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        // Never entered: no span is enabled. An id must not be zero.
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        let (target, line) = (event.metadata().target(), line.0);
        if *event.metadata().level() == Level::ERROR {
            error!(self.0, "a library reports"; "target" => target, "line" => line);
        } else {
            warn!(self.0, "a library reports"; "target" => target, "line" => line);
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Whether a target is a library or a module in it.
fn is_of(target: &str, library: &str) -> bool {
    let rest = target.strip_prefix(library);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The fields of an event as one text, the message first.
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if self.0.len() >= LONGEST_TEXT {
            return;
        }
        let gap = if self.0.is_empty() { "" } else { " " };
        let _infallible = match field.name() {
            "message" => write!(self.0, "{gap}{value:?}"),
            name => write!(self.0, "{gap}{name}={value:?}"),
        };
        if self.0.len() > LONGEST_TEXT {
            let end = self.0.floor_char_boundary(LONGEST_TEXT);
            self.0.truncate(end);
        }
    }
}

/// Sends the libraries' events to `logger` from now on. A second call changes nothing: there is one
/// subscriber in the life of a process.
pub(super) fn install(logger: Logger) {
    let _second_call = dispatcher::set_global_default(Dispatch::new(Events(logger)));
}

#[cfg(test)]
mod tests {
    use bridge_telemetry::Logging;
    use slog::Level as LogLevel;
    use tracing_core::dispatcher::with_default;

    use super::*;
    use crate::log_lines::LogLines;

    #[test]
    fn warnings_of_libraries_pass_and_chatter_does_not() {
        let lines = LogLines::default();
        let (logging, logger) = Logging::with_drain(LogLevel::Trace, lines.clone());
        with_default(&Dispatch::new(Events(logger)), || {
            tracing::info!(target: "somewhere", "chatter");
            let span = tracing::error_span!("within", secret = "hidden");
            let _entered = span.enter();
            tracing::warn!(target: "somewhere", stream = 7, "worth a word");
            tracing::error!(target: "elsewhere", "{}", "x".repeat(3_000));
            tracing::error!(target: "rmcp::transport::worker", "hidden");
            tracing::error!(target: "rmcpx", "not the same");
        });
        drop(logging);
        let lines = lines.text();
        assert!(lines.contains("WARN a library reports"), "{lines}");
        assert!(lines.contains("line=worth a word stream=7"), "{lines}");
        assert!(lines.contains("ERRO a library reports"), "{lines}");
        assert!(lines.contains("line=not the same"), "{lines}");
        assert!(
            !lines.contains("chatter") && !lines.contains("hidden"),
            "{lines}"
        );
        assert!(lines.len() < 2_000, "{}", lines.len());
    }
}
