//! What the gateway is to reach on a machine of two cores, with everything on.

use crate::run::Measured;
use crate::table::{Figures, bytes, micros};

/// A goal and the figure that was reached.
struct Goal {
    what: &'static str,
    most: f64,
    got: Option<f64>,
    shown: fn(f64) -> String,
}

/// A line for each goal. What was not measured has no line.
pub(crate) fn lines(measured: &[Measured], idle: u64) -> Vec<String> {
    all(measured, idle).iter().filter_map(Goal::line).collect()
}

impl Goal {
    fn line(&self) -> Option<String> {
        let got = self.got?;
        let verdict = if got <= self.most { "met" } else { "MISSED" };
        let (got, most) = ((self.shown)(got), (self.shown)(self.most));
        Some(format!(
            "{:<52} {got:>10}  goal {most:>10}  {verdict}",
            self.what
        ))
    }
}

fn all(measured: &[Measured], idle: u64) -> Vec<Goal> {
    let size = |value: f64| bytes(whole(value));
    let goal = |what, most, got| Goal {
        what,
        most,
        got,
        shown: micros,
    };
    let request = |kib: usize| {
        let ones = measured.iter().filter(move |one| {
            one.case.stream.is_none()
                && one.case.body_bytes == kib << 10
                && one.case.connections == 64
        });
        ones.filter_map(|one| Figures::of(one).cpu_request).next()
    };
    let stream = |events: usize, is_paced: bool| {
        let is_it = move |one: &&Measured| {
            let stream = one.case.stream;
            one.case.is_paced() == is_paced && stream.is_some_and(|stream| stream.events >= events)
        };
        measured.iter().filter(is_it)
    };
    let burst = stream(100, false).find(|one| one.case.connections == 64);
    let first = measured.iter().find(|one| {
        one.case.stream.is_none() && one.case.body_bytes == 1 << 10 && one.case.connections == 1
    });
    let added = first.and_then(|one| {
        let figures = Figures::of(one);
        Some(f64::from(figures.through.0?) - f64::from(figures.direct.0?))
    });
    let memory = measured.iter().find_map(|one| one.stream_bytes);
    let paced = stream(1, true).find_map(|one| Figures::of(one).cpu_event);
    vec![
        goal(
            "CPU for a request of 1 KiB, 64 connections",
            70.0,
            request(1),
        ),
        goal(
            "CPU for a request of 200 KiB, 64 connections",
            200.0,
            request(200),
        ),
        goal("CPU for an event of a paced stream", 12.0, paced),
        goal(
            "CPU for a burst of 100 events, 64 connections",
            200.0,
            burst.and_then(|one| Figures::of(one).cpu_request),
        ),
        goal("added p50 at one connection, 1 KiB", 120.0, added),
        Goal {
            what: "memory for an open stream",
            most: 32.0 * 1024.0,
            got: memory.map(crate::samples::count),
            shown: size,
        },
        Goal {
            what: "memory at rest",
            most: 20.0 * 1024.0 * 1024.0,
            got: Some(crate::samples::count(idle)),
            shown: size,
        },
    ]
}

/// A size that was a number to divide.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sizes here lie between nothing and a few gigabytes"
)]
fn whole(value: f64) -> u64 {
    value as u64
}
