//! Whether traffic can flow: yes, yes for now, or no; and why, since when and until when.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bridge_gateway::Gateway;
use bridge_rpc::{Channel, ConnectionState, Outage, RemoteAuthorizer};
use bridge_telemetry::{Metrics, Readiness as Level, wall_clock};
use jiff::Timestamp;
use serde::Serialize;
use tokio::time::{Instant, interval};

use super::gateways;
use super::last_set::{self, LastSet};
use super::recording::{Recording, RecordingTrouble};
use super::reload::Generations;
use super::reload_asks::Reloads;
use super::running::Pulse;

/// How often a start looks whether traffic flows.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Looks at everything that a request needs.
#[derive(Clone)]
pub(super) struct Readiness {
    pub(super) gateway: Gateway,
    pub(super) channel: Channel,
    pub(super) authorizer: Arc<RemoteAuthorizer>,
    pub(super) recording: Recording,
    pub(super) generations: Generations,
    pub(super) last_set: LastSet,
    /// Those who serve gateways of other machines, if there are any.
    pub(super) others: Option<Pulse>,
    /// Absent when there is no configuration to read again.
    pub(super) reloads: Option<Reloads>,
}

/// One of three answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// Everything is as it should be.
    Ready,
    /// Traffic flows, and somebody should look.
    Degraded,
    /// Traffic does not flow.
    NotReady,
}

/// What `/readyz` says.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Report {
    /// The worst state of all reasons.
    pub(super) state: State,
    /// What is not as it should be.
    pub(super) reasons: Vec<Reason>,
}

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Reason {
    /// What it does to traffic.
    pub(super) state: State,
    /// A closed name.
    pub(super) what: &'static str,
    /// The same for people, with what is known of it.
    pub(super) text: String,
    /// Since when, if that is known.
    pub(super) since: Option<Timestamp>,
    /// Until when traffic flows in spite of it, if that has an end.
    pub(super) until: Option<Timestamp>,
}

impl Reason {
    pub(super) fn new(state: State, what: &'static str, text: impl Into<String>) -> Self {
        Self {
            state,
            what,
            text: text.into(),
            since: None,
            until: None,
        }
    }

    pub(super) fn since(mut self, since: Option<Timestamp>) -> Self {
        self.since = since;
        self
    }

    fn until(mut self, until: Option<Timestamp>) -> Self {
        self.until = until;
        self
    }
}

/// A time as reasons tell it, in whole seconds. Nothing before the year -9999 and after 9999.
pub(super) fn to_the_second(time: SystemTime) -> Option<Timestamp> {
    let time = Timestamp::try_from(time).ok()?;
    Timestamp::from_second(time.as_second()).ok()
}

impl Report {
    pub(super) fn new(reasons: Vec<Reason>) -> Self {
        let states = reasons.iter().map(|reason| reason.state);
        Self {
            state: states.max().unwrap_or(State::Ready),
            reasons,
        }
    }
}

impl IntoResponse for Report {
    fn into_response(self) -> Response {
        let status = match self.state {
            State::Ready | State::Degraded => StatusCode::OK,
            State::NotReady => StatusCode::SERVICE_UNAVAILABLE,
        };
        (status, Json(self)).into_response()
    }
}

impl Readiness {
    pub(super) fn report(&self) -> Report {
        let mut reasons = Vec::new();
        if self.gateway.is_draining() {
            let text = "the gateway is shutting down";
            reasons.push(Reason::new(State::NotReady, "draining", text));
        } else if !self.gateway.is_serving() {
            let text = "no set of providers has come yet";
            reasons.push(Reason::new(State::NotReady, "no_providers", text));
        }
        let moment = Moment::now();
        reasons.extend(control_plane(
            &self.channel.state(),
            self.authorizer.outage(),
            moment,
        ));
        let others = self.others.as_ref();
        reasons.extend(others.and_then(|others| gateways::trouble(others, State::Degraded)));
        reasons.extend(self.last_set.trouble());
        reasons.extend(last_set::unusable(&self.gateway));
        reasons.extend(self.reloads.as_ref().and_then(Reloads::trouble));
        reasons.extend(self.recording.troubles().into_iter().map(journal));
        Report::new(reasons)
    }

    /// Waits until traffic can flow.
    pub(super) async fn flows(&self) {
        let mut looks = interval(LOOK_EVERY);
        loop {
            looks.tick().await;
            if self.report().state != State::NotReady {
                return;
            }
        }
    }

    /// Brings the gauges up to date.
    pub(super) fn measure(&self, metrics: &Metrics) {
        let is_connected = matches!(self.channel.state(), ConnectionState::Connected { .. });
        let now = Instant::now();
        let grace_left = self
            .authorizer
            .outage()
            .map(|outage| outage.until.saturating_duration_since(now));
        let grants = self.authorizer.stats().entries;
        self.generations.measure();
        metrics.requests_running(self.gateway.running());
        metrics.front_callers(self.gateway.known_callers());
        metrics.control_plane_seen(is_connected, grace_left, grants);
        metrics.readiness(match self.report().state {
            State::Ready => Level::Ready,
            State::Degraded => Level::Degraded,
            State::NotReady => Level::NotReady,
        });
    }
}

/// A moment on both clocks.
#[derive(Clone, Copy)]
struct Moment {
    now: Instant,
    wall: Timestamp,
}

