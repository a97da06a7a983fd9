//! Asking the authority which servers there are, and keeping one task for each.

use std::collections::HashMap;
use std::sync::Arc;

use bridge_telemetry::task::{self, Task};
use bridge_telemetry::{ErrorChain, keys};
use slog::{debug, info, warn};
use tokio::time::{sleep, timeout};

use super::Shared;
use super::keep;
use super::slot::Slot;
use crate::access::Access;
use crate::leaving::Leaving;
use crate::pause::Pauses;
use crate::{AuthorityError, Credential, Granted, GrantedServer, McpError};

/// The tasks that keep servers open, by the names of the servers. Dropping it ends them.
struct Keepers {
    all: HashMap<String, (Arc<Slot>, Task<()>)>,
    leaving: Leaving,
}

/// Does all the work of a catalogue, until the house is closed. Dropping it drops everything.
pub(super) async fn servers(shared: Arc<Shared>) {
    let mut keepers = Keepers {
        all: HashMap::new(),
        leaving: shared.house.opener.leaving.clone(),
    };
    let mut pauses = Pauses::new(&shared.house.config);
    let mut is_told = false;
    while !shared.house.is_closed() {
        match ask(&shared).await {
            Ok(granted) => {
                pauses.reset();
                is_told = false;
                let misses = granted.servers.iter().any(|one| one.problem.is_some());
                take(&shared, &mut keepers, granted);
                tokio::select! {
                    () = shared.again.notified() => {}
                    // What was missing may be there by now, and nobody tells.
                    () = sleep(shared.house.config.refresh), if misses => {}
                }
            }
            Err(error) => {
                if std::mem::replace(&mut is_told, true) {
                    debug!(shared.logger, "tool servers are still not known";
                        keys::ERROR => ErrorChain(&error));
                } else {
                    warn!(shared.logger, "tool servers are not known";
                        keys::ERROR => ErrorChain(&error));
                }
                if error.is_final() {
                    take(&shared, &mut keepers, Granted::default());
                }
                // Nobody waits for an authority that is away. What was known before stays.
                shared.settled.send_replace(true);
                tokio::select! {
                    () = sleep(pauses.next()) => {}
                    () = shared.again.notified() => {}
                }
            }
        }
    }
    shared.forget();
}

async fn ask(shared: &Shared) -> Result<Granted, AuthorityError> {
    let asked = shared.house.authority.servers(&shared.caller);
    let granted = timeout(shared.house.config.authority, asked).await;
    granted.map_err(|late| AuthorityError::Unavailable(Box::new(late)))?
}

/// Keeps the servers that are granted, and leaves the others.
fn take(shared: &Arc<Shared>, keepers: &mut Keepers, granted: Granted) {
    let mut granted = granted.servers;
    granted.sort_by(|one, other| one.server.name().cmp(other.server.name()));
    granted.dedup_by(|one, before| one.server.name() == before.server.name());
    let most = shared.house.config.servers;
    for surplus in granted.iter().skip(most) {
        warn!(shared.logger, "tool server left out, there are too many";
            keys::TOOL_SERVER => surplus.server.name(), "limit" => most);
    }
    granted.truncate(most);
    let mut kept = HashMap::new();
    for one in granted {
        let name = one.server.name().to_owned();
        let keeper = match keepers.all.remove(&name) {
            Some(keeper) if keep_on(&keeper.0, &one) => keeper,
            Some((slot, task)) => {
                keepers.end(&slot, task);
                begin(shared, one)
            }
            None => begin(shared, one),
        };
        kept.insert(name, keeper);
    }
    let slots = kept.values().map(|(slot, _)| Arc::clone(slot)).collect();
    for (slot, task) in std::mem::replace(&mut keepers.all, kept).into_values() {
        keepers.end(&slot, task);
    }
    let mut all = shared.slots.lock();
    if !all.is_closed {
        all.all = slots;
    }
    drop(all);
    shared.publish();
}

impl Keepers {
    fn end(&self, slot: &Slot, task: Task<()>) {
        self.leaving.stop(task);
        slot.close();
    }
}

impl Drop for Keepers {
    fn drop(&mut self) {
        for (slot, task) in std::mem::take(&mut self.all).into_values() {
            self.end(&slot, task);
        }
    }
}

/// Whether a server that is kept is the one that is granted now, and is to be kept as it is.
fn keep_on(slot: &Slot, granted: &GrantedServer) -> bool {
    if !Arc::ptr_eq(slot.of(), &granted.server) {
        return false;
    }
    match slot.access() {
        Some(_) => slot.update(granted.token.clone()).is_ok(),
        // There is still nothing to present.
        None => granted.token.is_none(),
    }
}

fn begin(shared: &Arc<Shared>, granted: GrantedServer) -> (Arc<Slot>, Task<()>) {
    let house = &shared.house;
    let access = Access::try_new(
        Arc::clone(&granted.server),
        &shared.caller,
        &house.authority,
        house.config.authority,
        granted.token.clone(),
    );
    let logger = &shared.logger;
    if let Err(error) = &access {
        tell_missing(shared, &granted, error);
    }
    let slot = Arc::new(Slot::new(granted.server, access.ok()));
    let work = keep::open(Arc::clone(shared), Arc::clone(&slot));
    let task = task::spawn(logger, "tool server", work);
    (slot, task)
}

/// That there is nothing to present is nothing special: no key when a host program vouched for the
/// user, and no token until one is set.
fn tell_missing(shared: &Shared, granted: &GrantedServer, error: &McpError) {
    let server = granted.server.name();
    let problem = granted.problem.as_deref().unwrap_or_default();
    match granted.server.spec().credential {
        Credential::None | Credential::CallersKey => {
            debug!(shared.logger, "tool server left out"; keys::TOOL_SERVER => server,
                keys::KIND => error.kind(), keys::ERROR => ErrorChain(error));
        }
        Credential::Token(_) | Credential::Users => {
            info!(shared.logger, "tool server left out"; keys::TOOL_SERVER => server,
                keys::KIND => error.kind(), "problem" => problem,
                keys::ERROR => ErrorChain(error));
        }
    }
}
