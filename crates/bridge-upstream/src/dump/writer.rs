//! The thread that writes dumps, and the queue in front of it.

use std::fmt;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use bridge_auth::Secret;
use bridge_telemetry::{ErrorChain, Metrics};
use bytes::Bytes;
use parking_lot::Mutex;
use slog::{Logger, warn};
use tokio::sync::oneshot;

use super::mask::Masks;
use super::name::{ANSWER, FAILURE, REQUEST, Stem};
use super::sheet::{Ending, Fate, Sheet};
use super::shelf::Shelf;
use super::text::{HEAD_WEIGHT, RequestText};
use super::veil::Veil;

/// How many notes may wait.
const WAITING_NOTES: usize = 4_096;
/// How many bytes they may hold on to together.
const WAITING_BYTES: usize = 32 << 20;
/// How often old files are looked for when nothing is written.
const TIDY_EVERY: Duration = Duration::from_secs(60);

/// Something to write.
#[derive(Debug)]
pub(super) enum Note {
    /// A request leaves.
    Request {
        stem: Stem,
        text: RequestText,
        masks: Arc<Masks>,
        veil: Option<Secret>,
        limit: usize,
    },
    /// There is no answer to it.
    Failure { stem: Stem, text: String },
    /// The head of an answer came.
    Begin { sheet: Arc<Sheet>, head: String },
    /// A piece of its body came.
    Piece { sheet: Arc<Sheet>, piece: Bytes },
    /// Its body is over.
    End(Ending),
    /// Somebody waits until everything before is written.
    Written(oneshot::Sender<()>),
}

impl Note {
    /// About how much memory it holds on to, in bytes.
    fn weight(&self) -> usize {
        match self {
            Self::Request { text, .. } => text.weight(),
            Self::Failure { text, .. } => text.len(),
            Self::Begin { .. } => HEAD_WEIGHT,
            Self::Piece { piece, .. } => piece.len(),
            Self::End(_) | Self::Written(_) => 0,
        }
    }
}

/// Notes on their way to the thread. Cloning shares it.
#[derive(Clone)]
pub(super) struct Queue {
    notes: SyncSender<Note>,
    waiting: Arc<AtomicUsize>,
    /// Ends that found no room, one for each answer at most. They go ahead of what waits.
    late: Arc<Mutex<Vec<Ending>>>,
    metrics: Metrics,
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("waiting_bytes", &self.waiting)
            .finish_non_exhaustive()
    }
}

impl Queue {
    /// Starts the thread. It ends, with everything written, when the last queue is dropped.
    pub(super) fn start(shelf: Shelf, metrics: &Metrics, logger: &Logger) -> io::Result<Self> {
        let (notes, noted) = sync_channel(WAITING_NOTES);
        let queue = Self {
            notes,
            waiting: Arc::default(),
            late: Arc::default(),
            metrics: metrics.clone(),
        };
        let writer = Writer {
            shelf,
            late: Arc::clone(&queue.late),
            waiting: Arc::clone(&queue.waiting),
            metrics: metrics.clone(),
            logger: logger.clone(),
        };
        std::thread::Builder::new()
            .name("dumps".to_owned())
            .spawn(move || writer.run(&noted))?;
        Ok(queue)
    }

    /// Puts a note into the queue, if there is room. Never waits.
    pub(super) fn put(&self, note: Note) -> bool {
        let weight = note.weight();
        let before = self.waiting.fetch_add(weight, Ordering::AcqRel);
        // One that is larger than the whole room finds it when nothing else waits.
        let has_room = before == 0 || before + weight <= WAITING_BYTES;
        if has_room && self.notes.try_send(note).is_ok() {
            return true;
        }
        self.waiting.fetch_sub(weight, Ordering::AcqRel);
        self.metrics.dumped("no_room");
        false
    }

    /// Puts the end of an answer behind its pieces, or ahead of them if there is no room there.
    pub(super) fn put_end(&self, end: Ending) {
        let back = match self.notes.try_send(Note::End(end)) {
            Ok(()) => return,
            Err(TrySendError::Full(back) | TrySendError::Disconnected(back)) => back,
        };
        if let Note::End(end) = back {
            end.is_lossy();
            self.late.lock().push(end);
        }
    }