impl Moment {
    fn now() -> Self {
        Self {
            now: Instant::now(),
            wall: Timestamp::try_from(wall_clock()).unwrap_or(Timestamp::UNIX_EPOCH),
        }
    }

    /// The time of day of an instant, in whole seconds.
    fn wall(self, then: Instant) -> Option<Timestamp> {
        let ms = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        let offset = match then.checked_duration_since(self.now) {
            Some(ahead) => ms(ahead),
            None => -ms(self.now.duration_since(then)),
        };
        // Rounded once and at the end, so that two times are as far apart as their instants.
        let ms = self.wall.as_millisecond().saturating_add(offset);
        Timestamp::from_second(ms.div_euclid(1_000)).ok()
    }
}

fn control_plane(
    state: &ConnectionState,
    outage: Option<Outage>,
    moment: Moment,
) -> Option<Reason> {
    if let ConnectionState::Fatal { reason, .. } = state {
        let text = format!("the control plane refused this gateway: {reason}");
        return Some(Reason::new(State::NotReady, "refused", text));
    }
    let outage = outage?;
    let (since, until) = (moment.wall(outage.since), moment.wall(outage.until));
    let reason = if moment.now < outage.until {
        let text = "the control plane is away: callers whom it confirmed earlier are let in";
        Reason::new(State::Degraded, "control_plane_away", text).until(until)
    } else if outage.has_grace() {
        let text = "the control plane is away and the grace is over: nobody is let in";
        Reason::new(State::NotReady, "grace_over", text).until(until)
    } else {
        let text = match state {
            ConnectionState::Connecting { attempts, .. } => {
                format!("no control plane, {attempts} attempts failed")
            }
            ConnectionState::Connected { .. } | ConnectionState::Fatal { .. } => {
                "the control plane does not answer".to_owned()
            }
        };
        Reason::new(State::NotReady, "no_control_plane", text)
    };
    Some(reason.since(since))
}

fn journal(trouble: RecordingTrouble) -> Reason {
    let state = if trouble.refuses {
        State::NotReady
    } else {
        State::Degraded
    };
    Reason::new(state, "journal", trouble.reason).since(trouble.since.and_then(to_the_second))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    /// How an outage is told that began at second 100 of this process, at 1,000 on the wall.
    fn check(grace: u64, age: u64, expected: Option<(State, &str, i64, Option<i64>)>) {
        let start = Instant::now();
        let outage = Outage {
            since: start + seconds(100),
            until: start + seconds(100 + grace),
        };
        let moment = Moment {
            now: start + seconds(100 + age),
            wall: Timestamp::from_second(1_000 + i64::try_from(age).unwrap()).unwrap(),
        };
        let state = ConnectionState::Connecting {
            since: outage.since,
            attempts: 3,
        };
        let found = control_plane(&state, Some(outage), moment);
        let found = found.as_ref().map(|reason| {
            let second = |time: Timestamp| time.as_second();
            let since = reason.since.map(second).unwrap();
            (reason.state, reason.what, since, reason.until.map(second))
        });
        assert_eq!(found, expected, "{grace} {age}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_told_with_its_beginning_and_its_end() {
        let away = (State::Degraded, "control_plane_away", 1_000, Some(1_600));
        let over = (State::NotReady, "grace_over", 1_000, Some(1_600));
        check(600, 0, Some(away));
        check(600, 599, Some(away));
        check(600, 600, Some(over));
        check(600, 9_000, Some(over));
        let none = (State::NotReady, "no_control_plane", 1_000, None);
        check(0, 0, Some(none));
        check(0, 50, Some(none));
    }

    #[tokio::test(start_paused = true)]
    async fn times_are_as_far_apart_as_their_instants() {
        let now = Instant::now();
        for (before, after) in [(0, 1_000), (1, 999), (700, 300), (999, 1)] {
            let moment = Moment {
                now,
                wall: Timestamp::from_millisecond(50_400).unwrap(),
            };
            let since = moment.wall(now - Duration::from_millis(before)).unwrap();
            let until = moment.wall(now + Duration::from_millis(after)).unwrap();
            let apart = until.as_second() - since.as_second();
            assert_eq!(apart, 1, "{before} {after}");
        }
    }

    #[test]
    fn the_worst_reason_decides() {
        let reason = |state| Reason::new(state, "what", "text");
        let check = |states: &[State], state, status| {
            let report = Report::new(states.iter().copied().map(reason).collect());
            assert_eq!(report.state, state, "{states:?}");
            assert_eq!(report.into_response().status(), status, "{states:?}");
        };
        use State::{Degraded, NotReady, Ready};
        check(&[], Ready, StatusCode::OK);
        check(&[Degraded, Degraded], Degraded, StatusCode::OK);
        let no = StatusCode::SERVICE_UNAVAILABLE;
        check(&[Degraded, NotReady, Degraded], NotReady, no);
    }

    #[test]
    fn the_body_is_what_the_page_for_operators_says() {
        let since = Timestamp::from_second(1_795_521_600).ok();
        let reason = Reason::new(State::Degraded, "journal", "it fails").since(since);
        let body = serde_json::to_value(Report::new(vec![reason])).unwrap();
        let expected = serde_json::json!({
            "state": "degraded",
            "reasons": [{
                "state": "degraded", "what": "journal", "text": "it fails",
                "since": "2026-11-24T12:00:00Z", "until": null,
            }],
        });
        assert_eq!(body, expected);
    }
}
