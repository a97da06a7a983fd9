//! Takes a stream of events apart. Enough for streams whose lines end with a line feed.

use bridge_api::{DialectId, Observed, Observer, ObserverLimits};

/// The name and the data of every event.
pub(crate) fn events(stream: &str) -> impl Iterator<Item = (&str, String)> {
    stream.split("\n\n").filter_map(|event| {
        let field = |name: &'static str| {
            event
                .lines()
                .filter_map(move |line| line.strip_prefix(name)?.strip_prefix(": "))
        };
        let data: Vec<&str> = field("data").collect();
        let name = field("event").next().unwrap_or("message");
        (!data.is_empty()).then(|| (name, data.join("\n")))
    })
}

/// What is seen of a stream of events.
pub(crate) fn streamed(dialect: DialectId, stream: &str) -> Observed {
    let mut observer = Observer::new(dialect, ObserverLimits::default());
    for (name, data) in events(stream) {
        observer.event(name, data.as_bytes());
    }
    observer.finish()
}

/// What is seen of a whole answer.
pub(crate) fn whole(dialect: DialectId, body: &str) -> Observed {
    let mut observer = Observer::new(dialect, ObserverLimits::default());
    observer.whole(body.as_bytes());
    observer.finish()
}

/// Every event with all of its bytes, its name and its data, which has one line. What does not end
/// with a blank line is no event.
pub(crate) fn raw_events(stream: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    let whole = stream
        .split_inclusive("\n\n")
        .filter(|raw| raw.ends_with("\n\n"));
    whole.map(|raw| {
        let field = |name| raw.lines().find_map(|line: &str| line.strip_prefix(name));
        let name = field("event: ").unwrap_or_default();
        (raw, name, field("data: ").unwrap_or_default())
    })
}
