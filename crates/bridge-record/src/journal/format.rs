//! The bytes of a segment, version 1.
//!
//! All numbers are little-endian; a checksum is CRC-32 as in zlib.
//!
//! A segment is a header and groups. Each group was written and synced before the next one was
//! begun, so only the last group of the last segment can be torn.
//!
//! ```text
//! header   0  magic FF "brjrnl" 0A
//!          8  version (u16)
//!         10  flags (u16): 1 says that this replaces a damaged segment, so that records are missing
//!         12  length of the header (u32), checksum included
//!         16  number of the segment (u64)
//!         24  sequence number of the first record to come (u64)
//!         32  sequence number of the last record that was safe before it (u64)
//!         40  when it was made, milliseconds since 1970 (u64)
//!         48  how many interceptions were open (u32), then their ids, 16 bytes each
//!          .  checksum over all of that (u32)
//!
//! group    0  magic FF "GR" 01
//!          4  length of the records (u32)
//!          8  sequence number of the first record (u64)
//!         16  how many records (u32); none in the group that says that a process ended in order
//!         20  checksum over the records (u32)
//!         24  checksum over the bytes 0 to 24 (u32)
//!
//! record   0  magic FF "RE" 01
//!          4  length of the payload (u32)
//!          8  sequence number (u64)
//!         16  kind: 1 starts an interception, 2 ends one, 0 is anything else; three zero bytes
//!         20  the interception (16 bytes)
//!         36  checksum over the bytes 4 to 36 and the payload (u32)
//!         40  payload: the record as JSON
//! ```
//!
//! JSON never contains the byte FF, so what a customer wrote cannot look like a group or a record,
//! also where damage makes a reader search for one.

use crc32fast::Hasher;
use uuid::Uuid;

use crate::{Event, InterceptionId, Record};

/// The version that is written. A reader refuses later ones.
pub(super) const VERSION: u16 = 1;

pub(super) const SEGMENT_MAGIC: [u8; 8] = *b"\xFFbrjrnl\n";
pub(super) const GROUP_MAGIC: [u8; 4] = *b"\xFFGR\x01";
pub(super) const RECORD_MAGIC: [u8; 4] = *b"\xFFRE\x01";

const REPAIRED: u8 = 1;

/// The payload in the place of a record that could not be written: JSON's null.
const BLANK: &[u8] = b"null";

/// Length of a header with no open interceptions.
const HEADER_BYTES: usize = 56;
const ID_BYTES: usize = 16;
pub(super) const GROUP_BYTES: usize = 28;
pub(super) const RECORD_BYTES: usize = 40;

/// What a record does to the list of open interceptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Starts,
    Ends,
    Other,
}

impl Kind {
    pub(super) const fn of(record: &Record) -> Self {
        match record.event {
            Event::Started(_) => Self::Starts,
            Event::Ended(_) => Self::Ends,
            Event::Tokens(_) | Event::Prompt(_) | Event::Tool(_) | Event::Thought(_) => Self::Other,
        }
    }

    const fn code(self) -> u8 {
        match self {
            Self::Other => 0,
            Self::Starts => 1,
            Self::Ends => 2,
        }
    }

    const fn from_code(code: u8) -> Self {
        match code {
            1 => Self::Starts,
            2 => Self::Ends,
            _ => Self::Other,
        }
    }
}

/// The header of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) version: u16,
    /// Whether this replaces a damaged segment, so that records are known to be missing.
    pub(super) is_repaired: bool,
    pub(super) number: u64,
    /// Sequence number of the first record that was to come.
    pub(super) first: u64,
    /// Sequence number of the last record that was safe before; zero when there was none.
    pub(super) safe_before: u64,
    /// Milliseconds since 1970.
    pub(super) made_at: u64,
    pub(super) open: Vec<InterceptionId>,
}

impl Header {
    /// # Errors
    /// When more interceptions are open than fit.
    pub(super) fn encode(&self) -> Result<Vec<u8>, TooLarge> {
        let length = HEADER_BYTES + self.open.len() * ID_BYTES;
        let mut out = Vec::with_capacity(length);
        out.extend(SEGMENT_MAGIC);
        out.extend(self.version.to_le_bytes());
        out.extend(u16::from(self.is_repaired).to_le_bytes());
        out.extend(small(length)?.to_le_bytes());
        for number in [self.number, self.first, self.safe_before, self.made_at] {
            out.extend(number.to_le_bytes());
        }
        out.extend(small(self.open.len())?.to_le_bytes());
        for interception in &self.open {
            out.extend(interception.as_uuid().as_bytes());
        }
        out.extend(crc32fast::hash(&out).to_le_bytes());
        Ok(out)
    }

