//! The span of a request, from its head to the end of its answer.

use bridge_intercept::Closing;
use bridge_telemetry::keys;
use bridge_telemetry::trace::{Span, TraceContext, Tracer, Within, attributes as names};
use http::{HeaderMap, Method};
use slog::{Logger, o};

use crate::body::Refusal;
use crate::turns::Listed;

/// A request's place in its trace. Empty when traces are off.
#[derive(Debug)]
pub(crate) struct Traced {
    span: Span,
    pub(crate) within: Within,
}

impl Traced {
    /// Begins in the trace that the caller tells of, or in one of its own that has the request's id.
    pub(crate) fn begin(tracer: &Tracer, headers: &HeaderMap, turn: &Listed) -> Self {
        if !tracer.is_on() {
            return Self {
                span: Span::off(),
                within: Within::default(),
            };
        }
        let id = turn.id().as_uuid().into_bytes();
        let name = known_method(turn.method());
        let (mut span, within) = tracer.serve(told(headers), id, name);
        if span.is_on() {
            span.set(names::HTTP_METHOD, name);
            span.set(names::URL_PATH, turn.path().to_owned());
            span.set(names::REQUEST_ID, turn.id().to_string());
        }
        Self { span, within }
    }

    /// A logger whose lines say to which trace they belong, if there is one.
    pub(crate) fn logger(&self, logger: &Logger) -> Logger {
        match self.within.context() {
            Some(context) => logger.new(o!(
                keys::TRACE_ID => context.trace_id(),
                keys::SPAN_ID => context.span_id(),
            )),
            None => logger.clone(),
        }
    }

    /// The request is over: says how it went.
    pub(crate) fn close(
        &mut self,
        turn: &Listed,
        refusal: Option<&Refusal>,
        closing: Option<&Closing>,
    ) {
        let span = &mut self.span;
        if !span.is_on() {
            return;
        }
        if let Some(known) = turn.known() {
            span.rename(format!("{} {}", known_method(turn.method()), known.route));
            span.set(names::HTTP_ROUTE, known.route);
            span.set(names::PROVIDER, known.provider.to_string());
            span.set(names::CLIENT, known.client);
            span.set(names::USER_ID, known.grant.actor.id.to_string());
            span.set(names::API_KEY_ID, known.grant.api_key_id.clone());
        }
        if let Some(closing) = closing {
            span.set(names::GEN_AI_REQUEST_MODEL, closing.model.clone());
            if let Some(outcome) = closing.outcome {
                span.set(names::OUTCOME, outcome.as_str());
            }
        }
        span.set(names::BYTES, turn.bytes());
        match turn.status() {
            Some(status) => {
                span.set(names::HTTP_STATUS, status.as_u16());
                match refusal {
                    // Who is refused made a mistake of their own (semantic conventions for HTTP).
                    Some(refusal) if status.is_server_error() => span.fail(refusal.kind),
                    Some(refusal) => span.set(names::ERROR_TYPE, refusal.kind),
                    None if status.is_server_error() => span.fail(status.as_str().to_owned()),
                    None => {}
                }
            }
            None => span.fail("given_up"),
        }
    }
}

/// What the caller says of the trace it belongs to. Several words are none.
fn told(headers: &HeaderMap) -> Option<TraceContext> {
    let mut parents = headers.get_all("traceparent").iter();
    let parent = parents.next().filter(|_| parents.next().is_none())?;
    let context = TraceContext::parse(parent.to_str().ok()?).ok()?;
    let states = headers.get_all("tracestate").iter();
    let states: Vec<_> = states.filter_map(|value| value.to_str().ok()).collect();
    Some(context.with_state(&states.join(",")))
}

/// A method, from a closed list.
fn known_method(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "HTTP",
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn one_good_word_of_the_caller_is_believed() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let mut headers = HeaderMap::new();
        assert_eq!(told(&headers), None);
        headers.insert("traceparent", HeaderValue::from_static(good));
        headers.append("tracestate", HeaderValue::from_static("a=1"));
        headers.append("tracestate", HeaderValue::from_static("b=2"));
        let context = told(&headers).unwrap();
        assert_eq!(context.traceparent(), good);
        assert_eq!(context.tracestate(), Some("a=1,b=2"));
        headers.append("traceparent", HeaderValue::from_static(good));
        assert_eq!(told(&headers), None);
    }
}
