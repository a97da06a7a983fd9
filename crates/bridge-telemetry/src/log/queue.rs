//! Lines on their way to the thread that writes them: bounded, and what finds no room is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use slog::{Drain, Level, Never, OwnedKVList, Record, b, o, record};
use slog_async::{AsyncCore, AsyncGuard};

/// How many lines were not written since the start, and why. Cloning shares it.
#[derive(Debug, Clone, Default)]
pub struct LogLosses(Arc<Losses>);

#[derive(Debug, Default)]
struct Losses {
    dropped: AtomicU64,
    /// Dropped ones that no line has told of yet.
    untold: AtomicU64,
    suppressed: AtomicU64,
}

impl LogLosses {
    /// Lines that found no room, because the terminal or disk is slow.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// Lines that one place of the code said too often.
    #[must_use]
    pub fn suppressed(&self) -> u64 {
        self.0.suppressed.load(Ordering::Relaxed)
    }

    pub(super) fn one_suppressed(&self) {
        self.0.suppressed.fetch_add(1, Ordering::Relaxed);
    }

    fn one_dropped(&self) {
        self.0.dropped.fetch_add(1, Ordering::Relaxed);
        self.0.untold.fetch_add(1, Ordering::Relaxed);
    }
}

/// Hands lines to the thread that writes them.
pub(super) struct Queue {
    core: AsyncCore,
    losses: LogLosses,
}

impl Queue {
    /// Starts the thread. It ends, with everything written, when the guard is dropped.
    pub(super) fn start<D>(drain: D, room: usize, losses: LogLosses) -> (Self, AsyncGuard)
    where
        D: Drain<Ok = (), Err = Never> + Send + 'static,
    {
        let (core, guard) = AsyncCore::custom(drain)
            .chan_size(room)
            .blocking(false)
            .thread_name("log".to_owned())
            .build_with_guard();
        (Self { core, losses }, guard)
    }

    /// Says how many were dropped, now that there is room.
    fn tell(&self) {
        let untold = &self.losses.0.untold;
        if untold.load(Ordering::Relaxed) == 0 {
            return;
        }
        let lines = untold.swap(0, Ordering::Relaxed);
        let told = self.core.log(
            &record!(
                Level::Warning,
                "",
                &format_args!("log lines dropped, the destination is too slow"),
                b!("lines" => lines)
            ),
            &o!().into(),
        );
        if told.is_err() {
            untold.fetch_add(lines, Ordering::Relaxed);
        }
    }
}

impl Drain for Queue {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), Never> {
        match self.core.log(record, values) {
            Ok(()) => self.tell(),
            // There is no room, or the thread has gone.
            Err(_) => self.losses.one_dropped(),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use parking_lot::Mutex;
    use slog::{Logger, info};

    use super::*;

    /// Writes a line when it is told to.
    struct Slow {
        begun: SyncSender<()>,
        go: Mutex<Receiver<()>>,
        lines: Arc<Mutex<Vec<String>>>,
    }

    impl Drain for Slow {
        type Ok = ();
        type Err = Never;

        fn log(&self, record: &Record<'_>, _: &OwnedKVList) -> Result<(), Never> {
            let _nobody_looks = self.begun.try_send(());
            let _go_on_when_nobody_holds_back = self.go.lock().recv();
            self.lines.lock().push(record.msg().to_string());
            Ok(())
        }
    }

    #[test]
    fn what_finds_no_room_is_counted_and_told() {
        let ((begun, has_begun), (let_go, go)) = (sync_channel(1), sync_channel(16));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let slow = Slow {
            begun,
            go: Mutex::new(go),
            lines: Arc::clone(&lines),
        };
        let losses = LogLosses::default();
        let (queue, guard) = Queue::start(slow, 2, losses.clone());
        let logger = Logger::root(queue.fuse(), o!());
        info!(logger, "one");
        has_begun.recv().unwrap();
        // The thread has the first one in its hand; two find room.
        for _ in 0..5 {
            info!(logger, "more");
        }
        assert_eq!(losses.dropped(), 3);
        // When one of them is in hand there is room for one, and the word of the loss must wait for
        // the next chance.
        let_go.send(()).unwrap();
        has_begun.recv().unwrap();
        info!(logger, "later");
        drop(let_go);
        drop((logger, guard));
        let lines = lines.lock().clone();
        assert_eq!(lines, ["one", "more", "more", "later"]);
        assert_eq!(
            (losses.dropped(), losses.0.untold.load(Ordering::Relaxed)),
            (3, 3)
        );
    }

    #[test]
    fn a_loss_is_told_once_there_is_room() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let ((begun, _has_begun), (let_go, go)) = (sync_channel(1), sync_channel::<()>(1));
        let fast = Slow {
            begun,
            go: Mutex::new(go),
            lines: Arc::clone(&lines),
        };
        drop(let_go);
        let losses = LogLosses::default();
        let (queue, guard) = Queue::start(fast, 16, losses.clone());
        losses.one_dropped();
        losses.one_dropped();
        let logger = Logger::root(queue.fuse(), o!());
        info!(logger, "one");
        info!(logger, "two");
        drop((logger, guard));
        let lines = lines.lock().clone();
        let told = "log lines dropped, the destination is too slow";
        assert_eq!(lines, ["one", told, "two"]);
        assert_eq!(losses.dropped(), 2);
    }
}