    /// The header at the beginning of `bytes` and its length; nothing when there is no whole one.
    pub(super) fn decode(bytes: &[u8]) -> Option<(Self, usize)> {
        if bytes.get(..SEGMENT_MAGIC.len())? != SEGMENT_MAGIC {
            return None;
        }
        let length = usize::try_from(u32_at(bytes, 12)?).ok()?;
        let (covered, sum) = bytes.get(..length)?.split_last_chunk()?;
        if crc32fast::hash(covered) != u32::from_le_bytes(*sum) {
            return None;
        }
        let ids = covered.get(HEADER_BYTES - 4..)?.chunks_exact(ID_BYTES);
        let header = Self {
            version: u16::from_le_bytes(*covered.get(8..)?.first_chunk()?),
            is_repaired: covered.get(10)? & REPAIRED != 0,
            number: u64_at(covered, 16)?,
            first: u64_at(covered, 24)?,
            safe_before: u64_at(covered, 32)?,
            made_at: u64_at(covered, 40)?,
            open: ids
                .filter_map(|id| Uuid::from_slice(id).ok())
                .map(InterceptionId::from)
                .collect(),
        };
        Some((header, length))
    }
}

/// More than a length of 32 bits can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too large for the journal's format")]
pub(super) struct TooLarge;

fn small(length: usize) -> Result<u32, TooLarge> {
    u32::try_from(length).map_err(|_| TooLarge)
}

/// A group that is being put together.
#[derive(Debug, Default)]
pub(super) struct GroupBuffer {
    /// The head, left empty until the end, and the records.
    bytes: Vec<u8>,
    first: u64,
    count: u32,
}

/// Buffers larger than this are not kept for the next group.
const KEPT_CAPACITY: usize = 8 << 20;

impl GroupBuffer {
    /// Begins a group whose first record has this sequence number.
    pub(super) fn begin(&mut self, first: u64) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_CAPACITY);
        self.bytes.resize(GROUP_BYTES, 0);
        self.first = first;
        self.count = 0;
    }

    /// Adds a record. On an error the group is as before.
    ///
    /// # Errors
    /// When it does not fit, or cannot be said in JSON.
    pub(super) fn add(&mut self, record: &Record) -> Result<(), TooLarge> {
        let seq = self.next();
        let payload =
            |bytes: &mut Vec<u8>| serde_json::to_writer(bytes, record).map_err(|_| TooLarge);
        self.frame(seq, Kind::of(record), record.interception, payload)
    }

    /// Takes up the number of a record that cannot be added.
    ///
    /// # Errors
    /// When the group is full.
    pub(super) fn add_blank(&mut self, interception: InterceptionId) -> Result<(), TooLarge> {
        self.frame(self.next(), Kind::Other, interception, |bytes| {
            bytes.extend(BLANK);
            Ok(())
        })
    }

    fn next(&self) -> u64 {
        self.first + u64::from(self.count)
    }

    /// Adds a record whose payload was read before, under the number that follows.
    ///
    /// # Errors
    /// When it does not fit.
    pub(super) fn add_found(&mut self, found: &Found<'_>) -> Result<(), TooLarge> {
        self.frame(found.seq, found.kind, found.interception, |bytes| {
            bytes.extend(found.payload);
            Ok(())
        })
    }

    fn frame(
        &mut self,
        seq: u64,
        kind: Kind,
        interception: InterceptionId,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), TooLarge>,
    ) -> Result<(), TooLarge> {
        let begin = self.bytes.len();
        self.bytes.extend(RECORD_MAGIC);
        self.bytes.extend([0; 4]);
        self.bytes.extend(seq.to_le_bytes());
        self.bytes.extend([kind.code(), 0, 0, 0]);
        self.bytes.extend(interception.as_uuid().as_bytes());
        self.bytes.extend([0; 4]);
        let written = write(&mut self.bytes).and_then(|()| self.seal_record(begin));
        if written.is_err() {
            self.bytes.truncate(begin);
        }
        written
    }

    fn seal_record(&mut self, begin: usize) -> Result<(), TooLarge> {
        small(self.bytes.len() - GROUP_BYTES)?;
        let record = self.bytes.get_mut(begin..).unwrap_or_default();
        let length = small(record.len() - RECORD_BYTES)?;
        put(record, 4, length);
        let sum = record_sum(record).ok_or(TooLarge)?;
        put(record, 36, sum);
        self.count += 1;
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes of the group.
    pub(super) fn finish(&mut self) -> &[u8] {
        let records = self.bytes.get(GROUP_BYTES..).unwrap_or_default();
        // `seal_record` has checked the length.
        let length = u32::try_from(records.len()).unwrap_or(u32::MAX);
        let sum = crc32fast::hash(records);
        if let Some(head) = self.bytes.first_chunk_mut::<GROUP_BYTES>() {
            head[..4].copy_from_slice(&GROUP_MAGIC);
            put(head, 4, length);
            head[8..16].copy_from_slice(&self.first.to_le_bytes());
            put(head, 16, self.count);
            put(head, 20, sum);
            let own = crc32fast::hash(&head[..24]);
            put(head, 24, own);
        }
        &self.bytes
    }
}

