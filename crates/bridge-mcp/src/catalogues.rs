//! All catalogues of a gateway, and what they share.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use bridge_auth::{ActorId, HeaderPolicy};
use bridge_telemetry::{Metrics, keys};
use bridge_upstream::Exchange;
use parking_lot::Mutex;
use slog::{Logger, o};
use tokio::time::{Instant, timeout_at};

use crate::catalogue::{Catalogue, Shared};
use crate::figures::{Figures, ServerFigures};
use crate::leaving::{LONGEST, Leaving};
use crate::session::{Opener, Places};
use crate::shelf::Shelves;
use crate::{Caller, McpConfig, ToolAuthority};

/// All catalogues of a gateway. Cloning shares it.
#[derive(Clone)]
pub struct Catalogues(Arc<House>);

/// What catalogues share.
pub(crate) struct House {
    pub(crate) opener: Opener,
    pub(crate) authority: Arc<dyn ToolAuthority>,
    pub(crate) config: McpConfig,
    pub(crate) shelves: Shelves,
    pub(crate) metrics: Metrics,
    pub(crate) logger: Logger,
    known: Mutex<Known>,
    is_closed: AtomicBool,
    /// How long requests wait for servers, in milliseconds.
    wait: AtomicU64,
}

/// How many actors are known before those are looked for whose catalogues are gone.
const FEW: usize = 64;

/// The catalogues there are.
#[derive(Default)]
struct Known {
    of_actors: HashMap<ActorId, Vec<Weak<Shared>>>,
    /// How many actors there may be until those are forgotten again whose catalogues are gone.
    room: usize,
}

impl Known {
    /// Those of one actor that are not gone. It takes more than a moment only when there are twice
    /// as many actors as the last time that it did.
    fn of(&mut self, actor: ActorId) -> &mut Vec<Weak<Shared>> {
        if self.of_actors.len() >= self.room {
            self.forget_gone();
            self.room = FEW.max(self.of_actors.len() * 2);
        }
        let of_actor = self.of_actors.entry(actor).or_default();
        of_actor.retain(|shared| shared.strong_count() > 0);
        of_actor
    }

    fn forget_gone(&mut self) {
        self.of_actors.retain(|_, of_actor| {
            of_actor.retain(|shared| shared.strong_count() > 0);
            !of_actor.is_empty()
        });
    }

    fn all(&self) -> impl Iterator<Item = Arc<Shared>> {
        self.of_actors.values().flatten().filter_map(Weak::upgrade)
    }
}

impl Catalogues {
    /// Nothing is opened yet.
    #[must_use]
    pub fn new(
        exchange: Arc<dyn Exchange>,
        authority: Arc<dyn ToolAuthority>,
        config: McpConfig,
        metrics: &Metrics,
        logger: &Logger,
    ) -> Self {
        let logger = logger.new(o!(keys::COMPONENT => "tools"));
        let opener = Opener {
            exchange,
            policy: Arc::new(HeaderPolicy::default()),
            config,
            places: Places::new(config.listeners),
            leaving: Leaving::new(),
            logger: logger.clone(),
        };
        Self(Arc::new(House {
            opener,
            authority,
            config,
            shelves: Shelves::default(),
            metrics: metrics.clone(),
            logger,
            known: Mutex::default(),
            is_closed: AtomicBool::new(false),
            wait: AtomicU64::new(0),
        }))
    }

    /// A catalogue for this caller: the one there is, or a new one. A new one is empty, and nothing
    /// is asked or opened, until somebody waits for it with [`Catalogue::ready`].
    #[must_use]
    pub fn catalogue(&self, caller: Caller) -> Catalogue {
        let mut known = self.0.known.lock();
        let of_actor = known.of(caller.actor);
        let mut there = of_actor.iter().filter_map(Weak::upgrade);
        if let Some(catalogue) = there.find_map(|shared| Catalogue::again(shared, &caller)) {
            return catalogue;
        }
        let catalogue = Catalogue::new(Arc::clone(&self.0), caller);
        of_actor.push(catalogue.watched());
        catalogue
    }

    /// What this user may use has changed, for example a token: the user's catalogues ask again.
    pub fn ask_again(&self, actor: &ActorId) {
        let known = self.0.known.lock();
        let of_actor = known.of_actors.get(actor).into_iter().flatten();
        of_actor
            .filter_map(Weak::upgrade)
            .for_each(|shared| shared.ask_again());
    }

    /// What may be used has changed for everybody: all catalogues ask again.
    pub fn all_ask_again(&self) {
        let known = self.0.known.lock();
        known.all().for_each(|shared| shared.ask_again());
    }

    /// How many catalogues there are, and how their servers are, by the names of the servers. It
    /// looks at every catalogue: for a scrape, not for a request.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let mut known = self.0.known.lock();
        known.forget_gone();
        let all: Vec<_> = known.all().collect();
        drop(known);
        let mut figures = Figures::default();
        for shared in all {
            shared.count(&mut figures);
        }
        figures.servers.sort_by(ServerFigures::order);
        figures.listened_to = self.0.opener.places.taken();
        figures
    }

    /// Closes all catalogues, and waits until their servers have been told, six seconds at most for
    /// the one and six for the other. Catalogues that are still held are empty from here on.
    ///
    /// Dropping the future leaves off waiting, and may leave servers untold.
    pub async fn close(&self) {
        self.0.is_closed.store(true, Ordering::SeqCst);
        let known = std::mem::take(&mut *self.0.known.lock());
        let tasks: Vec<_> = known.all().filter_map(|shared| shared.close()).collect();
        let late = Instant::now() + LONGEST;
        for task in tasks {
            let _either = timeout_at(late, task.join()).await;
        }
        self.0.opener.leaving.end().await;
    }
}

impl House {
    /// So long requests wait for servers now.
    pub(crate) fn note_wait(&self, wait: Duration) {
        let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        self.wait.store(wait, Ordering::Relaxed);
    }

    /// Whether a request would not have waited so long.
    pub(crate) fn is_too_long(&self, took: Duration) -> bool {
        took.as_millis() > u128::from(self.wait.load(Ordering::Relaxed))
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::SeqCst)
    }
}

impl fmt::Debug for Catalogues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalogues")
            .field("actors", &self.0.known.lock().of_actors.len())
            .finish_non_exhaustive()
    }
}
