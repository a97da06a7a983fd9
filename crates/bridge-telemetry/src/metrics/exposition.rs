//! The two text formats, and which of them a scraper takes.
//!
//! The families are written in OpenMetrics. The older format is made from that line by line: it
//! differs in the names of counters in comments, and in comments that it does not know.

use std::fmt::Write;

/// A text format for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposition {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus text 0.0.4, which everything reads.
    Classic,
}

const OPEN_METRICS: &str = "application/openmetrics-text";

impl Exposition {
    /// What to write for a scraper that accepts this, as its `Accept` header says: OpenMetrics only
    /// when it is named and not liked less than plain text.
    #[must_use]
    pub fn accepted(accept: &str) -> Self {
        let (mut open, mut plain) = (0.0, 0.0);
        for range in accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default();
            let weight = parts
                .find_map(|part| part.strip_prefix("q="))
                .map_or(1.0, |text| text.parse::<f32>().unwrap_or(0.0));
            if kind.eq_ignore_ascii_case(OPEN_METRICS) {
                open = weight.max(open);
            } else if kind.eq_ignore_ascii_case("text/plain") {
                plain = weight.max(plain);
            }
        }
        if open > 0.0 && open >= plain {
            Self::OpenMetrics
        } else {
            Self::Classic
        }
    }

    /// The content type to say.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Classic => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// The same in the older format.
pub(super) fn classic(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len());
    // The help of a family stands before its type, which decides how both are spelled.
    let mut help = "";
    for line in open_metrics.lines() {
        if let Some(said) = line.strip_prefix("# HELP ") {
            help = said;
        } else if let Some(said) = line.strip_prefix("# TYPE ") {
            let (name, kind) = said.split_once(' ').unwrap_or((said, "untyped"));
            let end = if kind == "counter" { "_total" } else { "" };
            let meaning = help.split_once(' ').map_or("", |(_, meaning)| meaning);
            // Writing to a String cannot fail.
            let _ignored = writeln!(
                text,
                "# HELP {name}{end} {meaning}\n# TYPE {name}{end} {kind}"
            );
        } else if !line.starts_with('#') {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scrapers_get_what_they_like_best() {
        use Exposition::{Classic, OpenMetrics};
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,\
                          application/openmetrics-text;version=0.0.1;q=0.4,\
                          text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for (accept, expected) in [
            (prometheus, OpenMetrics),
            ("application/openmetrics-text", OpenMetrics),
            ("text/plain, Application/OpenMetrics-Text", OpenMetrics),
            ("", Classic),
            ("*/*", Classic),
            ("text/plain", Classic),
            ("text/html, */*;q=0.8", Classic),
            (
                "application/openmetrics-text;q=0.2, text/plain;q=0.9",
                Classic,
            ),
            ("application/openmetrics-text; q=0", Classic),
            ("application/openmetrics-text;q=nonsense", Classic),
        ] {
            assert_eq!(Exposition::accepted(accept), expected, "{accept}");
        }
    }

    #[test]
    fn the_older_format_names_counters_as_their_samples() {
        let open = "# HELP b_requests Requests.\n\
                    # TYPE b_requests counter\n\
                    b_requests_total{a=\"# HELP x y\"} 3\n\
                    # HELP b_size_bytes Size.\n\
                    # TYPE b_size_bytes gauge\n\
                    # UNIT b_size_bytes bytes\n\
                    b_size_bytes 4\n\
                    # EOF\n";
        let expected = "# HELP b_requests_total Requests.\n\
                        # TYPE b_requests_total counter\n\
                        b_requests_total{a=\"# HELP x y\"} 3\n\
                        # HELP b_size_bytes Size.\n\
                        # TYPE b_size_bytes gauge\n\
                        b_size_bytes 4\n";
        assert_eq!(classic(open), expected);
    }
}
