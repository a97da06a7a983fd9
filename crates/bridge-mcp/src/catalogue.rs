//! The tools of one identity: its servers, opened and kept open.

mod ask;
mod keep;
mod slot;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use bridge_telemetry::task::{self, Task};
use parking_lot::Mutex;
use slog::{Logger, o};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout_at};

use self::slot::Slot;
use crate::catalogues::House;
use crate::figures::Figures;
use crate::shelf::Stock;
use crate::{Caller, McpError, Outcome, Shelf, Tool};

/// The tools of one identity. Cloning shares it.
///
/// When the last clone is dropped, it lingers for a while, and the same caller may have it again.
/// Then whatever was being opened is given up, the servers are taken leave of in the background, and
/// nothing of it is left after six seconds. Without a runtime it does not linger.
#[derive(Clone)]
pub struct Catalogue(Arc<Owner>);

/// Somebody has the catalogue.
struct Owner(Arc<Shared>);

/// What the tasks of a catalogue know.
pub(crate) struct Shared {
    house: Arc<House>,
    caller: Arc<Caller>,
    shelf: ArcSwap<Shelf>,
    slots: Mutex<Slots>,
    begun: Mutex<Begun>,
    /// Whether every server has been heard of once, for better or worse.
    settled: watch::Sender<bool>,
    /// The authority is to be asked again.
    again: Notify,
    /// What is down may be tried now: somebody wants it.
    wanted: Notify,
    /// Whether anything is down.
    has_down: AtomicBool,
    /// Whether a request came since a listing was last found to be too old.
    is_used: AtomicBool,
    logger: Logger,
}

#[derive(Default)]
struct Slots {
    all: Vec<Arc<Slot>>,
    is_closed: bool,
}

/// What was begun when the servers were first asked for. Whoever ends it takes the tasks out: they
/// know what they stand in.
#[derive(Default)]
struct Begun {
    /// Until when requests wait.
    until: Option<Instant>,
    /// Does everything.
    task: Option<Task<()>>,
    /// Ends it when it has lingered.
    linger: Option<Task<()>>,
    is_ended: bool,
    owners: usize,
}

impl Catalogue {
    /// The first one of this caller.
    pub(crate) fn new(house: Arc<House>, caller: Caller) -> Self {
        let actor = caller.actor.to_string();
        let logger = house
            .logger
            .new(o!(bridge_telemetry::keys::ACTOR_ID => actor));
        let shared = Shared {
            caller: Arc::new(caller),
            shelf: ArcSwap::new(house.shelves.empty()),
            slots: Mutex::default(),
            begun: Mutex::default(),
            settled: watch::Sender::new(false),
            again: Notify::new(),
            wanted: Notify::new(),
            has_down: AtomicBool::new(false),
            is_used: AtomicBool::new(false),
            logger,
            house,
        };
        shared.begun.lock().owners = 1;
        Self(Arc::new(Owner(Arc::new(shared))))
    }

    /// Another one of the same caller, unless the first was given up meanwhile.
    pub(crate) fn again(shared: Arc<Shared>, caller: &Caller) -> Option<Self> {
        let mut begun = shared.begun.lock();
        if begun.is_ended || *shared.caller != *caller {
            return None;
        }
        begun.owners += 1;
        let lingering = begun.linger.take();
        let has_asked = begun.task.is_some();
        drop(begun);
        drop(lingering);
        if has_asked {
            // What the caller may use may be something else by now.
            shared.ask_again();
        }
        Some(Self(Arc::new(Owner(shared))))
    }

    pub(crate) fn watched(&self) -> Weak<Shared> {
        Arc::downgrade(&self.0.0)
    }

    /// The tools there are now. It costs next to nothing.
    #[must_use]
    pub fn current(&self) -> Arc<Shelf> {
        self.0.0.shelf.load_full()
    }

    /// The tools there are now. The first time the servers are opened, and until `wait` has passed
    /// since then, whoever comes waits until every server has been heard of, but for those for which
    /// another identity has waited in vain. A server that is late comes with the next request.
    ///
    /// Dropping the future gives up nothing: what was begun goes on.
    pub async fn ready(&self, wait: Duration) -> Arc<Shelf> {
        let shared = &self.0.0;
        if !*shared.settled.borrow() {
            let until = self.begin(wait);
            let mut settled = shared.settled.subscribe();
            let all = settled.wait_for(|settled| *settled);
            if timeout_at(until, all).await.is_err() {
                shared.house.metrics.tool_open_timed_out();
                shared.note_late();
            }
        }
        shared.is_used.store(true, Ordering::Relaxed);
        if shared.has_down.load(Ordering::Relaxed) {
            shared.wanted.notify_waiters();
        }
        self.current()
    }

