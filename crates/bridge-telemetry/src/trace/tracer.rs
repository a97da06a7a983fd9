//! Begins traces and spans.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::context::new_span_id;
use super::{FinishedSpan, Ratio, Span, SpanKind, SpanQueue, TraceContext};
use crate::Metrics;

/// What is written down, and what is told to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TracerConfig {
    /// How many of the traces that begin here are written down.
    pub ratio: Ratio,
    /// Whether a caller's trace is continued. Whether it is written down is then the caller's word;
    /// otherwise every trace begins here.
    pub follow_callers: bool,
    /// Whether what people asked is written down, too. Default no.
    pub content: bool,
    /// Whether providers are told the trace. Default no.
    pub tell_providers: bool,
    /// How many finished spans may wait. More are dropped and counted.
    pub waiting: usize,
}

/// Begins traces. Cloning shares it. The default one is off: it costs nothing and writes nothing.
#[derive(Clone, Default)]
pub struct Tracer(Option<Arc<Inner>>);

pub(super) struct Inner {
    config: TracerConfig,
    finished: mpsc::Sender<FinishedSpan>,
    metrics: Metrics,
}

impl Inner {
    pub(super) fn finished(&self, span: FinishedSpan) {
        let reason = match self.finished.try_send(span) {
            Ok(()) => return,
            Err(mpsc::error::TrySendError::Full(_)) => "queue_full",
            Err(mpsc::error::TrySendError::Closed(_)) => "closed",
        };
        self.metrics.spans_dropped(reason, 1);
    }
}

impl Tracer {
    /// A tracer that is on, and the queue in which its spans wait.
    #[must_use]
    pub fn start(config: TracerConfig, metrics: &Metrics) -> (Self, SpanQueue) {
        let (finished, queue) = mpsc::channel(config.waiting.max(1));
        let inner = Inner {
            config,
            finished,
            metrics: metrics.clone(),
        };
        (Self(Some(Arc::new(inner))), SpanQueue(queue))
    }

    /// Whether it is on.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Begins the span of a request that somebody answers, in the caller's trace if there is one and
    /// it is to be continued, else in a trace of this id, which no other trace has.
    ///
    /// The first is empty when the trace is not written down; the second then still knows the trace.
    pub fn serve(
        &self,
        told: Option<TraceContext>,
        id: [u8; 16],
        name: impl Into<Cow<'static, str>>,
    ) -> (Span, Within) {
        let Some(inner) = &self.0 else {
            return (Span::off(), Within::default());
        };
        let told = told.filter(|_| inner.config.follow_callers);
        let parent = told.as_ref().map(TraceContext::span_bytes);
        let context = match &told {
            Some(told) => told.child(),
            None => {
                let is_sampled = inner.config.ratio.takes(id);
                TraceContext::new(id, new_span_id(), is_sampled)
            }
        };
        let within = Within::of(inner, &context);
        if !context.is_sampled() {
            return (Span::off(), within);
        }
        let span = Span::begin(inner, context, parent, name.into(), SpanKind::Server);
        (span, within)
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let config = self.0.as_ref().map(|inner| inner.config);
        f.debug_tuple("Tracer").field(&config).finish()
    }
}

/// The inside of a span: what happens there becomes a span in it. Cheap to clone; the default one is
/// inside of nothing.
#[derive(Clone, Default)]
pub struct Within(Option<(Arc<Inner>, TraceContext)>);

impl Within {
    pub(super) fn of(tracer: &Arc<Inner>, context: &TraceContext) -> Self {
        Self(Some((Arc::clone(tracer), context.clone())))
    }

    /// The trace, if there is one, written down or not.
    #[must_use]
    pub fn context(&self) -> Option<&TraceContext> {
        self.0.as_ref().map(|(_, context)| context)
    }

