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
}

impl Sheet {
    /// Makes the file and writes the head. Says how large the file is.
    pub(super) fn begin(&self, head: &str, shelf: &mut Shelf) -> io::Result<u64> {
        let mut file = shelf.make(&self.stem, ANSWER)?;
        let mut page = self.page.lock();
        let veiled = page.veil.as_mut().map(|veil| veil.whole(head.as_bytes()));
        let head = veiled.as_deref().unwrap_or(head.as_bytes());
        file.write_all(head)?;
        page.size = head.len() as u64;
        page.file = Some(file);
        Ok(page.size)
    }

    /// Adds a piece of the body. Says how large the file is.
    pub(super) fn add(&self, piece: &[u8]) -> io::Result<u64> {
        let mut page = self.page.lock();
        let veiled = page.veil.as_mut().map(|veil| veil.pass(piece));
        page.write(veiled.as_deref().unwrap_or(piece), self.limit)?;
        Ok(page.size)
    }

    /// The body is over, for this reason if not for its end. Says how large the file is, and whether
    /// it holds everything that it should.
    pub(super) fn end(&self, why: Option<&str>) -> io::Result<(u64, bool)> {
        let mut page = self.page.lock();
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
        page.file = None;
        Ok((page.size, !is_lossy))
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
        if let Some(file) = self.file.as_mut().filter(|_| !bytes.is_empty()) {
            file.write_all(bytes)?;
            self.size += bytes.len() as u64;
        }
        Ok(())
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
        self.put(Note::End {
            sheet: Arc::clone(&self.sheet),
            why,
        });
    }
}
