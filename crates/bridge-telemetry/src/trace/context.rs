//! Where in which trace something happens, as the W3C recommendation Trace Context writes it.

use std::fmt::{self, Write as _};
use std::sync::Arc;

/// Longest `tracestate` that is passed on, in bytes. The recommendation asks for this much.
const LONGEST_STATE: usize = 512;

/// A place in a trace: its id, the span that things happen in, and whether anybody writes them down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: [u8; 16],
    span_id: [u8; 8],
    is_sampled: bool,
    /// What vendors say to each other. Opaque.
    state: Option<Arc<str>>,
}

/// A text that is no `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not of the form 00-<32 hexadecimal digits>-<16>-<2>")]
pub struct InvalidContext;

impl TraceContext {
    pub(super) fn new(trace_id: [u8; 16], span_id: [u8; 8], is_sampled: bool) -> Self {
        Self {
            trace_id,
            span_id,
            is_sampled,
            state: None,
        }
    }

    /// Reads a `traceparent`, of this version of the recommendation or a later one.
    ///
    /// # Errors
    /// When it is none; the trace begins anew then.
    pub fn parse(traceparent: &str) -> Result<Self, InvalidContext> {
        let mut parts = traceparent.splitn(5, '-');
        let mut part = || parts.next().ok_or(InvalidContext);
        let version: [u8; 1] = digits(part()?)?;
        let trace_id: [u8; 16] = digits(part()?)?;
        let span_id: [u8; 8] = digits(part()?)?;
        let flags: [u8; 1] = digits(part()?)?;
        // Only later versions may say more, and the last version is reserved.
        let says_more = parts.next().is_some();
        if version == [u8::MAX] || (version == [0] && says_more) {
            return Err(InvalidContext);
        }
        if trace_id == [0; 16] || span_id == [0; 8] {
            return Err(InvalidContext);
        }
        Ok(Self::new(trace_id, span_id, flags[0] & 1 == 1))
    }

    /// The same with the `tracestate` that came along. One that is empty, too long, or of other
    /// characters than it may have is left out.
    #[must_use]
    pub fn with_state(mut self, tracestate: &str) -> Self {
        let state = tracestate.trim();
        let is_good = (1..=LONGEST_STATE).contains(&state.len())
            && state.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        self.state = is_good.then(|| Arc::from(state));
        self
    }

    /// As `traceparent` has it.
    #[must_use]
    pub fn traceparent(&self) -> String {
        let mut out = String::with_capacity(55);
        out.push_str("00-");
        hexadecimal(&mut out, &self.trace_id);
        out.push('-');
        hexadecimal(&mut out, &self.span_id);
        out.push_str(if self.is_sampled { "-01" } else { "-00" });
        out
    }

    /// As `tracestate` has it, if there is any.
    #[must_use]
    pub fn tracestate(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// The id of the trace, in hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> String {
        let mut out = String::with_capacity(32);
        hexadecimal(&mut out, &self.trace_id);
        out
    }

    /// The id of the span, in hexadecimal digits.
    #[must_use]
    pub fn span_id(&self) -> String {
        let mut out = String::with_capacity(16);
        hexadecimal(&mut out, &self.span_id);
        out
    }

    /// Whether somebody writes down what happens.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.is_sampled
    }

    pub(super) fn trace_bytes(&self) -> [u8; 16] {
        self.trace_id
    }

    pub(super) fn span_bytes(&self) -> [u8; 8] {
        self.span_id
    }

    /// The same place with a new span in it.
    pub(super) fn child(&self) -> Self {
        Self {
            span_id: new_span_id(),
            ..self.clone()
        }
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.traceparent())
    }
}

/// A random id that is not zero: the lower half of a random UUID has two bits that are set.
pub(super) fn new_span_id() -> [u8; 8] {
    let (_, low) = uuid::Uuid::new_v4().as_u64_pair();
    low.to_be_bytes()
}

/// Exactly as many bytes, in lower-case hexadecimal digits.
fn digits<const N: usize>(text: &str) -> Result<[u8; N], InvalidContext> {
    let text = text.as_bytes();
    if text.len() != 2 * N {
        return Err(InvalidContext);
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        for digit in pair {
            let value = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                _ => return Err(InvalidContext),
            };
            *byte = *byte << 4 | value;
        }
    }
    Ok(bytes)
}

fn hexadecimal(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _infallible = write!(out, "{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn what_is_read_is_written_again() {
        let context = TraceContext::parse(GOOD).unwrap();
        assert_eq!(context.traceparent(), GOOD);
        assert_eq!(context.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(context.span_id(), "00f067aa0ba902b7");
        assert!(context.is_sampled());
        let unsampled = TraceContext::parse(&GOOD.replace("-01", "-00")).unwrap();
        assert!(!unsampled.is_sampled());
        assert!(
            TraceContext::parse(&GOOD.replace("-01", "-03"))
                .unwrap()
                .is_sampled()
        );
    }

    #[test]
    fn what_is_no_context_is_refused() {
        for text in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e47-00f067aa0ba902b7-01",
            "\u{e9}\u{e9}-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceContext::parse(text), Err(InvalidContext), "{text}");
        }
        // A later version may say more.
        let later = format!("01{}-more", &GOOD[2..]);
        assert!(TraceContext::parse(&later).is_ok());
    }

    #[test]
    fn a_state_is_passed_on_if_it_is_good() {
        let context = TraceContext::parse(GOOD).unwrap();
        let state = |text: &str| {
            context
                .clone()
                .with_state(text)
                .tracestate()
                .map(str::to_owned)
        };
        assert_eq!(state(" a=1,b=2 "), Some("a=1,b=2".to_owned()));
        assert_eq!(state(""), None);
        assert_eq!(state("a=\u{e9}"), None);
        assert_eq!(state(&"x".repeat(513)), None);
    }
}
