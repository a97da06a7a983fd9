//! Sessions: who has begun one, the streams and the running calls in it.

use std::collections::HashMap;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use crate::fingerprint::Ids;

/// How many sessions are held at once. The oldest is forgotten for one more.
const MOST: usize = 4096;

/// How many notices may wait on a stream. A client that does not read loses further ones.
const NOTICES: usize = 64;

/// All sessions.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    begun: u64,
    all: HashMap<String, Session>,
}

#[derive(Debug)]
struct Session {
    number: u64,
    requests: u32,
    stream: Option<mpsc::Sender<Bytes>>,
    calls: HashMap<String, oneshot::Sender<()>>,
}

impl Sessions {
    /// Begins a session and tells its id.
    pub(super) fn begin(&self) -> String {
        let state = &mut *self.0.lock();
        state.begun += 1;
        let id = Ids::new(state.begun).uuid();
        if state.all.len() >= MOST {
            let oldest = state.all.iter().min_by_key(|(_, session)| session.number);
            if let Some(oldest) = oldest.map(|(id, _)| id.clone()) {
                state.all.remove(&oldest);
            }
        }
        let session = Session {
            number: state.begun,
            requests: 0,
            stream: None,
            calls: HashMap::new(),
        };
        state.all.insert(id.clone(), session);
        id
    }

    /// Counts a request of a session, and says whether the session is known and has not had `most`
    /// requests before. One that had them is forgotten.
    pub(super) fn touch(&self, id: &str, most: Option<u32>) -> bool {
        let state = &mut *self.0.lock();
        let Some(session) = state.all.get_mut(id) else {
            return false;
        };
        session.requests = session.requests.saturating_add(1);
        let is_good = most.is_none_or(|most| session.requests <= most);
        if !is_good {
            state.all.remove(id);
        }
        is_good
    }

    /// Ends a session. False when there is none with this id.
    pub(super) fn end(&self, id: &str) -> bool {
        self.0.lock().all.remove(id).is_some()
    }

    pub(super) fn forget_all(&self) {
        self.0.lock().all.clear();
    }

    /// Ends the streams of all sessions, which themselves go on.
    pub(super) fn end_streams(&self) {
        for session in self.0.lock().all.values_mut() {
            session.stream = None;
        }
    }

    /// Opens the stream of a session; one that was open ends.
    pub(super) fn stream(&self, id: &str) -> Option<mpsc::Receiver<Bytes>> {
        let (sender, receiver) = mpsc::channel(NOTICES);
        self.0.lock().all.get_mut(id)?.stream = Some(sender);
        Some(receiver)
    }

    /// Tells all open streams.
    pub(super) fn notify(&self, notice: &Bytes) {
        for session in self.0.lock().all.values() {
            if let Some(stream) = &session.stream {
                // A stream that nobody reads has had enough notices of the same kind.
                let _full = stream.try_send(notice.clone());
            }
        }
    }

    /// A call that can be cancelled from now on: the receiver gets a word then.
    pub(super) fn call(&self, id: &str, request_id: &str) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        if let Some(session) = self.0.lock().all.get_mut(id) {
            session.calls.insert(request_id.to_owned(), sender);
        }
        receiver
    }

    /// Cancels a call. False when there is none that runs.
    pub(super) fn cancel(&self, id: &str, request_id: &str) -> bool {
        let call = self.uncall(id, request_id);
        call.is_some_and(|call| call.send(()).is_ok())
    }

    /// Forgets a call that has ended.
    pub(super) fn uncall(&self, id: &str, request_id: &str) -> Option<oneshot::Sender<()>> {
        self.0.lock().all.get_mut(id)?.calls.remove(request_id)
    }
}
