//! What the journal costs: the same requests through a gateway with one and through a gateway
//! without, in turns.

use std::error::Error;
use std::io::Write;
use std::time::Duration;

use crate::case::{Case, Effort, Stream};
use crate::flags::{Flags, Twin};
use crate::process::{self, Process};
use crate::run::Side;
use crate::samples::{Samples, count};
use crate::table::micros;

/// What the journal may add to the delay that 99 of 100 requests stay below, and to the processor
/// time of a request, in microseconds.
const MOST_P99: f64 = 5_000.0;
const MOST_CPU: f64 = 15.0;

/// A case, with and without.
#[derive(Debug)]
struct Cost {
    case: Case,
    without: Costs,
    with: Costs,
}

/// What was measured on one gateway.
#[derive(Debug, Default)]
struct Costs {
    samples: Samples,
    ticks: u64,
}

/// Microseconds: delays that half, and 99 of 100, stay below, and processor time of a request.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Figures {
    half: Option<f64>,
    most: Option<f64>,
    cpu: Option<f64>,
}

/// Measures all cases and prints them with their goals.
///
/// # Errors
/// When a gateway cannot be watched or reached, or a request failed.
pub(crate) async fn all(
    flags: &Flags,
    twin: &Twin,
    out: &mut impl Write,
) -> Result<(), Box<dyn Error>> {
    let mut costs = Vec::new();
    for case in cases() {
        let line = format!("journal, {case}, {} connections", case.connections);
        if flags
            .only
            .as_ref()
            .is_none_or(|only| line.contains(only.as_str()))
        {
            costs.push(one(flags, twin, case).await?);
        }
    }
    if costs.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nthe journal, off and on, in turns\n{}", head())?;
    for cost in &costs {
        writeln!(out, "{}", cost.line())?;
    }
    for line in costs.iter().flat_map(Cost::verdicts) {
        writeln!(out, "{line}")?;
    }
    let sides = costs.iter().flat_map(|cost| [&cost.without, &cost.with]);
    match sides
        .into_iter()
        .find_map(|side| side.samples.first_error.clone())
    {
        Some(first) => Err(format!("requests failed, the first with: {first}").into()),
        None => Ok(()),
    }
}

fn cases() -> Vec<Case> {
    let burst = Stream {
        events: 100,
        pace_ms: 0,
    };
    let mut cases = Vec::new();
    for stream in [None, Some(burst)] {
        cases.extend([1, 64].map(|connections| Case {
            body_bytes: 1 << 10,
            stream,
            connections,
        }));
    }
    cases
}

/// Both gateways in turns; who begins changes, so that neither always meets a warmer machine.
async fn one(flags: &Flags, twin: &Twin, case: Case) -> Result<Cost, Box<dyn Error>> {
    let effort = effort(flags.is_short);
    let body = flags.dialect.body(case.body_bytes, case.stream.is_some());
    let mut without = Side::new(&twin.target, case, flags, body.clone());
    let mut with = Side::new(&flags.gateway, case, flags, body);
    without.warm(effort).await?;
    with.warm(effort).await?;
    let (mut ticks_without, mut ticks_with) = (0, 0);
    for turn in 0..effort.turns {
        let is_first = turn % 2 == 0;
        if is_first {
            ticks_without += turned(&mut without, Process(twin.pid), effort).await?;
        }
        ticks_with += turned(&mut with, Process(flags.pid), effort).await?;
        if !is_first {
            ticks_without += turned(&mut without, Process(twin.pid), effort).await?;
        }
    }
    Ok(Cost {
        case,
        without: Costs {
            samples: without.samples,
            ticks: ticks_without,
        },
        with: Costs {
            samples: with.samples,
            ticks: ticks_with,
        },
    })
}

async fn turned(
    side: &mut Side<'_>,
    gateway: Process,
    effort: Effort,
) -> Result<u64, Box<dyn Error>> {
    let then = gateway.ticks()?;
    side.turn(effort).await?;
    Ok(gateway.ticks()?.since(then))
}

