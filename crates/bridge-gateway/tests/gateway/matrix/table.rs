//! What must become of each fault.
//!
//! Behind the name of a fault stand its lines, each for `both` manners, for one of them, or for one
//! manner and dialect; the closest holds. A line says what the caller sees, what is recorded, the
//! tokens, the key, the breaker, and how often the provider was asked.

use super::voice::Manner;

/// What must become of one fault.
pub(super) struct Row {
    pub(super) fault: &'static str,
    /// For whom, and what.
    pub(super) lines: Vec<(&'static str, &'static str)>,
}

impl Row {
    /// The line for this cell, and for whom it is written.
    pub(super) fn line(&self, manner: Manner, voice: &str) -> Option<(&'static str, &'static str)> {
        let one = format!("{} {voice}", manner.as_str());
        let whom = [one.as_str(), manner.as_str(), "both"];
        let mut lines = whom
            .iter()
            .filter_map(|whom| self.lines.iter().find(|(name, _)| name == whom));
        lines.next().copied()
    }
}

/// The whole table.
pub(super) fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for line in TABLE.lines() {
        match line.strip_prefix("  ") {
            None => rows.push(Row {
                fault: line,
                lines: Vec::new(),
            }),
            Some(line) => {
                let row = rows.last_mut().unwrap();
                row.lines.push(line.split_once(" | ").unwrap());
            }
        }
    }
    rows
}

const TABLE: &str = r#"none
  both | 200, the provider's bytes | completed, 200 | 5 in, 4 out | good | no failure | 1
drip
  both | 200, the provider's bytes | completed, 200 | 5 in, 4 out | good | no failure | 1
refused
  both | 502, the gateway's error “the AI provider cannot be reached” | failed, unknown | none | good | a failure | 3
no name
  both | 502, the gateway's error “the AI provider cannot be reached” | failed, unknown | none | good | a failure | 3
no TLS
  both | 502, the gateway's error “the AI provider cannot be reached” | failed, unknown | none | good | a failure | 3
unknown certificate
  both | 502, the gateway's error “the AI provider cannot be reached” | failed, unknown | none | good | a failure | 3
silent handshake
  both | 502, the gateway's error “the AI provider cannot be reached” | failed, unknown | none | good | a failure | 3
reset before the head
  both | 502, the gateway's error “the AI provider closed the connection without an answer” | failed, unknown | none | good | a failure | 1
closed before the head
  both | 502, the gateway's error “the AI provider closed the connection without an answer” | failed, unknown | none | good | a failure | 1
half a head
  both | 502, the gateway's error “the AI provider closed the connection without an answer” | failed, unknown | none | good | a failure | 1
no HTTP
  both | 502, the gateway's error “the AI provider closed the connection without an answer” | failed, unknown | none | good | a failure | 1
endless head
  both | 502, the gateway's error “the AI provider closed the connection without an answer” | failed, unknown | none | good | a failure | 1
stall before the head
  both | 504, the gateway's error “the AI provider did not answer in time” | failed, timeout | none | good | a failure | 1
reset after the head
  blocking | 502, the gateway's error “the AI provider closed the connection without an answer” | failed, unknown, 200 | none | good | a failure | 1
  streaming | 200, the gateway's error event “the connection to the provider broke before the end of the answer” | failed, unknown, 200 | none | good | a failure | 1
closed after the head
  blocking | 502, the gateway's error “the AI provider closed the connection without an answer” | failed, unknown, 200 | none | good | a failure | 1
  streaming | 200, the gateway's error event “the connection to the provider broke before the end of the answer” | failed, unknown, 200 | none | good | a failure | 1
stall after the head
  blocking | 504, the gateway's error “the AI provider did not answer in time” | failed, timeout, 200 | none | good | a failure | 1
  streaming | 200, the gateway's error event “the provider stopped answering” | failed, timeout, 200 | none | good | a failure | 1
reset between events
  blocking | 200, what came of the provider's bytes, cut | failed, unknown, 200 | none | good | a failure | 1
  streaming | 200, whole events, then the gateway's error event “the connection to the provider broke before the end of the answer” | failed, unknown, 200 | 0 in, 2 out, partial, estimated | good | a failure | 1
  streaming messages | 200, whole events, then the gateway's error event “the connection to the provider broke before the end of the answer” | failed, unknown, 200 | 5 in, 2 out, partial, estimated | good | a failure | 1
