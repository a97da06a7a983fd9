//! Where the time of one request goes: a clock for each part of it.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::Instant;

/// A part of a request's time. Together they are all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// Finding out whose credential it is, and whether they may use the model.
    Auth,
    /// Waiting for a handler from the pool.
    Pool,
    /// Waiting for the caller to send the body.
    Body,
    /// Waiting until records are safe: before anything leaves, and before the last bytes go on.
    Journal,
    /// Opening a connection to the provider. Nothing when one was open.
    Connect,
    /// From the request to the provider's first word.
    FirstByte,
    /// Waiting for tool servers to open, and for the calls of injected tools.
    Tools,
    /// What is left until the head of the answer goes out: the gateway's own work.
    Gateway,
    /// From then on to the answer's last byte, as fast as the provider writes and the caller reads.
    Relay,
}

impl Part {
    /// All of them, in the order in which they come.
    pub const ALL: [Self; 9] = [
        Self::Auth,
        Self::Pool,
        Self::Body,
        Self::Journal,
        Self::Connect,
        Self::FirstByte,
        Self::Tools,
        Self::Gateway,
        Self::Relay,
    ];

    /// The word for it in labels and headers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Pool => "pool",
            Self::Body => "body",
            Self::Journal => "journal",
            Self::Connect => "connect",
            Self::FirstByte => "first_byte",
            Self::Tools => "tools",
            Self::Gateway => "gateway",
            Self::Relay => "relay",
        }
    }
}

/// How long each part of one request took until now. Parts may be added to from several tasks.
#[derive(Debug, Default)]
pub struct Parts {
    auth: Clock,
    pool: Clock,
    body: Clock,
    journal: Clock,
    connect: Clock,
    first_byte: Clock,
    tools: Clock,
    gateway: Clock,
    relay: Clock,
}

/// Nanoseconds; zero is a part that did not happen.
#[derive(Debug, Default)]
struct Clock(AtomicU64);

impl Parts {
    fn clock(&self, part: Part) -> &AtomicU64 {
        let clock = match part {
            Part::Auth => &self.auth,
            Part::Pool => &self.pool,
            Part::Body => &self.body,
            Part::Journal => &self.journal,
            Part::Connect => &self.connect,
            Part::FirstByte => &self.first_byte,
            Part::Tools => &self.tools,
            Part::Gateway => &self.gateway,
            Part::Relay => &self.relay,
        };
        &clock.0
    }

    /// This part took this much longer.
    pub fn add(&self, part: Part, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.clock(part).fetch_add(nanos.max(1), Ordering::Relaxed);
    }

    /// So much of what one part took belongs to another.
    pub fn shift(&self, from: Part, to: Part, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        if nanos > 0 {
            let less = |known: u64| Some(known.saturating_sub(nanos).max(1));
            // It always gives a value, so it cannot fail.
            let _known = self
                .clock(from)
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
            self.add(to, time);
        }
    }

    /// How long a part took until now, if it happened.
    #[must_use]
    pub fn of(&self, part: Part) -> Option<Duration> {
        let nanos = self.clock(part).load(Ordering::Relaxed);
        (nanos > 0).then(|| Duration::from_nanos(nanos))
    }

    /// All parts that happened, in their order.
    pub fn all(&self) -> impl Iterator<Item = (Part, Duration)> {
        Part::ALL
            .into_iter()
            .filter_map(|part| Some((part, self.of(part)?)))
    }

    /// What all parts together leave of a span goes to this one.
    pub fn add_rest(&self, part: Part, span: Duration) {
        let known = self.all().map(|(_, time)| time).sum();
        self.add(part, span.saturating_sub(known));
    }

    /// Waits, on the clock of a part, which runs from this call on. What was waited counts, too, when
    /// the future is dropped. It holds the work once: an `async` function would hold it as its
    /// argument and as what it awaits.
    pub fn timed<F: Future>(
        &self,
        part: Part,
        work: F,
    ) -> impl Future<Output = F::Output> + use<'_, F> {
        let running = Running {
            parts: self,
            part,
            since: Instant::now(),
        };
        work.map(move |output| {
            drop(running);
            output
        })
    }
}

/// A clock that runs until it is dropped.
struct Running<'p> {
    parts: &'p Parts,
    part: Part,
    since: Instant,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.parts.add(self.part, self.since.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::{sleep, timeout};

    use super::*;

    const fn ms(number: u64) -> Duration {
        Duration::from_millis(number)
    }

    #[tokio::test(start_paused = true)]
    async fn parts_are_all_of_the_time() {
        let (parts, start) = (Parts::default(), Instant::now());
        parts.timed(Part::Auth, sleep(ms(3))).await;
        parts.timed(Part::Journal, sleep(ms(5))).await;
        sleep(ms(2)).await;
        parts.add_rest(Part::Gateway, start.elapsed());
        parts.timed(Part::Journal, sleep(ms(7))).await;
        sleep(ms(100)).await;
        parts.add_rest(Part::Relay, start.elapsed());
        let all: Vec<_> = parts.all().collect();
        let expected = [
            (Part::Auth, ms(3)),
            (Part::Journal, ms(12)),
            (Part::Gateway, ms(2)),
            (Part::Relay, ms(100)),
        ];
        assert_eq!(all, expected);
        assert_eq!(parts.of(Part::Pool), None);
        parts.shift(Part::Journal, Part::Connect, ms(4));
        parts.shift(Part::Journal, Part::Pool, Duration::ZERO);
        let moved = [Part::Journal, Part::Connect, Part::Pool].map(|part| parts.of(part));
        assert_eq!(moved, [Some(ms(8)), Some(ms(4)), None]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_waited_before_a_drop_counts() {
        let parts = Parts::default();
        let waiting = parts.timed(Part::FirstByte, pending::<()>());
        timeout(ms(40), waiting).await.unwrap_err();
        assert_eq!(parts.of(Part::FirstByte), Some(ms(40)));
    }

    #[test]
    fn timed_work_is_held_once() {
        let parts = Parts::default();
        let work = async {
            let held = [7_u8; 4_096];
            pending::<()>().await;
            held.len()
        };
        let alone = size_of_val(&work);
        let timed = size_of_val(&parts.timed(Part::Auth, work));
        assert!(timed <= alone + 64, "{timed} bytes for {alone}");
    }

    #[test]
    fn a_part_that_took_no_time_happened() {
        let parts = Parts::default();
        parts.add(Part::Pool, Duration::ZERO);
        assert_eq!(parts.of(Part::Pool), Some(Duration::from_nanos(1)));
    }
}
