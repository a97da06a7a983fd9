//! Gateways on other machines: by which keys they may connect, and who is connected.
//!
//! The keys stand here as in the store, so that checking one costs a call a hash and no question to
//! the disk. Whoever takes a key away closes every connection that it was presented on: the key is
//! taken out of the view first, and a connection is marked with its key while the view is held, so
//! that no connection is missed.

mod accept;
mod gate;
mod heartbeat;
mod listen;
mod peer;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use tokio::sync::Semaphore;

pub(crate) use self::gate::{Gate, Proven};
pub(crate) use self::heartbeat::Heartbeat;
pub use self::listen::{IdentityError, ListenConfig, TlsIdentity};
pub(crate) use self::peer::Peer;
use crate::gateway_key::Presented;
use crate::store::{NewStoredGatewayKey, Store, StoreError};
use crate::told::Told;

/// The view of the keys, and the open connections.
pub(crate) struct Gateways {
    view: RwLock<View>,
    peers: Mutex<HashMap<u64, Arc<Peer>>>,
    numbers: AtomicU64,
    told: Told,
    pub(crate) heartbeat: Heartbeat,
    /// Held from a change of the store to the same change of the view, so that the two never
    /// tell of the changes in different orders.
    pub(crate) changing: tokio::sync::Mutex<()>,
}

/// Keys by id, once they were read from the store.
#[derive(Default)]
struct View {
    is_read: bool,
    keys: HashMap<String, Known>,
}

/// A key as presented ones are compared with it.
struct Known {
    hash: [u8; 32],
    name: Arc<str>,
}

/// Why a gateway may not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// It presents no key.
    #[error("gateway key required.")]
    Required,
    /// There is no such key.
    #[error("gateway key invalid.")]
    Invalid,
    /// As many are connected as may be.
    #[error("as many gateways are connected as may be.")]
    Crowded,
}

impl Refusal {
    fn as_label(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Invalid => "invalid",
            Self::Crowded => "crowded",
        }
    }
}

impl Gateways {
    pub(crate) fn new() -> Self {
        Self {
            view: RwLock::default(),
            peers: Mutex::default(),
            numbers: AtomicU64::new(0),
            told: Told::default(),
            heartbeat: Heartbeat::default(),
            changing: tokio::sync::Mutex::new(()),
        }
    }

    /// Reads the keys from the store, if that was not done yet.
    pub(crate) async fn read(&self, store: &dyn Store) -> Result<(), StoreError> {
        let _alone = self.changing.lock().await;
        if self.view.read().is_read {
            return Ok(());
        }
        let keys = store.gateway_key_set().await?;
        let mut view = self.view.write();
        view.keys.extend(keys.iter().map(known));
        view.is_read = true;
        Ok(())
    }

    /// A key was made.
    pub(crate) fn add(&self, key: &NewStoredGatewayKey) {
        self.view.write().keys.extend([known(key)]);
    }

    /// A key is gone: it is refused from now on, and its connections are closed. Says how many.
    pub(crate) fn remove(&self, id: &str) -> usize {
        self.view.write().keys.remove(id);
        let peers = self.peers.lock();
        let of_key = peers.values().filter(|peer| peer.has_proven(id));
        of_key.map(|peer| peer.close()).count()
    }

    /// Checks the key that a call presents. A good one is noted on its connection, for which there
    /// has to be room.
    fn prove(
        &self,
        presented: Option<&str>,
        peer: &Peer,
        room: &Arc<Semaphore>,
    ) -> Result<Proven, Refusal> {
        let presented = presented.ok_or(Refusal::Required)?;
        let presented = Presented::read(presented).ok_or(Refusal::Invalid)?;
        // Held until the connection is marked: see the head of this file.
        let view = self.view.read();
        let known = view.keys.get_key_value(presented.id);
        let known = known.filter(|(_, known)| presented.matches(&known.hash));
        let (id, known) = known.ok_or(Refusal::Invalid)?;
        if !peer.prove(id, room) {
            return Err(Refusal::Crowded);
        }
        Ok(Proven {
            id: id.clone(),
            name: Arc::clone(&known.name),
            address: peer.address,
        })
    }

    /// Ids of the keys that open connections have proven.
    fn connected(&self) -> Vec<String> {
        let peers = self.peers.lock();
        let mut ids: Vec<_> = peers.values().flat_map(|peer| peer.proven()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// Closes every connection. Says how many there were.
    fn close_all(&self) -> usize {
        let peers = self.peers.lock();
        peers.values().map(|peer| peer.close()).count()
    }

    fn enter(&self, peer: &Arc<Peer>) {
        self.peers.lock().insert(peer.number, Arc::clone(peer));
    }

    fn leave(&self, peer: &Peer) {
        self.peers.lock().remove(&peer.number);
    }

    fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }
}

fn known(key: &NewStoredGatewayKey) -> (String, Known) {
    let known = Known {
        hash: key.key_hash,
        name: key.name.as_str().into(),
    };
    (key.id.clone(), known)
}
