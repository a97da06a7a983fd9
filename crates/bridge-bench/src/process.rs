//! The gateway's processor time and memory, from `/proc` (proc(5)).

use std::path::PathBuf;
use std::time::Duration;

/// Linux counts processor time in hundredths of a second wherever it shows it (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// Below this many ticks a figure would be mostly rounding.
const FEWEST_TICKS: u64 = 10;

/// A process that is watched.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process(pub(crate) u32);

/// Why a process cannot be watched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProcessError {
    #[error("cannot read {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{} has another form than proc(5) says", path.display())]
    Form { path: PathBuf },
}

/// Processor time of all threads, in ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticks(u64);

impl Process {
    pub(crate) fn ticks(self) -> Result<Ticks, ProcessError> {
        self.read("stat", |text| Some(Ticks(ticks(text)?)))
    }

    /// Resident memory in bytes.
    pub(crate) fn resident(self) -> Result<u64, ProcessError> {
        self.read("status", resident)
    }

    fn read<T>(self, file: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, ProcessError> {
        let path = PathBuf::from(format!("/proc/{}/{file}", self.0));
        match std::fs::read_to_string(&path) {
            Ok(text) => parse(&text).ok_or(ProcessError::Form { path }),
            Err(source) => Err(ProcessError::Read { path, source }),
        }
    }
}

impl Ticks {
    /// The ticks since then.
    pub(crate) fn since(self, then: Self) -> u64 {
        self.0.saturating_sub(then.0)
    }
}

/// The time of so many ticks, when they are enough to tell.
pub(crate) fn time(ticks: u64) -> Option<Duration> {
    let ticks = u32::try_from(ticks).ok()?;
    (u64::from(ticks) >= FEWEST_TICKS).then(|| TICK * ticks)
}

/// `utime` and `stime`, the 14th and 15th fields. The second may hold blanks and brackets.
fn ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

fn resident(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_proc_are_read() {
        let stat = "7 (a (b) c) S 1 1 1 0 -1 0 10 11 12 13 250 50 0 0 20 0 4 0 100";
        assert_eq!(ticks(stat), Some(300));
        assert_eq!(ticks("7 (a) S 1"), None);
        let status = "Name:\ta\nVmRSS:\t   20480 kB\nThreads:\t1\n";
        assert_eq!(resident(status), Some(20 << 20));
        assert_eq!(resident("Name:\ta\n"), None);
    }

    #[test]
    fn this_process_can_be_watched() {
        let this = Process(std::process::id());
        assert!(this.resident().unwrap() > 1 << 16);
        let before = this.ticks().unwrap();
        assert_eq!(before.since(before), 0);
    }

    #[test]
    fn few_ticks_are_no_time() {
        assert_eq!(time(9), None);
        assert_eq!(time(10), Some(Duration::from_millis(100)));
    }
}