fn effort(is_short: bool) -> Effort {
    let (turns, turn_ms) = if is_short { (4, 350) } else { (8, 900) };
    Effort {
        turns,
        turn: Duration::from_millis(turn_ms),
        most: 100_000,
    }
}

impl Costs {
    fn figures(&self) -> Figures {
        let mut samples = self.samples.clone();
        let time = process::time(self.ticks).filter(|_| samples.requests > 0);
        Figures {
            half: samples.permille(500).map(f64::from),
            most: samples.permille(990).map(f64::from),
            cpu: time.map(|time| time.as_secs_f64() * 1e6 / count(samples.requests)),
        }
    }
}

impl Figures {
    fn less(self, other: Self) -> Self {
        let less = |one: Option<f64>, other: Option<f64>| Some(one? - other?);
        Self {
            half: less(self.half, other.half),
            most: less(self.most, other.most),
            cpu: less(self.cpu, other.cpu),
        }
    }

    fn cells(self) -> [String; 3] {
        [self.half, self.most, self.cpu].map(|figure| figure.map_or_else(|| "-".to_owned(), micros))
    }
}

impl Cost {
    fn added(&self) -> Figures {
        self.with.figures().less(self.without.figures())
    }

    fn line(&self) -> String {
        let (without, with) = (self.without.figures(), self.with.figures());
        let figures = [without, with, self.added()].map(Figures::cells);
        let mut cells = vec![self.case.to_string(), self.case.connections.to_string()];
        cells.extend(figures.into_iter().flatten());
        row(&cells)
    }

    fn verdicts(&self) -> Vec<String> {
        let added = self.added();
        let goals = [("p99", added.most, MOST_P99), ("CPU", added.cpu, MOST_CPU)];
        let lines = goals.into_iter().filter_map(|(what, got, most)| {
            let got = got?;
            let verdict = if got <= most { "met" } else { "MISSED" };
            let what = format!(
                "journal adds {what}: {}, {} connections",
                self.case, self.case.connections
            );
            let (got, most) = (micros(got), micros(most));
            Some(format!("{what:<52} {got:>10}  goal {most:>10}  {verdict}"))
        });
        lines.collect()
    }
}

fn head() -> String {
    let names = [
        "case",
        "conns",
        "off p50",
        "p99",
        "CPU/req",
        "on p50",
        "p99",
        "CPU/req",
        "added p50",
        "p99",
        "CPU/req",
    ];
    row(&names.map(str::to_owned))
}

fn row(cells: &[String]) -> String {
    let widths = [26, 5, 9, 9, 9, 9, 9, 9, 9, 9, 9];
    let mut line = String::new();
    for (at, (cell, width)) in cells.iter().zip(widths).enumerate() {
        line.push_str(&match at {
            0 => format!("{cell:<width$}"),
            _ => format!("  {cell:>width$}"),
        });
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn costs(delays: &[u32], ticks: u64) -> Costs {
        Costs {
            samples: Samples {
                requests: delays.len() as u64,
                delays: delays.to_vec(),
                ..Samples::default()
            },
            ticks,
        }
    }

    #[test]
    fn what_is_added_is_the_difference_and_has_a_goal() {
        let [case, ..] = cases()[..] else {
            panic!("there are cases");
        };
        let cost = Cost {
            case,
            without: costs(&[100; 10_000], 100),
            with: costs(&[9_000; 10_000], 110),
        };
        assert_eq!(cost.added().half, Some(8_900.0));
        let verdicts = cost.verdicts();
        assert!(verdicts[0].contains("p99") && verdicts[0].ends_with("MISSED"));
        assert!(verdicts[1].contains("CPU") && verdicts[1].ends_with("met"));
        assert!(cost.line().contains("8900 us"), "{}", cost.line());
    }
}
