//! Finished spans on their way to the operator's collector, over HTTP as the OpenTelemetry protocol
//! wants it.

use std::time::Duration;

use bridge_telemetry::task::{self, Task};
use bridge_telemetry::trace::{
    FinishedSpan, Resource, SpanQueue, Tracer, TracerConfig, encode, refused_spans,
};
use bridge_telemetry::{ErrorChain, Metrics};
use bridge_upstream::{Client, Endpoint, Manners, Network, OwnRequest, UpstreamError};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};
use slog::{Logger, info, o, warn};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::StartError;
use super::translate::client_config;
use crate::config::Config;
use crate::config::collector::Collector;

/// How many spans a batch holds at most.
const BATCH: usize = 512;
/// How large one may be, in bytes. With prompts in them spans are large, and the collector of the
/// OpenTelemetry project takes 20 MiB at once if nobody says otherwise.
const BATCH_BYTES: usize = 8 << 20;
/// How long the first span of a batch waits for others.
const LINGER: Duration = Duration::from_secs(1);
/// How often a batch is sent.
const ATTEMPTS: u32 = 3;
/// How long the second attempt waits; the next one waits twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// How long a collector may take for a batch.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the last batches may take once nothing runs any more.
const LAST_PATIENCE: Duration = Duration::from_secs(5);

/// Where a collector may be: the operator names it, and mostly it is on their own network.
const OWN_NETWORKS: [&str; 7] = [
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "::1/128",
    "fc00::/7",
];

/// Sends spans away as long as it lives.
pub(super) struct Traces {
    exporting: Option<(Task<()>, oneshot::Sender<()>)>,
    logger: Logger,
}

impl Traces {
    /// A tracer, which is off when there is no collector.
    ///
    /// # Errors
    /// When connections to the collector cannot be set up.
    pub(super) fn start(
        config: &Config,
        metrics: &Metrics,
        logger: &Logger,
    ) -> Result<(Tracer, Self), StartError> {
        let logger = logger.new(o!(bridge_telemetry::keys::COMPONENT => "traces"));
        let Some(collector) = &config.collector else {
            let exporting = None;
            return Ok((Tracer::default(), Self { exporting, logger }));
        };
        let exporter = Exporter::try_new(config, collector, metrics, &logger)?;
        let (tracer, queue) = Tracer::start(tracer_config(config), metrics);
        let (stop, stopped) = oneshot::channel();
        info!(logger, "traces are exported"; "address" => exporter.endpoint.authority());
        let task = task::spawn(&logger, "traces", exporter.run(queue, stopped));
        let exporting = Some((task, stop));
        Ok((tracer, Self { exporting, logger }))
    }

    /// Sends what is left, within limits.
    pub(super) async fn finish(self) {
        if let Some((task, stop)) = self.exporting {
            let _gone = stop.send(());
            if timeout(LAST_PATIENCE, task.join()).await.is_err() {
                warn!(self.logger, "the last spans were not exported in time");
            }
        }
    }
}

fn tracer_config(config: &Config) -> TracerConfig {
    let traces = &config.traces;
    TracerConfig {
        ratio: traces.ratio,
        follow_callers: traces.follow_callers,
        content: traces.content,
        tell_providers: traces.tell_providers,
        waiting: traces.waiting_spans.0,
    }
}

struct Exporter {
    client: Client,
    endpoint: Endpoint,
    target: String,
    headers: HeaderMap,
    collector: Collector,
    metrics: Metrics,
    logger: Logger,
}

/// Why a batch was not taken.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error("the collector does not answer")]
    Unanswered(#[source] UpstreamError),
    #[error("the collector answered {0}")]
    Status(StatusCode),
}

impl ExportError {
    /// Whether the same batch may be taken later (OTLP specification, OTLP/HTTP response).
    fn may_pass(&self) -> bool {
        match self {
            Self::Unanswered(_) => true,
            Self::Status(status) => matches!(status.as_u16(), 429 | 502 | 503 | 504),
        }
    }
}

impl Exporter {
    fn try_new(
        config: &Config,
        collector: &Collector,
        metrics: &Metrics,
        logger: &Logger,
    ) -> Result<Self, StartError> {
        let client = Client::try_new(&client_config(config), metrics, logger)
            .map_err(StartError::Upstream)?;
        let endpoint = Endpoint::try_new(collector.endpoint.as_str())
            .map_err(StartError::Collector)?
            .of_provider("the trace collector", manners());
        let mut headers = collector.headers.clone();
        let protobuf = HeaderValue::from_static("application/x-protobuf");
        headers.insert(CONTENT_TYPE, protobuf);
        Ok(Self {
            client,
            target: collector.target(),
            endpoint,
            headers,
            collector: collector.clone(),
            metrics: metrics.clone(),
            logger: logger.clone(),
        })
    }

