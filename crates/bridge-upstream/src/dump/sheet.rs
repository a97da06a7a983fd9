//! The file of one answer: begun with its head, continued piece by piece, ended with the body.

use std::fs::File;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bridge_auth::Secret;
use bytes::Bytes;
use parking_lot::Mutex;

use super::mask::Masks;
use super::name::{ANSWER, Stem};
use super::shelf::Shelf;
use super::text::{answer_head, cut_note};
use super::veil::Veil;
use super::writer::{Note, Queue};
use crate::Reply;

/// The file of one answer. The body's tap and the notes in the queue share it; it is closed with
/// the last of them.
#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) stem: Stem,
    limit: usize,
    /// Whether a piece found no room in the queue.
    is_lossy: AtomicBool,
    /// Touched by the thread that writes alone.
    page: Mutex<Page>,
}

#[derive(Debug)]
struct Page {
    file: Option<File>,
    veil: Option<Veil>,
    /// Bytes of the body that were written.
    written: usize,
    /// Bytes of it that were too much.
    cut: usize,
    size: u64,
    /// Whether the disk refused something. Nothing more is written then.
    has_failed: bool,
    is_over: bool,
}

/// What became of an answer's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It holds everything that it should.
    Written,
    /// Something found no room in the queue.
    Incomplete,
    /// The disk refused something, which was told.
    Failed,
}

impl Sheet {
    /// Makes the file and writes the head.
    pub(super) fn begin(&self, head: &str, shelf: &mut Shelf) -> io::Result<()> {
        let mut page = self.page.lock();
        // Its end went ahead of it, because there was no room behind it.
        if page.is_over {
            return Ok(());
        }
        let veiled = page.veil.as_mut().map(|veil| veil.whole(head.as_bytes()));
        let head = veiled.as_deref().unwrap_or(head.as_bytes());
        match shelf.make(&self.stem, ANSWER, head.len() as u64) {
            Ok(file) => page.file = Some(file),
            Err(cause) => {
                page.has_failed = true;
                return Err(cause);
            }
        }
        page.put(head)
    }

    /// Adds a piece of the body. Says how large the file is then, if there is one.
    pub(super) fn add(&self, piece: &[u8]) -> io::Result<Option<u64>> {
        let mut page = self.page.lock();
        let veiled = page.veil.as_mut().map(|veil| veil.pass(piece));
        page.write(veiled.as_deref().unwrap_or(piece), self.limit)?;
        Ok(page.file.is_some().then_some(page.size))
    }

    /// The body is over, for this reason if not for its end. Says how large the file is, if there is
    /// one, and what became of it.
    pub(super) fn end(&self, why: Option<&str>) -> io::Result<(Option<u64>, Fate)> {
        let mut page = self.page.lock();
        page.is_over = true;
        let rest = page.veil.as_mut().map(Veil::rest).unwrap_or_default();
        page.write(&rest, self.limit)?;
        if page.cut > 0 {
            let note = cut_note(page.cut);
            page.note(&note)?;
        }
        let is_lossy = self.is_lossy.load(Ordering::Acquire);
        if is_lossy {
            page.note("\n... (the rest is not written: the disk was too slow)\n")?;
        }
        if let Some(why) = why {
            page.note(&format!("\n... ({why})\n"))?;
        }
        let size = page.file.take().map(|_closed| page.size);
        let fate = match (page.has_failed, is_lossy) {
            (true, _) => Fate::Failed,
            (false, true) => Fate::Incomplete,
            (false, false) => Fate::Written,
        };
        Ok((size, fate))
    }
}

impl Page {
    fn write(&mut self, bytes: &[u8], limit: usize) -> io::Result<()> {
        let room = limit - self.written;
        let (fits, cut) = bytes.split_at(bytes.len().min(room));
        self.written += fits.len();
        self.cut += cut.len();
        self.put(fits)
    }

    fn note(&mut self, text: &str) -> io::Result<()> {
        self.put(text.as_bytes())
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        // Without a file its beginning failed, which was told.
        let Some(file) = self.file.as_mut().filter(|_| !bytes.is_empty()) else {
            return Ok(());
        };
        if let Err(cause) = file.write_all(bytes) {
            // Told once, and not with each piece.
            (self.file, self.has_failed) = (None, true);
            return Err(cause);
        }
        self.size += bytes.len() as u64;
        Ok(())
    }
}

/// The end of an answer's file. It is never left out: what is not ended is not counted right.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) sheet: Arc<Sheet>,
    pub(super) why: Option<String>,
}

impl Ending {
    /// Says in the file that something is missing.
    pub(super) fn is_lossy(&self) {
        self.sheet.is_lossy.store(true, Ordering::Release);
    }
}

/// Hears the body of an answer as it is polled. Dropping it ends the file.
#[derive(Debug)]
pub(crate) struct Tap {
    queue: Queue,
    sheet: Arc<Sheet>,
    /// Why the body broke; nothing when it ended, or was dropped.
    broken: Option<String>,
    is_over: bool,
}

impl Tap {
    pub(super) fn begin(
        queue: &Queue,
        stem: &Stem,
        reply: &Reply,
        masks: &Masks,
        veil: Option<Secret>,
        limit: usize,
    ) -> Self {
        let page = Page {
            file: None,
            veil: Veil::over(veil),
            written: 0,
            cut: 0,
            size: 0,
            has_failed: false,
            is_over: false,
        };
        let sheet = Arc::new(Sheet {
            stem: stem.clone(),
            limit,
            is_lossy: AtomicBool::new(false),
            page: Mutex::new(page),
        });
        let head = answer_head(reply.status, &reply.headers, masks);
        let tap = Self {
            queue: queue.clone(),
            sheet: Arc::clone(&sheet),
            broken: None,
            is_over: false,
        };
        tap.put(Note::Begin { sheet, head });
        tap
    }

    /// A piece came. Nothing of it is copied.
    pub(crate) fn hear(&self, piece: &Bytes) {
        if !self.sheet.is_lossy.load(Ordering::Relaxed) {
            self.put(Note::Piece {
                sheet: Arc::clone(&self.sheet),
                piece: piece.clone(),
            });
        }
    }

    /// The body came to its end.
    pub(crate) fn ended(&mut self) {
        self.is_over = true;
    }

    /// The body broke.
    pub(crate) fn broke(&mut self, why: String) {
        self.is_over = true;
        self.broken = Some(why);
    }

    fn put(&self, note: Note) {
        if !self.queue.put(note) {
            self.sheet.is_lossy.store(true, Ordering::Release);
        }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        let why = match (self.broken.take(), self.is_over) {
            (Some(why), _) => Some(why),
            (None, true) => None,
            (None, false) => Some("nobody read on".to_owned()),
        };
        let sheet = Arc::clone(&self.sheet);
        self.queue.put_end(Ending { sheet, why });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_refuses_is_told_once_and_the_file_is_not_called_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "").unwrap();
        let page = Page {
            // Nobody may write through it.
            file: Some(File::open(&path).unwrap()),
            veil: None,
            written: 0,
            cut: 0,
            size: 0,
            has_failed: false,
            is_over: false,
        };
        let sheet = Sheet {
            stem: Stem::of_any(),
            limit: 10,
            is_lossy: AtomicBool::new(false),
            page: Mutex::new(page),
        };
        sheet.add(b"one").unwrap_err();
        assert_eq!(sheet.add(b"two").unwrap(), None);
        assert_eq!(sheet.end(Some("broken")).unwrap(), (None, Fate::Failed));
    }
}