reset in mid-event
  blocking | 200, what came of the provider's bytes, cut | failed, unknown, 200 | none | good | a failure | 1
  streaming | 200, whole events, then the gateway's error event “the connection to the provider broke before the end of the answer” | failed, unknown, 200 | 0 in, 2 out, partial, estimated | good | a failure | 1
  streaming messages | 200, whole events, then the gateway's error event “the connection to the provider broke before the end of the answer” | failed, unknown, 200 | 5 in, 2 out, partial, estimated | good | a failure | 1
closed in mid-event
  blocking | 200, what came of the provider's bytes, cut | failed, unknown, 200 | none | good | a failure | 1
  streaming | 200, whole events, then the gateway's error event “the connection to the provider broke before the end of the answer” | failed, unknown, 200 | 0 in, 2 out, partial, estimated | good | a failure | 1
  streaming messages | 200, whole events, then the gateway's error event “the connection to the provider broke before the end of the answer” | failed, unknown, 200 | 5 in, 2 out, partial, estimated | good | a failure | 1
stall in the middle
  blocking | 200, what came of the provider's bytes, cut | failed, timeout, 200 | none | good | a failure | 1
  streaming | 200, whole events, then the gateway's error event “the provider stopped answering” | failed, timeout, 200 | 0 in, 2 out, partial, estimated | good | a failure | 1
  streaming messages | 200, whole events, then the gateway's error event “the provider stopped answering” | failed, timeout, 200 | 5 in, 2 out, partial, estimated | good | a failure | 1
no last word
  blocking | 200, the provider's bytes | failed, unknown, 200 | none | good | a failure | 1
  streaming | 200, whole events, then the gateway's error event “the provider's answer stopped before its end” | failed, unknown, 200 | 0 in, 2 out, partial, estimated | good | a failure | 1
  streaming messages | 200, whole events, then the gateway's error event “the provider's answer stopped before its end” | failed, unknown, 200 | 5 in, 2 out, partial, estimated | good | a failure | 1
error event
  blocking | 200, the provider's bytes | failed, unknown, 200 | none | good | no failure | 1
  streaming | 200, the provider's bytes | failed, server_error, 200 | 0 in, 2 out, partial, estimated | good | no failure | 1
  streaming messages | 200, the provider's bytes | failed, overloaded, 200 | 5 in, 2 out, partial, estimated | good | a failure | 1
error event first
  blocking | 200, the provider's bytes | failed, unknown, 200 | none | good | no failure | 1
  streaming | 200, the provider's bytes | failed, server_error, 200 | none | good | no failure | 1
  streaming messages | 200, the provider's bytes | failed, overloaded, 200 | none | good | a failure | 1
truncated JSON
  both | 200, what came of the provider's bytes, cut | failed, unknown, 200 | none | good | a failure | 1
garbled compression
  both | 200, the provider's bytes | failed, unknown, 200 | none | good | no failure | 1
compressed and cut
  blocking | 200, the provider's bytes | failed, unknown, 200 | none | good | a failure | 1
  streaming | 200, what came of the provider's bytes, cut | failed, unknown, 200 | none | good | no failure | 1
web page
  both | 502, the gateway's error “the AI provider answered with text/html under status 200” | failed, unknown, 200 | none | good | no failure | 1
web page under 502
  both | 502, the provider's bytes | failed, server_error, 502 | none | good | no failure | 3
empty
  both | 502, the gateway's error “the AI provider answered with nothing under status 200” | failed, unknown, 200 | none | good | no failure | 1
no content
  both | 502, the gateway's error “the AI provider answered with nothing under status 204” | failed, unknown, 204 | none | good | no failure | 1
redirect
  both | 502, the gateway's error “the AI provider answered with a redirect under status 307” | failed, unknown, 307 | none | good | no failure | 1
unknown encoding
  both | 502, the gateway's error “the AI provider answered with an unknown encoding under status 200” | failed, unknown, 200 | none | good | no failure | 1
whole instead of a stream
  both | 200, the provider's bytes | completed, 200 | 5 in, 4 out | good | no failure | 1
400
  both | 400, the provider's bytes | failed, bad_request, 400 | none | good | no failure | 1
401
  both | 502, x-should-retry false, the gateway's error “all configured keys failed authentication, ask the operator to look at them” | failed, unauthorized, 401 | none | cools, unauthorized | no failure | 1
403
  both | 403, the provider's bytes | failed, unauthorized, 403 | none | good | no failure | 1
404
  both | 404, the provider's bytes | failed, bad_request, 404 | none | good | no failure | 1
408
  both | 408, the provider's bytes | failed, timeout, 408 | none | good | no failure | 3
409
  both | 409, the provider's bytes | failed, bad_request, 409 | none | good | no failure | 3
413
  both | 413, the provider's bytes | failed, bad_request, 413 | none | good | no failure | 1
422
  both | 422, the provider's bytes | failed, bad_request, 422 | none | good | no failure | 1
