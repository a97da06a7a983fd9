//! What a simulated provider remembers: requests, and how answers ended. Both are bounded.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::{HeaderMap, Method};
use parking_lot::Mutex;

use crate::ledger_file::{LedgerFile, Line};

/// How many prompts with `times` are counted at once.
const PROMPTS: usize = 1024;

/// A request as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its method.
    pub method: Method,
    /// Its path and query, as they were written.
    pub target: String,
    /// All its headers. Values that hold a credential are marked as sensitive, so that `Debug`
    /// does not print them.
    pub headers: HeaderMap,
    /// SHA-256 of the body as it travelled, in hexadecimal.
    pub body_sha256: String,
    /// Size of the body as it travelled.
    pub body_bytes: usize,
    /// The body as it travelled, when [`keep_bodies`](crate::SimulateConfig::keep_bodies) says so.
    pub body: Option<Bytes>,
    /// The id of the answer, when it has one.
    pub response_id: Option<String>,
}

/// How answers ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ends {
    /// Written to the last byte, as far as the provider can tell.
    pub finished: u64,
    /// The caller went away before the end, or the request had ordered it.
    pub broken_off: u64,
}

/// The memory.
#[derive(Debug)]
pub(crate) struct Ledger {
    keep: usize,
    requests: AtomicU64,
    finished: AtomicU64,
    broken_off: AtomicU64,
    kept: Mutex<Kept>,
    /// How often a prompt was seen, oldest first.
    prompts: Mutex<VecDeque<(u64, u32)>>,
    file: Option<LedgerFile>,
}

#[derive(Debug, Default)]
struct Kept {
    seen: VecDeque<Seen>,
    ends: HashMap<String, Ends>,
    order: VecDeque<String>,
}

impl Ledger {
    pub(crate) fn new(keep: usize, file: Option<LedgerFile>) -> Self {
        Self {
            keep,
            requests: AtomicU64::new(0),
            finished: AtomicU64::new(0),
            broken_off: AtomicU64::new(0),
            kept: Mutex::default(),
            prompts: Mutex::default(),
            file,
        }
    }

    pub(crate) fn keeps(&self) -> bool {
        self.keep > 0
    }

    /// Counts a request and says how many were before it.
    pub(crate) fn count(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed)
    }

    /// The file that the ledger is written to, if there is one.
    pub(crate) fn file(&self) -> Option<&LedgerFile> {
        self.file.as_ref()
    }

    pub(crate) fn saw(&self, seen: Seen) {
        let mut kept = self.kept.lock();
        if kept.seen.len() >= self.keep {
            kept.seen.pop_front();
        }
        kept.seen.push_back(seen);
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.kept.lock().seen.iter().cloned().collect()
    }

    pub(crate) fn ended(&self, id: String, is_finished: bool) {
        let count = match is_finished {
            true => &self.finished,
            false => &self.broken_off,
        };
        count.fetch_add(1, Ordering::Relaxed);
        if let Some(file) = &self.file {
            file.write(&Line::Ended {
                response_id: &id,
                finished: is_finished,
            });
        }
        if !self.keeps() {
            return;
        }
        let kept = &mut *self.kept.lock();
        if !kept.ends.contains_key(&id) {
            if kept.order.len() >= self.keep
                && let Some(oldest) = kept.order.pop_front()
            {
                kept.ends.remove(&oldest);
            }
            kept.order.push_back(id.clone());
        }
        let ends = kept.ends.entry(id).or_default();
        match is_finished {
            true => ends.finished += 1,
            false => ends.broken_off += 1,
        }
    }

    pub(crate) fn ends(&self) -> Ends {
        Ends {
            finished: self.finished.load(Ordering::Relaxed),
            broken_off: self.broken_off.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn ends_of(&self, id: &str) -> Ends {
        self.kept.lock().ends.get(id).copied().unwrap_or_default()
    }

    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// How often this prompt was seen before.
    pub(crate) fn times(&self, prompt: u64) -> u32 {
        let mut prompts = self.prompts.lock();
        if let Some((_, times)) = prompts.iter_mut().find(|(known, _)| *known == prompt) {
            *times = times.saturating_add(1);
            return *times - 1;
        }
        if prompts.len() >= PROMPTS {
            prompts.pop_front();
        }
        prompts.push_back((prompt, 1));
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_counted_per_answer_and_bounded() {
        let ledger = Ledger::new(2, None);
        for (id, is_finished) in [("a", true), ("b", true), ("b", false), ("c", true)] {
            ledger.ended(id.to_owned(), is_finished);
        }
        let ends = |finished, broken_off| Ends {
            finished,
            broken_off,
        };
        assert_eq!(ledger.ends(), ends(3, 1));
        assert_eq!(ledger.ends_of("a"), ends(0, 0), "the oldest is forgotten");
        assert_eq!(ledger.ends_of("b"), ends(1, 1));
        assert_eq!(ledger.ends_of("c"), ends(1, 0));
    }

    #[test]
    fn prompts_are_counted_and_bounded() {
        let ledger = Ledger::new(0, None);
        assert_eq!(
            [ledger.times(1), ledger.times(1), ledger.times(2)],
            [0, 1, 0]
        );
        for other in 0..u64::try_from(PROMPTS).unwrap() {
            ledger.times(100 + other);
        }
        assert_eq!(ledger.times(1), 0, "the oldest is forgotten");
    }
}