    async fn run(self, mut queue: SpanQueue, stopped: oneshot::Receiver<()>) {
        let mut stopped = std::pin::pin!(stopped);
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let mut due = None;
            let is_last = loop {
                if batch.len() >= BATCH {
                    break false;
                }
                let lingered = async {
                    match due {
                        Some(due) => sleep_until(due).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    _told = &mut stopped => break true,
                    () = lingered => break false,
                    came = queue.more(&mut batch, BATCH) => match came {
                        true => due = due.or_else(|| Some(Instant::now() + LINGER)),
                        false => break true,
                    },
                }
            };
            if is_last {
                return self.rest(&mut queue, &mut batch).await;
            }
            self.export(&mut batch).await;
        }
    }

    /// Sends what is left of the queue.
    async fn rest(&self, queue: &mut SpanQueue, batch: &mut Vec<FinishedSpan>) {
        loop {
            queue.waiting(batch, BATCH);
            if batch.is_empty() {
                return;
            }
            self.export(batch).await;
        }
    }

    /// Sends a batch, in parts if it is large. Whatever becomes of it, it is empty then.
    async fn export(&self, batch: &mut Vec<FinishedSpan>) {
        while !batch.is_empty() {
            let (count, body) = fitting(&self.collector.resource, batch, BATCH_BYTES);
            batch.drain(..count);
            self.send(count as u64, Bytes::from(body)).await;
        }
    }

    /// Sends so many spans, again if that may help.
    async fn send(&self, spans: u64, body: Bytes) {
        let mut wait = FIRST_WAIT;
        for attempt in 1..=ATTEMPTS {
            match self.post(body.clone()).await {
                Ok(answer) => return self.taken(spans, &answer),
                Err(error) if error.may_pass() && attempt < ATTEMPTS => {
                    sleep(wait).await;
                    wait *= 2;
                }
                Err(error) => {
                    self.metrics.spans_dropped("not_taken", spans);
                    warn!(self.logger, "spans not exported";
                        "spans" => spans, "error" => ErrorChain(&error));
                    return;
                }
            }
        }
    }

    fn taken(&self, spans: u64, answer: &[u8]) {
        let (refused, why) = refused_spans(answer).unwrap_or_default();
        self.metrics.spans_exported(spans.saturating_sub(refused));
        if refused > 0 {
            self.metrics.spans_dropped("refused", refused);
            warn!(self.logger, "the collector refused spans"; "spans" => refused, "error" => why);
        }
    }

    async fn post(&self, body: Bytes) -> Result<Bytes, ExportError> {
        let request = OwnRequest {
            path_and_query: self.target.clone(),
            headers: self.headers.clone(),
            body,
        };
        let answered = self.client.post(&self.endpoint, request).await;
        let (status, answer) = answered.map_err(ExportError::Unanswered)?;
        match status.is_success() {
            true => Ok(answer),
            false => Err(ExportError::Status(status)),
        }
    }
}

/// As many of the first spans as fit, one at least, and what is sent for them.
fn fitting(resource: &Resource, spans: &[FinishedSpan], most: usize) -> (usize, Vec<u8>) {
    let mut part = spans;
    loop {
        let body = encode(resource, part);
        let (half, _) = part.split_at(part.len() / 2);
        if body.len() <= most || half.is_empty() {
            return (part.len(), body);
        }
        part = half;
    }
}

fn manners() -> Manners {
    Manners {
        first_byte: Some(PATIENCE),
        idle: Some(PATIENCE),
        allowed_private: OWN_NETWORKS
            .iter()
            .filter_map(|network| network.parse::<Network>().ok())
            .collect(),
        ..Manners::default()
    }
}

#[cfg(test)]
mod tests {
    use bridge_telemetry::trace::{Ratio, SpanKind};

    use super::*;

    #[tokio::test]
    async fn a_batch_that_is_too_large_goes_in_parts() {
        let config = TracerConfig {
            ratio: Ratio::ALL,
            follow_callers: false,
            content: true,
            tell_providers: false,
            waiting: 16,
        };
        let (tracer, mut queue) = Tracer::start(config, &Metrics::default());
        let (server, within) = tracer.serve(None, [7; 16], "server");
        for _ in 0..8 {
            let mut span = within.span(SpanKind::Client, || "chat");
            span.asked(&"x".repeat(10_000));
        }
        server.end();
        let mut spans = Vec::new();
        assert!(queue.more(&mut spans, 16).await);
        let resource = Resource::default();
        let all = encode(&resource, &spans);
        assert_eq!(fitting(&resource, &spans, all.len()), (9, all));
        let (count, body) = fitting(&resource, &spans, 25_000);
        assert_eq!((count, body.len() <= 25_000), (2, true));
        // What is too large alone is sent all the same.
        assert_eq!(fitting(&resource, &spans, 1).0, 1);
    }
}