    /// Waits until everything is written that was put before.
    pub(super) async fn written(&self) {
        let (tell, told) = oneshot::channel();
        let mut note = Note::Written(tell);
        while let Err(back) = self.notes.try_send(note) {
            match back {
                TrySendError::Full(back) => note = back,
                TrySendError::Disconnected(_) => return,
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let _either = told.await;
    }
}

struct Writer {
    shelf: Shelf,
    waiting: Arc<AtomicUsize>,
    late: Arc<Mutex<Vec<Ending>>>,
    metrics: Metrics,
    logger: Logger,
}

impl Writer {
    fn run(mut self, noted: &Receiver<Note>) {
        self.shelf.look();
        loop {
            match noted.recv_timeout(TIDY_EVERY) {
                Ok(note) => self.take(note),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.end_late_ones(),
            }
            self.end_late_ones();
            self.shelf.tidy();
        }
    }

    fn take(&mut self, note: Note) {
        let weight = note.weight();
        let written = self.write(note);
        self.tell(written);
        self.waiting.fetch_sub(weight, Ordering::AcqRel);
    }

    fn end_late_ones(&mut self) {
        let late = std::mem::take(&mut *self.late.lock());
        for end in late {
            let ended = self.end(&end);
            self.tell(ended);
        }
    }

    fn tell(&self, written: io::Result<()>) {
        if let Err(cause) = written {
            self.metrics.dumped("failed");
            warn!(self.logger, "dump not written"; "error" => ErrorChain(&cause));
        }
    }

    fn write(&mut self, note: Note) -> io::Result<()> {
        match note {
            Note::Request {
                stem,
                text,
                masks,
                veil,
                limit,
            } => {
                let text = text.write(&masks, Veil::over(veil), limit);
                self.whole(&stem, REQUEST, &text)
            }
            Note::Failure { stem, text } => {
                self.whole(&stem, FAILURE, format!("{text}\n").as_bytes())
            }
            Note::Begin { sheet, head } => sheet.begin(&head, &mut self.shelf),
            Note::Piece { sheet, piece } => {
                let size = sheet.add(&piece)?;
                self.has_grown(&sheet, size);
                Ok(())
            }
            Note::End(end) => self.end(&end),
            Note::Written(tell) => {
                // Whoever has gone away needs no telling.
                let _gone = tell.send(());
                Ok(())
            }
        }
    }

    fn end(&mut self, end: &Ending) -> io::Result<()> {
        let (size, fate) = end.sheet.end(end.why.as_deref())?;
        self.has_grown(&end.sheet, size);
        match fate {
            Fate::Written => self.metrics.dumped("written"),
            Fate::Incomplete => self.metrics.dumped("incomplete"),
            // Counted when it did.
            Fate::Failed => {}
        }
        Ok(())
    }

    fn has_grown(&mut self, sheet: &Sheet, size: Option<u64>) {
        if let Some(size) = size {
            self.shelf.has_grown(&sheet.stem, ANSWER, size);
        }
    }

    fn whole(&mut self, stem: &Stem, suffix: &str, text: &[u8]) -> io::Result<()> {
        let mut file = self.shelf.make(stem, suffix, text.len() as u64)?;
        file.write_all(text)?;
        self.metrics.dumped("written");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::Content;
    use crate::dump::{DumpConfig, Tap};
    use crate::patience::Patience;
    use crate::{Body, Reply};

    #[tokio::test]
    async fn a_file_whose_end_found_no_room_is_thrown_away_in_its_turn() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = DumpConfig::new(folder.path().join("dumps"));
        config.folder_bytes = 0;
        let (metrics, logger) = (Metrics::default(), bridge_telemetry::discard());
        let queue = Queue::start(Shelf::open(&config).unwrap(), &metrics, &logger).unwrap();
        let stem = Stem::of_any();
        let reply = Reply {
            status: http::StatusCode::OK,
            headers: http::HeaderMap::new(),
            body: Body::new(Content::Over, Patience::new(TIDY_EVERY, None)),
            connecting: Duration::ZERO,
        };
        let tap = Tap::begin(&queue, &stem, &reply, &Masks::new(&[]), None, 1_000);
        tap.hear(&Bytes::from_static(b"a piece"));
        queue.waiting.fetch_add(WAITING_BYTES + 1, Ordering::SeqCst);
        drop(tap);
        queue.waiting.fetch_sub(WAITING_BYTES + 1, Ordering::SeqCst);
        // What is too much is thrown away after each note.
        queue.written().await;
        queue.written().await;
        assert!(!stem.file(&config.folder, ANSWER).exists());
    }

    #[tokio::test]
    async fn what_finds_no_room_is_left_out_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let config = DumpConfig::new(folder.path().join("dumps"));
        let (metrics, logger) = (Metrics::default(), bridge_telemetry::discard());
        let queue = Queue::start(Shelf::open(&config).unwrap(), &metrics, &logger).unwrap();
        let stem = Stem::of_any();
        let note = || Note::Failure {
            stem: stem.clone(),
            text: "x".repeat(10),
        };
        queue.waiting.store(WAITING_BYTES - 9, Ordering::SeqCst);
        assert!(!queue.put(note()));
        queue.waiting.store(WAITING_BYTES - 10, Ordering::SeqCst);
        assert!(queue.put(note()));
        queue.written().await;
        assert_eq!(queue.waiting.load(Ordering::SeqCst), WAITING_BYTES - 10);
        let text = metrics.expose();
        assert!(
            text.contains("bridge_dumps_total{kind=\"no_room\"} 1"),
            "{text}"
        );
        assert!(
            text.contains("bridge_dumps_total{kind=\"written\"} 1"),
            "{text}"
        );
    }
}
