//! Writes the whole records of a damaged segment into a new one.

use std::io;
use std::path::Path;

use super::folder::Folder;
use super::format::{Found, GroupBuffer, Header, VERSION};
use super::open_set::OpenSet;
use super::scan::Scan;

/// How large a group of a replacement grows.
const GROUP_LIMIT: usize = 4 << 20;

/// Writes the replacement of segment `number` to `path` and syncs it. Says how long it is.
///
/// # Errors
/// When the disk refuses.
pub(super) fn write(
    path: &Path,
    number: u64,
    damaged: &Scan<'_>,
    open_before: &OpenSet,
) -> io::Result<u64> {
    let first = damaged.records.first().map_or(1, |found| found.seq);
    let header = Header {
        version: VERSION,
        is_repaired: true,
        number,
        first,
        safe_before: damaged
            .header
            .as_ref()
            .map_or(0, |header| header.safe_before),
        made_at: damaged.header.as_ref().map_or(0, |header| header.made_at),
        open: open_before.list(),
    };
    let mut bytes = header.encode().map_err(io::Error::other)?;
    let mut group = GroupBuffer::default();
    let mut rest = damaged.records.as_slice();
    while let Some(begin) = rest.first() {
        group.begin(begin.seq);
        let taken = fill(&mut group, rest);
        bytes.extend(group.finish());
        rest = rest.get(taken..).unwrap_or_default();
    }
    Folder::write_whole(path, &bytes)?;
    Ok(bytes.len() as u64)
}

/// Adds the records that follow each other. Says how many; at least one.
fn fill(group: &mut GroupBuffer, records: &[Found<'_>]) -> usize {
    let mut taken = 0;
    let mut expected = records.first().map(|found| found.seq);
    for found in records {
        let is_next = expected == Some(found.seq);
        let has_room = taken == 0 || group.len() + found.len() <= GROUP_LIMIT;
        // It was in a group before, so it fits into one.
        if !is_next || !has_room || group.add_found(found).is_err() {
            break;
        }
        taken += 1;
        expected = found.seq.checked_add(1);
    }
    taken.max(1)
}