/// The head of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GroupHead {
    pub(super) length: usize,
    pub(super) first: u64,
    pub(super) count: u32,
    pub(super) sum: u32,
}

impl GroupHead {
    /// The head at the beginning of `bytes`; nothing when there is no whole one.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let head = bytes.first_chunk::<GROUP_BYTES>()?;
        let is_whole =
            head[..4] == GROUP_MAGIC && u32_at(head, 24)? == crc32fast::hash(&head[..24]);
        if !is_whole {
            return None;
        }
        Some(Self {
            length: usize::try_from(u32_at(head, 4)?).ok()?,
            first: u64_at(head, 8)?,
            count: u32_at(head, 16)?,
            sum: u32_at(head, 20)?,
        })
    }
}

/// A whole record in the bytes of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found<'b> {
    /// Where it begins.
    pub(super) at: usize,
    pub(super) seq: u64,
    pub(super) kind: Kind,
    pub(super) interception: InterceptionId,
    pub(super) payload: &'b [u8],
}

impl<'b> Found<'b> {
    /// The record that begins at `at`; nothing when there is no whole one.
    pub(super) fn decode(bytes: &'b [u8], at: usize) -> Option<Self> {
        let rest = bytes.get(at..)?;
        let record = rest.get(..record_length(rest)?)?;
        if u32_at(record, 36)? != record_sum(record)? {
            return None;
        }
        Some(Self {
            at,
            seq: u64_at(record, 8)?,
            kind: Kind::from_code(*record.get(16)?),
            interception: Uuid::from_slice(record.get(20..36)?).ok()?.into(),
            payload: record.get(RECORD_BYTES..)?,
        })
    }

    /// The record; nothing when its number was taken up by one that could not be written.
    ///
    /// # Errors
    /// When the payload is none that this version knows.
    pub(super) fn record(&self) -> Result<Option<Record>, serde_json::Error> {
        serde_json::from_slice(self.payload)
    }

    /// Bytes of it in the segment.
    pub(super) const fn len(&self) -> usize {
        RECORD_BYTES + self.payload.len()
    }
}

/// How long the record at the beginning of `bytes` says that it is, its head included; nothing
/// when no record begins there.
pub(super) fn record_length(bytes: &[u8]) -> Option<usize> {
    if bytes.get(..4)? != RECORD_MAGIC {
        return None;
    }
    usize::try_from(u32_at(bytes, 4)?)
        .ok()?
        .checked_add(RECORD_BYTES)
}

/// The checksum that a record with these bytes should have.
fn record_sum(record: &[u8]) -> Option<u32> {
    let mut hasher = Hasher::new();
    hasher.update(record.get(4..36)?);
    hasher.update(record.get(RECORD_BYTES..)?);
    Some(hasher.finalize())
}

fn put(bytes: &mut [u8], at: usize, value: u32) {
    if let Some(place) = bytes.get_mut(at..at + 4) {
        place.copy_from_slice(&value.to_le_bytes());
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