429
  both | 429, retry-after 60, the provider's bytes | failed, rate_limited, 429 | none | cools, rate limited | no failure | 1
429, seconds
  both | 429, retry-after 30, the provider's bytes | failed, rate_limited, 429 | none | cools, rate limited | no failure | 1
429, milliseconds
  both | 429, retry-after-ms 30000, the provider's bytes | failed, rate_limited, 429 | none | cools, rate limited | no failure | 1
429, date
  both | 429, retry-after Thu, 31 Dec 2099 23:59:59 GMT, the provider's bytes | failed, rate_limited, 429 | none | cools, rate limited | no failure | 1
429, garbled
  both | 429, retry-after 60, the provider's bytes | failed, rate_limited, 429 | none | cools, rate limited | no failure | 1
500
  both | 500, the provider's bytes | failed, server_error, 500 | none | good | no failure | 3
502
  both | 502, the provider's bytes | failed, server_error, 502 | none | good | no failure | 3
503
  both | 503, the provider's bytes | failed, overloaded, 503 | none | good | a failure | 3
503, seconds
  both | 503, retry-after 30, the provider's bytes | failed, overloaded, 503 | none | good | a failure | 1
504
  both | 504, the provider's bytes | failed, timeout, 504 | none | good | a failure | 3
529
  blocking | 529, the provider's bytes | failed, overloaded, 529 | none | good | no failure | 3
  blocking messages | 529, the provider's bytes | failed, overloaded, 529 | none | good | a failure | 3
  streaming | 529, the provider's bytes | failed, overloaded, 529 | none | good | no failure | 3
  streaming messages | 529, the provider's bytes | failed, overloaded, 529 | none | good | a failure | 3
500, do not retry
  both | 500, x-should-retry false, the provider's bytes | failed, server_error, 500 | none | good | no failure | 1
400, retry
  both | 400, x-should-retry true, the provider's bytes | failed, bad_request, 400 | none | good | no failure | 3
refusal that breaks off
  both | 400, what came of the provider's bytes, cut | failed, bad_request, 400 | none | good | no failure | 1
HTTP/2, refused
  both | 502, the gateway's error “the AI provider cannot be reached” | failed, unknown | none | good | a failure | 3
HTTP/2, reset before the head
  both | 502, the gateway's error “the AI provider closed the connection without an answer” | failed, unknown | none | good | a failure | 1
HTTP/2, reset in mid-event
  blocking | 200, what came of the provider's bytes, cut | failed, unknown, 200 | none | good | a failure | 1
  streaming | 200, whole events, then the gateway's error event “the connection to the provider broke before the end of the answer” | failed, unknown, 200 | 0 in, 2 out, partial, estimated | good | a failure | 1
  streaming messages | 200, whole events, then the gateway's error event “the connection to the provider broke before the end of the answer” | failed, unknown, 200 | 5 in, 2 out, partial, estimated | good | a failure | 1
HTTP/2, going away in mid-event
  blocking | 200, what came of the provider's bytes, cut | failed, unknown, 200 | none | good | a failure | 1
  streaming | 200, whole events, then the gateway's error event “the connection to the provider broke before the end of the answer” | failed, unknown, 200 | 0 in, 2 out, partial, estimated | good | a failure | 1
  streaming messages | 200, whole events, then the gateway's error event “the connection to the provider broke before the end of the answer” | failed, unknown, 200 | 5 in, 2 out, partial, estimated | good | a failure | 1
HTTP/2, no last word
  blocking | 200, what came of the provider's bytes, cut | failed, unknown, 200 | none | good | a failure | 1
  streaming | 200, whole events, then the gateway's error event “the provider's answer stopped before its end” | failed, unknown, 200 | 0 in, 2 out, partial, estimated | good | a failure | 1
  streaming messages | 200, whole events, then the gateway's error event “the provider's answer stopped before its end” | failed, unknown, 200 | 5 in, 2 out, partial, estimated | good | a failure | 1
503 once
  both | 200, the provider's bytes | completed, 200 | 5 in, 4 out | good | no failure | 2
429 before
  both | 429, retry-after at most 30, the gateway's error “all configured keys of AI provider "NAME" are rate limited, try again in 30 s” | failed, rate_limited | none | cools, rate limited | no failure | 0
401 before
  both | 502, x-should-retry false, the gateway's error “all configured keys failed authentication, ask the operator to look at them” | failed, unauthorized | none | cools, unauthorized | no failure | 0
504 before
  both | 503, retry-after at most 30, the gateway's error “circuit breaker is open” | failed, overloaded | none | good | a failure | 0
"#;