    /// Calls a tool of a shelf of this catalogue, also of an earlier one. `arguments` is a JSON
    /// object, and travels as it is written.
    ///
    /// Dropping the future cancels the call, and tells the server so.
    ///
    /// # Errors
    /// When there is no answer, or none that can be used. That a tool failed is an [`Outcome`].
    pub async fn call(
        &self,
        tool: &Tool,
        arguments: &str,
        within: Duration,
    ) -> Result<Outcome, McpError> {
        let slot = self.0.0.slot(tool).ok_or(McpError::NotOpen)?;
        let server = slot.server().ok_or(McpError::NotOpen)?;
        let called = server.call(tool.own_name(), arguments, within).await;
        if let Err(error) = &called {
            slot.doubt(error);
        }
        called
    }

    /// Until when requests wait. The first one says so, and begins it all.
    fn begin(&self, wait: Duration) -> Instant {
        let shared = &self.0.0;
        let mut begun = shared.begun.lock();
        if let Some(until) = begun.until {
            return until;
        }
        let until = Instant::now() + wait;
        begun.until = Some(until);
        shared.house.note_wait(wait);
        if !shared.house.is_closed() {
            let work = ask::servers(Arc::clone(shared));
            begun.task = Some(task::spawn(&shared.logger, "tool catalogue", work));
        }
        until
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let shared = &self.0;
        let linger = shared.house.config.linger;
        let mut begun = shared.begun.lock();
        begun.owners -= 1;
        if begun.owners > 0 {
            return;
        }
        let is_worth_it = begun.task.is_some() && !linger.is_zero();
        if is_worth_it && Handle::try_current().is_ok() {
            let lingering = Arc::clone(shared);
            let work = async move {
                sleep(linger).await;
                lingering.end();
            };
            begun.linger = Some(task::spawn(&shared.logger, "tool catalogue lingers", work));
            return;
        }
        drop(begun);
        shared.end();
    }
}

impl Shared {
    pub(crate) fn ask_again(&self) {
        self.again.notify_one();
    }

    /// Ends everything, unless somebody has it.
    fn end(&self) {
        let mut begun = self.begun.lock();
        if begun.owners > 0 {
            return;
        }
        begun.is_ended = true;
        let ended = (begun.task.take(), begun.linger.take());
        drop(begun);
        if let (Some(task), _lingered) = ended {
            self.house.opener.leaving.stop(task);
        }
    }

    /// Says that the house is closed, and gives out the task that is ending now, if there is one.
    pub(crate) fn close(&self) -> Option<Task<()>> {
        self.again.notify_one();
        let mut begun = self.begun.lock();
        begun.is_ended = true;
        let ended = (begun.task.take(), begun.linger.take());
        drop(begun);
        ended.0
    }

    /// Forgets all servers for good. Those that are open are taken leave of.
    fn forget(&self) {
        let mut slots = self.slots.lock();
        slots.is_closed = true;
        let all = std::mem::take(&mut slots.all);
        drop(slots);
        for slot in all {
            slot.close();
        }
        self.shelf.store(self.house.shelves.empty());
        self.settled.send_replace(true);
    }

    pub(crate) fn count(&self, figures: &mut Figures) {
        figures.catalogues += 1;
        for slot in &self.slots.lock().all {
            slot.count(figures);
        }
    }

    /// Somebody waited for nothing: other identities do not wait for these servers.
    fn note_late(&self) {
        let slots = self.slots.lock();
        let late = slots.all.iter().filter(|slot| !slot.is_heard_of());
        late.for_each(|slot| slot.of().set_late(true));
    }

    fn slot(&self, tool: &Tool) -> Option<Arc<Slot>> {
        let slots = self.slots.lock();
        let mut all = slots.all.iter();
        all.find(|slot| Arc::ptr_eq(slot.of(), tool.server()))
            .cloned()
    }

    /// Puts the tools of the servers that are open on the shelf, and tells those who wait when all
    /// have been heard of.
    fn publish(&self) {
        // Held over the whole: of two who publish, the later one must not have looked earlier.
        let slots = self.slots.lock();
        if slots.is_closed {
            return;
        }
        let stock: Vec<Stock> = slots.all.iter().map(|slot| slot.stock()).collect();
        let shelf = self.house.shelves.of(stock);
        if shelf.version() != self.shelf.load().version() {
            self.shelf.store(shelf);
        }
        let has_down = slots.all.iter().any(|slot| slot.is_down());
        self.has_down.store(has_down, Ordering::Relaxed);
        let is_settled = |slot: &Arc<Slot>| slot.is_heard_of() || slot.of().is_late();
        if slots.all.iter().all(is_settled) {
            self.settled.send_replace(true);
        }
    }
}

impl fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalogue")
            .field("caller", &self.0.0.caller)
            .field("shelf", &self.current())
            .finish_non_exhaustive()
    }
}
