//! Traces: what happened within one request, and how long each part of it took.
//!
//! A [`Tracer`] that is off costs nothing: it is an empty value, and so are the spans that come of
//! it. One that is on keeps finished spans in a bounded queue. This crate encodes them in the
//! OpenTelemetry protocol; whoever owns the queue sends them away.

pub mod attributes;
mod context;
mod otlp;
mod queue;
mod sampling;
mod span;
mod tracer;

pub use self::context::{InvalidContext, TraceContext};
pub use self::otlp::{Resource, encode, refused_spans};
pub use self::queue::{FinishedSpan, SpanQueue};
pub use self::sampling::{InvalidRatio, Ratio};
pub use self::span::{Span, SpanKind, Value};
pub use self::tracer::{Tracer, TracerConfig, Within};
