//! One server of one identity: how it is, and what it offers.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::access::Access;
use crate::figures::{Figures, Standing};
use crate::listing::Listing;
use crate::shelf::Stock;
use crate::{McpError, Server, ToolServer, UserToken};

/// One server of one identity.
pub(super) struct Slot {
    server: Arc<Server>,
    state: Mutex<State>,
    /// Whether it still works is doubted.
    doubted: Notify,
    /// What is presented has changed.
    pub(super) renewed: Notify,
}

struct State {
    /// None while there is nothing to present.
    access: Option<Arc<Access>>,
    standing: Standing,
    open: Option<Arc<dyn ToolServer>>,
    /// Stays while the server is opened again.
    listing: Option<Arc<Listing>>,
}

impl Slot {
    pub(super) fn new(server: Arc<Server>, access: Option<Access>) -> Self {
        let standing = match &access {
            Some(_) => Standing::Opening,
            None => Standing::WithoutCredential,
        };
        Self {
            server,
            state: Mutex::new(State {
                access: access.map(Arc::new),
                standing,
                open: None,
                listing: None,
            }),
            doubted: Notify::new(),
            renewed: Notify::new(),
        }
    }

    pub(super) fn of(&self) -> &Arc<Server> {
        &self.server
    }

    pub(super) fn access(&self) -> Option<Arc<Access>> {
        self.state.lock().access.clone()
    }

    /// Takes what the authority says now.
    pub(super) fn update(&self, token: Option<UserToken>) -> Result<(), McpError> {
        if let Some(access) = self.access()
            && access.update(token)?
        {
            self.renewed.notify_one();
        }
        Ok(())
    }

    pub(super) fn server(&self) -> Option<Arc<dyn ToolServer>> {
        self.state.lock().open.clone()
    }

    pub(super) fn stock(&self) -> Stock {
        Stock {
            server: Arc::clone(&self.server),
            listing: self.state.lock().listing.clone(),
        }
    }

    pub(super) fn is_heard_of(&self) -> bool {
        self.state.lock().standing != Standing::Opening
    }

    pub(super) fn is_down(&self) -> bool {
        matches!(self.state.lock().standing, Standing::Down(_))
    }

    pub(super) fn opened(&self, open: Arc<dyn ToolServer>, listing: Arc<Listing>) {
        let mut state = self.state.lock();
        state.standing = Standing::Open;
        state.listing = Some(listing);
        let earlier = state.open.replace(open);
        drop(state);
        drop(earlier);
    }

    pub(super) fn listed(&self, listing: Arc<Listing>) {
        self.state.lock().listing = Some(listing);
    }

    /// It cannot be opened: its tools go.
    pub(super) fn failed(&self, error: &McpError) {
        let mut state = self.state.lock();
        state.standing = Standing::Down(error.kind());
        state.listing = None;
        let earlier = state.open.take();
        drop(state);
        drop(earlier);
    }

    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.listing = None;
        let open = state.open.take();
        drop(state);
        drop(open);
    }

    /// A call failed. Some failures say that the server may not be there any more; one that is only
    /// slow with a call lists its tools in time.
    pub(super) fn doubt(&self, error: &McpError) {
        match error {
            McpError::Unreachable(_)
            | McpError::Status { .. }
            | McpError::Moved { .. }
            | McpError::SessionEnded
            | McpError::TimedOut { .. }
            | McpError::Refused { .. }
            | McpError::NoToken(_) => self.doubted.notify_one(),
            McpError::NoKey
            | McpError::Answered { .. }
            | McpError::Malformed { .. }
            | McpError::TooLarge { .. }
            | McpError::TooMany { .. }
            | McpError::NotOpen
            | McpError::Arguments(_)
            | McpError::Closed => {}
        }
    }

    pub(super) async fn doubted(&self) {
        self.doubted.notified().await;
    }

    pub(super) fn count(&self, figures: &mut Figures) {
        let state = self.state.lock();
        let (tools, left_out) = state
            .listing
            .as_ref()
            .map_or((0, 0), |listing| (listing.tools.len(), listing.left_out));
        let who = (self.server.name(), self.server.shown_url());
        figures.add(who, state.standing, (tools, left_out));
    }
}
