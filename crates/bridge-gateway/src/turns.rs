//! The requests that run: who asks for what, since when, and how far the answer is.
//!
//! A request costs this list one short lock when it begins and one when it ends. There are at most
//! as many as there are open connections and requests of host programs.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use bridge_auth::Grant;
use bridge_intercept::{InterceptionId, Plan};
use bridge_telemetry::{Part, Parts, wall_clock};
use http::{Method, StatusCode};
use parking_lot::Mutex;
use tokio::time::Instant;

/// A request that runs, as it was when it was looked at.
#[derive(Debug, Clone)]
pub struct RunningTurn {
    /// Its id, which is also the interception's.
    pub id: InterceptionId,
    /// Its method.
    pub method: Method,
    /// Its path, without the query.
    pub path: String,
    /// When its head arrived, by the wall clock.
    pub since: SystemTime,
    /// How long ago that was.
    pub elapsed: Duration,
    /// The generation it runs on.
    pub generation: u64,
    /// Who asks and where it goes, once that is known.
    pub known: Option<KnownTurn>,
    /// The model that was asked for, once the body has been read. Shortened.
    pub model: Option<String>,
    /// The status of its answer, once its head is out.
    pub status: Option<StatusCode>,
    /// Bytes of the answer's body so far.
    pub bytes: u64,
}

/// What is known of a request once its caller is.
#[derive(Debug, Clone)]
pub struct KnownTurn {
    /// Whose credential it is.
    pub grant: Arc<Grant>,
    /// Name of the calling program.
    pub client: &'static str,
    /// Name of the provider.
    pub provider: Arc<str>,
    /// Which route of the provider.
    pub route: &'static str,
    /// Whether it is relayed without being recorded.
    pub is_passthrough: bool,
}

impl KnownTurn {
    pub(crate) fn new(grant: Arc<Grant>, client: &'static str, plan: &Plan) -> Self {
        Self {
            grant,
            client,
            provider: Arc::clone(plan.provider().name()),
            route: plan.route(),
            is_passthrough: plan.is_passthrough(),
        }
    }
}

/// All requests that run. Cloning shares the list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turns(Arc<Mutex<HashMap<InterceptionId, Arc<Entry>>>>);

/// A request that is on the list until this is dropped.
pub(crate) struct Listed {
    turns: Turns,
    entry: Arc<Entry>,
}

#[derive(Debug)]
struct Entry {
    id: InterceptionId,
    method: Method,
    path: String,
    arrived: Instant,
    generation: u64,
    known: OnceLock<KnownTurn>,
    model: Arc<OnceLock<String>>,
    parts: Arc<Parts>,
    /// Zero until there is one.
    status: AtomicU16,
    bytes: AtomicU64,
}

impl Turns {
    /// Puts a request on the list.
    pub(crate) fn begin(&self, method: Method, path: String, generation: u64) -> Listed {
        let id = InterceptionId::generate();
        let entry = Arc::new(Entry {
            id,
            method,
            path,
            arrived: Instant::now(),
            generation,
            known: OnceLock::new(),
            model: Arc::default(),
            parts: Arc::default(),
            status: AtomicU16::new(0),
            bytes: AtomicU64::new(0),
        });
        self.0.lock().insert(id, Arc::clone(&entry));
        Listed {
            turns: self.clone(),
            entry,
        }
    }

    /// How many run.
    pub(crate) fn count(&self) -> usize {
        self.0.lock().len()
    }

    /// All that run, the oldest first.
    pub(crate) fn all(&self) -> Vec<RunningTurn> {
        // Looked at outside of the lock: requests must not wait for an operator.
        let mut entries: Vec<_> = self.0.lock().values().cloned().collect();
        entries.sort_by_key(|entry| entry.arrived);
        let now = (wall_clock(), Instant::now());
        entries.iter().map(|entry| entry.seen(now)).collect()
    }
}

impl Entry {
    fn seen(&self, (wall, now): (SystemTime, Instant)) -> RunningTurn {
        let elapsed = now.saturating_duration_since(self.arrived);
        let status = self.status.load(Ordering::Relaxed);
        RunningTurn {
            id: self.id,
            method: self.method.clone(),
            path: self.path.clone(),
            since: wall.checked_sub(elapsed).unwrap_or(wall),
            elapsed,
            generation: self.generation,
            known: self.known.get().cloned(),
            model: self.model.get().cloned(),
            status: StatusCode::from_u16(status).ok(),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }
}

impl Listed {
    pub(crate) fn id(&self) -> InterceptionId {
        self.entry.id
    }

    pub(crate) fn method(&self) -> &Method {
        &self.entry.method
    }

    pub(crate) fn path(&self) -> &str {
        &self.entry.path
    }

    pub(crate) fn arrived(&self) -> Instant {
        self.entry.arrived
    }

    /// Bytes of the answer's body so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.entry.bytes.load(Ordering::Relaxed)
    }

    /// The status of the answer, once there is one.
    pub(crate) fn status(&self) -> Option<StatusCode> {
        StatusCode::from_u16(self.entry.status.load(Ordering::Relaxed)).ok()
    }

    /// Who asks, and where it goes. Only the first word counts.
    pub(crate) fn is_from(&self, known: KnownTurn) {
        let _only_the_first_counts = self.entry.known.set(known);
    }

    /// Who asks, and where it goes, once that is known.
    pub(crate) fn known(&self) -> Option<&KnownTurn> {
        self.entry.known.get()
    }

    /// Whether it is known who asks, and where it goes.
    pub(crate) fn is_known(&self) -> bool {
        self.entry.known.get().is_some()
    }

    /// Where the engine puts the model once it has read it.
    pub(crate) fn model(&self) -> &Arc<OnceLock<String>> {
        &self.entry.model
    }

    /// Where its time goes.
    pub(crate) fn parts(&self) -> &Arc<Parts> {
        &self.entry.parts
    }

    pub(crate) fn is_answered(&self, status: StatusCode) {
        self.entry
            .parts
            .add_rest(Part::Gateway, self.entry.arrived.elapsed());
        self.entry.status.store(status.as_u16(), Ordering::Relaxed);
    }

    pub(crate) fn has_sent(&self, bytes: u64) {
        self.entry.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.turns.0.lock().remove(&self.entry.id);
    }
}

impl fmt::Debug for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Listed").field(&self.entry.id).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_oldest_stands_first_and_leaves_with_its_guard() {
        let turns = Turns::default();
        let first = turns.begin(Method::POST, "/a".to_owned(), 1);
        tokio::time::advance(Duration::from_secs(3)).await;
        let second = turns.begin(Method::GET, "/b".to_owned(), 2);
        first.is_answered(StatusCode::OK);
        first.has_sent(7);
        first.has_sent(5);
        first.model().set("m".to_owned()).unwrap();
        let seen = turns.all();
        let short: Vec<_> = seen
            .iter()
            .map(|turn| (turn.path.as_str(), turn.generation, turn.elapsed.as_secs()))
            .collect();
        assert_eq!(short, [("/a", 1, 3), ("/b", 2, 0)]);
        assert_eq!((seen[0].status, seen[0].bytes), (Some(StatusCode::OK), 12));
        assert_eq!(seen[0].model.as_deref(), Some("m"));
        assert_eq!((seen[1].status, seen[1].bytes), (None, 0));
        drop(first);
        assert_eq!(turns.count(), 1);
        drop(second);
        assert_eq!(turns.count(), 0);
    }
}