    /// Begins a span in this one. It is empty when nobody writes it down, so a name that must be
    /// made is made by `name` only when it is needed.
    pub fn span<N: Into<Cow<'static, str>>>(
        &self,
        kind: SpanKind,
        name: impl FnOnce() -> N,
    ) -> Span {
        match &self.0 {
            Some((tracer, context)) if context.is_sampled() => Span::begin(
                tracer,
                context.child(),
                Some(context.span_bytes()),
                name().into(),
                kind,
            ),
            Some(_) | None => Span::off(),
        }
    }

    /// Begins a span for work of this process.
    pub fn work(&self, name: &'static str) -> Span {
        self.span(SpanKind::Internal, || name)
    }

    /// Whether what happens is written down.
    #[must_use]
    pub fn is_written(&self) -> bool {
        self.context().is_some_and(TraceContext::is_sampled)
    }

    /// Whether what people asked may be written down.
    #[must_use]
    pub fn takes_content(&self) -> bool {
        let inner = self.0.as_ref();
        inner.is_some_and(|(tracer, context)| tracer.config.content && context.is_sampled())
    }

    /// The trace as providers are told of it, if they are.
    #[must_use]
    pub fn told_to_providers(&self) -> Option<&TraceContext> {
        let (tracer, context) = self.0.as_ref()?;
        tracer.config.tell_providers.then_some(context)
    }
}

impl fmt::Debug for Within {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Within").field(&self.context()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(ratio: &str) -> TracerConfig {
        TracerConfig {
            ratio: ratio.parse().unwrap(),
            follow_callers: true,
            content: false,
            tell_providers: false,
            waiting: 2,
        }
    }

    fn told(sampled: &str) -> Option<TraceContext> {
        let text = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{sampled}");
        Some(TraceContext::parse(&text).unwrap())
    }

    #[tokio::test]
    async fn spans_stand_in_each_other_and_in_the_callers_trace() {
        let (tracer, mut queue) = Tracer::start(config("0"), &Metrics::default());
        let (mut server, within) = tracer.serve(told("01"), [7; 16], "server");
        within.work("inner").end();
        server.fail("timeout");
        server.end();
        let mut spans = Vec::new();
        assert!(queue.more(&mut spans, 9).await);
        queue.waiting(&mut spans, 9);
        let [inner, server] = &spans[..] else {
            panic!("{spans:?}");
        };
        assert_eq!(
            server.context.trace_id(),
            "4bf92f3577b34da6a3ce929d0e0e4736"
        );
        assert_eq!(
            server.parent,
            Some([0, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7])
        );
        assert_eq!(inner.parent, Some(server.context.span_bytes()));
        assert_eq!(server.failure.as_deref(), Some("timeout"));
    }

    #[test]
    fn who_samples_is_the_caller_or_the_ratio() {
        let (tracer, _queue) = Tracer::start(config("0"), &Metrics::default());
        assert!(tracer.serve(told("01"), [7; 16], "s").0.is_on());
        let (span, within) = tracer.serve(told("00"), [7; 16], "s");
        assert!(!span.is_on() && !within.work("inner").is_on());
        assert_eq!(
            within.context().unwrap().trace_id(),
            told("00").unwrap().trace_id()
        );
        let (span, within) = tracer.serve(None, [7; 16], "s");
        assert!(!span.is_on());
        assert_eq!(within.context().unwrap().trace_id(), "07".repeat(16));
        let all = TracerConfig {
            follow_callers: false,
            ..config("1")
        };
        let (tracer, _queue) = Tracer::start(all, &Metrics::default());
        let (span, within) = tracer.serve(told("00"), [7; 16], "s");
        assert!(span.is_on());
        assert_eq!(within.context().unwrap().trace_id(), "07".repeat(16));
    }

    #[test]
    fn a_full_queue_drops_and_counts() {
        let metrics = Metrics::default();
        let (tracer, queue) = Tracer::start(config("1"), &metrics);
        let (server, within) = tracer.serve(None, [7; 16], "s");
        for _ in 0..5 {
            within.work("w").end();
        }
        drop(queue);
        server.end();
        let text = metrics.expose();
        for sample in ["queue_full\"} 3", "closed\"} 1"] {
            let sample = format!("bridge_trace_spans_dropped_total{{kind=\"{sample}");
            assert!(text.contains(&sample), "{sample} is not in\n{text}");
        }
    }

    #[test]
    fn what_is_off_knows_nothing() {
        let tracer = Tracer::default();
        let (span, within) = tracer.serve(told("01"), [7; 16], "s");
        assert!(!span.is_on() && within.context().is_none());
        assert!(!within.work("w").is_on() && !within.takes_content());
        assert!(within.told_to_providers().is_none());
    }
}
