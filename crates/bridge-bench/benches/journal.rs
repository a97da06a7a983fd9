//! The journal beside an embedded store (redb), both with group commit, in one interleaved run.
//!
//! A writer makes a record of about 1 KiB safe, waits for it, adds a small one that nobody waits
//! for, and begins again. Printed are the time until a record is safe, and processor time and
//! written bytes for each record. `cargo bench -p bridge-bench --bench journal`.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]
#![expect(clippy::print_stdout, reason = "it prints its table")]

#[path = "journal/contender.rs"]
mod contender;
#[path = "journal/store.rs"]
mod store;

use std::fs;
use std::time::Duration;

use bridge_record::sample::ended;
use tokio::task::JoinSet;
use tokio::time::Instant;

use self::contender::{Contender, first};

/// How long one contender runs before the next one does.
const TURN: Duration = Duration::from_millis(200);
const ROUNDS: usize = 12;
const WRITERS: [usize; 3] = [1, 16, 128];
/// How long after the beginning of one sync the next may begin.
const INTERVALS: [Duration; 2] = [Duration::ZERO, Duration::from_millis(2)];
/// `/proc` counts processor time in hundredths of a second.
const TICK_MICROS: f64 = 10_000.0;

/// What was seen of one contender.
#[derive(Default)]
struct Seen {
    delays: Vec<Duration>,
    ticks: u64,
    written: u64,
}

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    println!(
        "{:<8} {:>8} {:>8} {:>9} {:>9} {:>9} {:>12} {:>14}",
        "", "interval", "writers", "records", "p50 us", "p99 us", "CPU us/rec", "bytes/rec"
    );
    for interval in INTERVALS {
        for writers in WRITERS {
            runtime.block_on(compare(interval, writers));
        }
    }
}

async fn compare(interval: Duration, writers: usize) {
    let folders = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let contenders = [
        Contender::journal(folders.0.path(), interval).await,
        Contender::store(folders.1.path(), interval),
    ];
    let mut seen = [Seen::default(), Seen::default()];
    for _ in 0..ROUNDS {
        for (contender, seen) in contenders.iter().zip(&mut seen) {
            turn(contender, writers, seen).await;
        }
    }
    for (contender, seen) in contenders.iter().zip(seen) {
        report(contender.name(), interval, writers, seen);
    }
}

async fn turn(contender: &Contender, writers: usize, seen: &mut Seen) {
    let (ticks, written) = (ticks(), written());
    let until = Instant::now() + TURN;
    let mut tasks = JoinSet::new();
    for _ in 0..writers {
        tasks.spawn(write(contender.clone(), until));
    }
    while let Some(delays) = tasks.join_next().await {
        seen.delays.extend(delays.unwrap());
    }
    seen.ticks += self::ticks() - ticks;
    seen.written += self::written() - written;
}

async fn write(contender: Contender, until: Instant) -> Vec<Duration> {
    let mut delays = Vec::new();
    while Instant::now() < until {
        let first = first();
        let last = ended(first.interception);
        let begun = Instant::now();
        contender.make_safe(first).await;
        delays.push(begun.elapsed());
        contender.add(last);
    }
    delays
}

fn report(name: &str, interval: Duration, writers: usize, mut seen: Seen) {
    seen.delays.sort_unstable();
    let rank = |share: usize| {
        let place = (seen.delays.len() - 1) * share / 100;
        seen.delays.get(place).unwrap().as_micros()
    };
    // Two records for each wait.
    let records = seen.delays.len() * 2;
    let each = |total: f64| total / records as f64;
    println!(
        "{name:<8} {:>6} ms {writers:>8} {records:>9} {:>9} {:>9} {:>12.1} {:>14.0}",
        interval.as_millis(),
        rank(50),
        rank(99),
        each(seen.ticks as f64 * TICK_MICROS),
        each(seen.written as f64),
    );
}

/// Processor time of this process, in ticks.
fn ticks() -> u64 {
    let text = fs::read_to_string("/proc/self/stat").unwrap();
    let (_, rest) = text.rsplit_once(')').unwrap();
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let field = |at: usize| fields.get(at).unwrap().parse::<u64>().unwrap();
    field(11) + field(12)
}

/// Bytes that this process had written to the disk.
fn written() -> u64 {
    let text = fs::read_to_string("/proc/self/io").unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes: "));
    line.unwrap().parse().unwrap()
}
