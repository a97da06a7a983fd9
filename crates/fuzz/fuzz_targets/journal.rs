//! Whatever is in a segment's file: only records with the right checksum come out of it, and the
//! next process brings it into an order that the one after it leaves alone.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::LazyLock;

use bridge_record::{
    DeliverError, Journal, JournalConfig, JournalFile, JournalReader, Record, RecordId, Rejected,
    SegmentContent, Sink,
};
use bridge_telemetry::{Metrics, discard};
use libfuzzer_sys::fuzz_target;
use tokio::runtime::Runtime;
use tokio::time::Instant;

/// Where a record's parts are in its frame.
const LENGTH: usize = 4;
const SUM: usize = 36;
const PAYLOAD: usize = 40;

fuzz_target!(|data: &[u8]| {
    let [mode, bytes @ ..] = data else {
        return;
    };
    let file = JournalFile {
        path: PathBuf::from("segment"),
        number: 1,
        bytes: bytes.len() as u64,
        is_aside: false,
    };
    let Ok(segment) = SegmentContent::decode(&file, bytes) else {
        return;
    };
    let whole = whole_records(bytes);
    let mut last = None;
    for (seq, record) in &segment.records {
        assert!(last.is_none_or(|last| last < *seq), "sequence numbers fall");
        assert!(whole.contains(&(*seq, record.id)), "a record out of nothing");
        last = Some(*seq);
    }
    // Files are slow, so that few inputs get one.
    if mode % 16 == 0 {
        RUNTIME.block_on(recover(bytes, &segment));
    }
});

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("threads"));

/// Every frame in the bytes whose checksum is right, found without the journal's help.
fn whole_records(bytes: &[u8]) -> Vec<(u64, RecordId)> {
    let mut found = Vec::new();
    for at in 0..bytes.len() {
        let frame = &bytes[at..];
        if !frame.starts_with(b"\xFFRE\x01") || frame.len() < PAYLOAD {
            continue;
        }
        let number = |at: usize| u32::from_le_bytes(frame[at..at + 4].try_into().expect("four"));
        let end = PAYLOAD.saturating_add(number(LENGTH) as usize);
        let Some(payload) = frame.get(PAYLOAD..end) else {
            continue;
        };
        let sum = crc32fast::hash(&[&frame[LENGTH..SUM], payload].concat());
        let seq = u64::from_le_bytes(frame[8..16].try_into().expect("eight"));
        if let (true, Ok(record)) = (sum == number(SUM), serde_json::from_slice::<Record>(payload)) {
            found.push((seq, record.id));
        }
    }
    found
}

/// Takes nothing.
struct Away;

#[async_trait::async_trait]
impl Sink for Away {
    async fn deliver(&self, _: &[Record]) -> Result<Vec<Rejected>, DeliverError> {
        Err(DeliverError("away".into()))
    }
}

/// Two processes, one after the other, with a journal of this one segment.
async fn recover(bytes: &[u8], segment: &SegmentContent) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("00000000000000000001.log");
    fs::write(&path, bytes).expect("a file");
    let first = process(folder.path()).await;
    let second = process(folder.path()).await;
    assert_eq!(second, 0, "{first} damaged segments, and then {second} more");
    let reader = JournalReader::open(folder.path()).expect("a journal");
    let mut kept = Vec::new();
    reader
        .verify(|segment| kept.extend(segment.records.iter().map(|(_, record)| record.id)))
        .expect("readable");
    for (_, record) in &segment.records {
        assert!(kept.contains(&record.id), "a whole record is lost");
    }
}

async fn process(folder: &std::path::Path) -> usize {
    let (metrics, logger) = (Metrics::default(), discard());
    let opened = Journal::open(folder, Arc::new(Away), JournalConfig::default(), metrics, &logger);
    let journal = opened.await.expect("a journal");
    let damaged = journal.recovery().damaged.len();
    let _remains = journal.close(Instant::now()).await;
    damaged
}
