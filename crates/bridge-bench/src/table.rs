//! How the figures are shown.

use std::time::Duration;

use crate::process;
use crate::run::Measured;
use crate::samples::{Samples, count};

/// Above the lines.
pub(crate) fn head() -> String {
    let row = [
        "case",
        "conns",
        "direct/s",
        "through/s",
        "direct p50",
        "p99",
        "through p50",
        "p99",
        "added p50",
        "p99",
        "CPU/request",
        "CPU/event",
        "errors",
    ];
    let head = cells(&row.map(str::to_owned));
    let rule = "-".repeat(head.chars().count());
    format!("{head}\n{rule}")
}

/// One case.
pub(crate) fn line(measured: &Measured) -> String {
    let figures = Figures::of(measured);
    let delay = |delay: Option<u32>| delay.map_or_else(dash, |delay| micros(f64::from(delay)));
    let cpu = |cpu: Option<f64>| cpu.map_or_else(dash, micros);
    cells(&[
        measured.case.to_string(),
        measured.case.connections.to_string(),
        rate(measured.direct.per_second()),
        rate(measured.through.per_second()),
        delay(figures.direct.0),
        delay(figures.direct.1),
        delay(figures.through.0),
        delay(figures.through.1),
        added(figures.direct.0, figures.through.0),
        added(figures.direct.1, figures.through.1),
        cpu(figures.cpu_request),
        cpu(figures.cpu_event),
        (measured.direct.errors + measured.through.errors).to_string(),
    ])
}

/// Below the lines.
pub(crate) fn legend(idle: u64) -> String {
    format!(
        "Delays are to the last byte, of paced streams to the first. CPU is that of the gateway's \
         process, where it took 100 ms and more.\nMemory of the gateway at the start: {}",
        bytes(idle)
    )
}

/// What the table and the goals are made of.
pub(crate) struct Figures {
    /// Delays that half, and 99 of 100, stay below, in microseconds.
    pub(crate) direct: (Option<u32>, Option<u32>),
    pub(crate) through: (Option<u32>, Option<u32>),
    /// Microseconds of processor time.
    pub(crate) cpu_request: Option<f64>,
    pub(crate) cpu_event: Option<f64>,
}

impl Figures {
    pub(crate) fn of(measured: &Measured) -> Self {
        let delays = |samples: &Samples| {
            let mut samples = samples.clone();
            (samples.permille(500), samples.permille(990))
        };
        let time = process::time(measured.ticks)
            .as_ref()
            .map(Duration::as_secs_f64);
        let each =
            |number: u64| (number > 0).then(|| time.map(|time| time * 1e6 / count(number)))?;
        Self {
            direct: delays(&measured.direct),
            through: delays(&measured.through),
            cpu_request: each(measured.through.requests),
            cpu_event: each(measured.through.events),
        }
    }
}

fn dash() -> String {
    "-".to_owned()
}

fn rate(per_second: f64) -> String {
    let digits = if per_second < 100.0 { 1 } else { 0 };
    format!("{per_second:.digits$}")
}

/// Microseconds for people.
pub(crate) fn micros(micros: f64) -> String {
    match micros.abs() {
        small if small < 100.0 => format!("{micros:.1} us"),
        medium if medium < 10_000.0 => format!("{micros:.0} us"),
        large if large < 1e6 => format!("{:.1} ms", micros / 1e3),
        _ => format!("{:.2} s", micros / 1e6),
    }
}

/// Bytes for people.
pub(crate) fn bytes(bytes: u64) -> String {
    match bytes >> 10 {
        kib if kib < 1 << 10 => format!("{:.1} KiB", count(bytes) / 1024.0),
        kib => format!("{:.1} MiB", count(kib) / 1024.0),
    }
}

fn added(direct: Option<u32>, through: Option<u32>) -> String {
    match (direct, through) {
        (Some(direct), Some(through)) => micros(f64::from(through) - f64::from(direct)),
        (None, _) | (_, None) => dash(),
    }
}

fn cells(row: &[String; 13]) -> String {
    let widths = [26, 5, 9, 9, 10, 9, 11, 9, 9, 9, 11, 9, 6];
    let mut line = String::new();
    for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
        let cell = match at {
            0 => format!("{cell:<width$}"),
            _ => format!("  {cell:>width$}"),
        };
        line.push_str(&cell);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        let check = |given: f64, wanted: &str| assert_eq!(micros(given), wanted);
        check(7.25, "7.2 us");
        check(-7.0, "-7.0 us");
        check(812.3, "812 us");
        check(12_345.0, "12.3 ms");
        check(2_500_000.0, "2.50 s");
        assert_eq!(bytes(31 << 10), "31.0 KiB");
        assert_eq!(bytes(20 << 20), "20.0 MiB");
    }
}
