//! Records that wait in segments: read again when memory does not have them any more.

use std::collections::VecDeque;
use std::fs;
use std::io;

use super::folder::Folder;
use super::recover::Stretch;
use super::scan::{FaultKind, scan};
use crate::delivery::weight;
use crate::{BatcherConfig, Record};

/// The segment that is being delivered.
#[derive(Debug)]
pub(super) struct Backlog {
    folder: Folder,
    loaded: Option<Loaded>,
}

#[derive(Debug)]
struct Loaded {
    stretch: Stretch,
    records: VecDeque<(u64, Record)>,
}

/// A part of a segment.
#[derive(Debug)]
pub(super) struct Portion {
    pub(super) records: Vec<Record>,
    /// The sequence number behind which to go on.
    pub(super) position: u64,
    /// What turned out to be wrong with the segment.
    pub(super) fault: Option<BacklogFault>,
}

/// Why records of a segment are passed over.
#[derive(Debug, thiserror::Error)]
pub(super) enum BacklogFault {
    #[error("the segment cannot be read")]
    Unreadable(#[source] io::Error),
    #[error(transparent)]
    Damaged(FaultKind),
}

impl Backlog {
    pub(super) fn new(folder: Folder) -> Self {
        Self {
            folder,
            loaded: None,
        }
    }

    /// The next records of `stretch` after `position`, as many as fit into a batch; none when
    /// there are none any more.
    pub(super) fn next(
        &mut self,
        stretch: Stretch,
        position: u64,
        limits: &BatcherConfig,
    ) -> Portion {
        let is_loaded = self
            .loaded
            .as_ref()
            .is_some_and(|loaded| loaded.stretch == stretch);
        let mut fault = None;
        if !is_loaded {
            let (records, found) = self.load(stretch, position);
            fault = found;
            self.loaded = Some(Loaded { stretch, records });
        }
        let Some(loaded) = self.loaded.as_mut() else {
            unreachable!("it was loaded just now");
        };
        while loaded
            .records
            .pop_front_if(|(seq, _)| *seq <= position)
            .is_some()
        {}
        let (count, _) = limits.fitting(loaded.records.iter().map(|(_, record)| weight(record)));
        let taken: Vec<_> = loaded.records.drain(..count).collect();
        let position = match taken.last() {
            Some((seq, _)) if !loaded.records.is_empty() => *seq,
            Some(_) | None => {
                self.loaded = None;
                stretch.last
            }
        };
        Portion {
            records: taken.into_iter().map(|(_, record)| record).collect(),
            position,
            fault,
        }
    }

    fn load(
        &self,
        stretch: Stretch,
        position: u64,
    ) -> (VecDeque<(u64, Record)>, Option<BacklogFault>) {
        let bytes = match fs::read(self.folder.segment(stretch.number)) {
            Ok(bytes) => bytes,
            Err(cause) => return (VecDeque::new(), Some(BacklogFault::Unreadable(cause))),
        };
        let scan = scan(&bytes);
        let mut fault = scan.faults.first().map(|fault| fault.what);
        if scan.last().unwrap_or(0) < stretch.last {
            fault.get_or_insert(FaultKind::Shortened);
        }
        let mut records = VecDeque::new();
        for found in scan.records {
            if found.seq <= position || found.seq > stretch.last {
                continue;
            }
            match found.record() {
                Ok(Some(record)) => records.push_back((found.seq, record)),
                Ok(None) => {}
                Err(_) => {
                    fault.get_or_insert(FaultKind::Unreadable);
                }
            }
        }
        (records, fault.map(BacklogFault::Damaged))
    }
}
