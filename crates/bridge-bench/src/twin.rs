//! What one thing costs: the same requests through a gateway without it and through a gateway with
//! it, in turns.

use std::error::Error;
use std::io::Write;
use std::time::Duration;

use crate::case::{Case, Effort, Stream};
use crate::flags::{Flags, Twins};
use crate::process::{self, Process};
use crate::run::Side;
use crate::samples::{Samples, count};
use crate::table::micros;
use crate::target::Target;

/// Two gateways that differ in one thing.
struct Pair<'f> {
    /// What it is.
    thing: &'static str,
    without: (&'f Target, u32),
    with: (&'f Target, u32),
    cases: Vec<Case>,
    /// What it may add to the delay that 99 of 100 requests stay below, and to the processor time
    /// of a request, in microseconds.
    most_p99: f64,
    most_cpu: f64,
}

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

/// Measures all cases of all pairs and prints them with their goals.
///
/// # Errors
/// When a gateway cannot be watched or reached, or a request failed.
pub(crate) async fn all(flags: &Flags, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    for pair in pairs(flags) {
        measure(flags, &pair, out).await?;
    }
    Ok(())
}

fn pairs(flags: &Flags) -> Vec<Pair<'_>> {
    let Twins {
        journal,
        empty,
        tools,
    } = &flags.twins;
    let own = (&flags.gateway, flags.pid);
    let burst = Stream {
        events: 100,
        pace_ms: 0,
    };
    let pair = |thing, without, with, cases, most_p99, most_cpu| Pair {
        thing,
        without,
        with,
        cases,
        most_p99,
        most_cpu,
    };
    let mut pairs = Vec::new();
    if let Some(twin) = journal {
        let without = (&twin.target, twin.pid);
        let cases = cases(&[(1, None), (1, Some(burst))]);
        pairs.push(pair("the journal", without, own, cases, 5_000.0, 15.0));
    }
    // The two steps that the clock of the system knows in a run are about five microseconds of a
    // request: what is below cannot be told from nothing.
    if let Some(twin) = empty {
        let with = (&twin.target, twin.pid);
        let cases = cases(&[(1, None), (200, None)]);
        let thing = "a tool server without tools";
        pairs.push(pair(thing, own, with, cases, 5_000.0, 5.0));
    }
    if let Some(twin) = tools {
        let with = (&twin.target, twin.pid);
        let cases = cases(&[(1, None), (200, None)]);
        pairs.push(pair("fifty tools", own, with, cases, 5_000.0, 100.0));
    }
    pairs
}

async fn measure(
    flags: &Flags,
    pair: &Pair<'_>,
    out: &mut impl Write,
) -> Result<(), Box<dyn Error>> {
    let mut costs = Vec::new();
    for case in pair.cases.iter().copied() {
        let line = format!("{}, {case}, {} connections", pair.thing, case.connections);
        let only = flags.only.as_ref();
        if only.is_none_or(|only| line.contains(only.as_str())) {
            costs.push(one(flags, pair, case).await?);
        }
    }
    if costs.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}, off and on, in turns\n{}", pair.thing, head())?;
    for cost in &costs {
        writeln!(out, "{}", cost.line())?;
    }
    for line in costs.iter().flat_map(|cost| cost.verdicts(pair)) {
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

fn cases(kinds: &[(usize, Option<Stream>)]) -> Vec<Case> {
    let one = |(kib, stream): &(usize, Option<Stream>)| {
        let (body_bytes, stream) = (kib << 10, *stream);
        [1, 64].map(|connections| Case {
            body_bytes,
            stream,
            connections,
        })
    };
    kinds.iter().flat_map(one).collect()
}

/// Both gateways in turns; who begins changes, so that neither always meets a warmer machine.
async fn one(flags: &Flags, pair: &Pair<'_>, case: Case) -> Result<Cost, Box<dyn Error>> {
    let effort = effort(flags.is_short);
    let body = flags.dialect.body(case.body_bytes, case.stream.is_some());
    let mut without = Side::new(pair.without.0, case, flags, body.clone());
    let mut with = Side::new(pair.with.0, case, flags, body);
    without.warm(effort).await?;
    with.warm(effort).await?;
    let (mut ticks_without, mut ticks_with) = (0, 0);
    for turn in 0..effort.turns {
        let is_first = turn % 2 == 0;
        if is_first {
            ticks_without += turned(&mut without, Process(pair.without.1), effort).await?;
        }
        ticks_with += turned(&mut with, Process(pair.with.1), effort).await?;
        if !is_first {
            ticks_without += turned(&mut without, Process(pair.without.1), effort).await?;
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

    fn verdicts(&self, pair: &Pair<'_>) -> Vec<String> {
        let added = self.added();
        let goals = [
            ("p99", added.most, pair.most_p99),
            ("CPU", added.cpu, pair.most_cpu),
        ];
        let lines = goals.into_iter().filter_map(|(what, got, most)| {
            let got = got?;
            let verdict = if got <= most { "met" } else { "MISSED" };
            let what = format!(
                "{} adds {what}: {}, {} connections",
                pair.thing, self.case, self.case.connections
            );
            let (got, most) = (micros(got), micros(most));
            Some(format!("{what:<64} {got:>10}  goal {most:>10}  {verdict}"))
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
    use crate::flags::Twin;
    use crate::target::Dialect;

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

    fn a_twin(port: u16) -> Option<Twin> {
        let base = format!("http://127.0.0.1:{port}");
        Some(Twin {
            target: Target::try_new(&base, Dialect::Anthropic, "k").unwrap(),
            pid: u32::from(port),
        })
    }

    fn flags() -> Flags {
        let line = "--direct http://127.0.0.1:1 --gateway http://127.0.0.1:2 --key k --pid 2";
        let words = line.split(' ').map(str::to_owned);
        let mut flags = crate::flags::parse(words).unwrap().unwrap();
        flags.twins = Twins {
            journal: a_twin(3),
            empty: a_twin(4),
            tools: a_twin(5),
        };
        flags
    }

    #[test]
    fn each_pair_knows_who_has_the_thing() {
        let flags = flags();
        let pids: Vec<_> = pairs(&flags)
            .iter()
            .map(|pair| (pair.without.1, pair.with.1))
            .collect();
        assert_eq!(pids, [(3, 2), (2, 4), (2, 5)]);
    }

    #[test]
    fn what_is_added_is_the_difference_and_has_a_goal() {
        let flags = flags();
        let pairs = pairs(&flags);
        let cost = Cost {
            case: pairs[0].cases[0],
            without: costs(&[100; 10_000], 100),
            with: costs(&[9_000; 10_000], 110),
        };
        assert_eq!(cost.added().half, Some(8_900.0));
        let verdicts = cost.verdicts(&pairs[0]);
        assert!(verdicts[0].contains("p99") && verdicts[0].ends_with("MISSED"));
        assert!(verdicts[1].contains("CPU") && verdicts[1].ends_with("met"));
        assert!(cost.line().contains("8900 us"), "{}", cost.line());
    }
}
