//! Notice of changes: of the set of tool servers, and of users' tokens.

use std::fmt;

use bridge_auth::ActorId;
use bridge_proto::v1::{WatchToolServersRequest, WatchToolServersResponse};
use bridge_telemetry::keys;
use bridge_telemetry::task::{self, Task};
use slog::{Logger, debug, warn};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

use crate::Channel;
use crate::subscribe::follow;

/// Changes of tokens that a listener may be behind before it is told that all may have changed.
const BEHIND: usize = 1_024;

/// Where things stand with the tool servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToolServerSet {
    /// Grows with every change of a tool server in one control plane, not with those of tokens.
    pub generation: u64,
    /// Whether any server is enabled. Without one nobody has to ask.
    pub has_servers: bool,
}

/// Whose tokens have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenChange {
    /// Those of this user.
    Of(ActorId),
    /// Those of anybody, perhaps: changes may have been missed.
    OfAnybody,
}

/// Follows the control plane's tool servers and tokens. The last set stays while the stream is
/// broken. A control plane of an earlier version says nothing, so that there is no set. Dropping it
/// ends the stream.
pub struct ToolServerWatch {
    sets: watch::Receiver<Option<ToolServerSet>>,
    changes: broadcast::Sender<TokenChange>,
    _following: Task<()>,
}

impl fmt::Debug for ToolServerWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ToolServerWatch")
            .field(&self.current())
            .finish()
    }
}

impl ToolServerWatch {
    /// Subscribes as soon as there is a connection.
    #[must_use]
    pub fn start(channel: &Channel) -> Self {
        let (sender, sets) = watch::channel(None);
        let changes = broadcast::Sender::new(BEHIND);
        let logger = channel.logger();
        let telling = Telling {
            sets: sender,
            changes: changes.clone(),
            logger: logger.clone(),
        };
        let work = follow(
            channel.clone(),
            "WatchToolServers",
            logger.clone(),
            |wire| async move {
                let request = WatchToolServersRequest {};
                wire.tools().watch_tool_servers(request).await
            },
            move |message: Option<WatchToolServersResponse>| {
                if let Some(message) = message {
                    telling.tell(&message);
                }
            },
        );
        Self {
            sets,
            changes,
            _following: task::spawn(logger, "tool server watch", work),
        }
    }

    /// The last set that was told, or nothing when none was: then there are no tool servers.
    #[must_use]
    pub fn current(&self) -> Option<ToolServerSet> {
        *self.sets.borrow()
    }

    /// Waits for a set that differs from the one before and gives it, or nothing when none will
    /// come because the control plane refuses this gateway for good. The first set that is told is
    /// such a change. Sets that follow each other closely may arrive as one. Dropping the future
    /// loses none.
    pub async fn changed(&mut self) -> Option<ToolServerSet> {
        self.sets.changed().await.ok()?;
        *self.sets.borrow_and_update()
    }

    /// Follows the changes of tokens from now on. Listeners outlive the watch, and hear of their end
    /// then.
    #[must_use]
    pub fn token_changes(&self) -> TokenChanges {
        TokenChanges(self.changes.subscribe())
    }
}

/// Changes of users' tokens, one after the other.
#[derive(Debug)]
pub struct TokenChanges(broadcast::Receiver<TokenChange>);

impl TokenChanges {
    /// The next change, or nothing when there will be none. A listener that is more than 1,024
    /// changes behind is told once that anybody's tokens may have changed. Dropping the future loses
    /// none.
    pub async fn next(&mut self) -> Option<TokenChange> {
        match self.0.recv().await {
            Ok(change) => Some(change),
            Err(RecvError::Lagged(_)) => {
                // What is left in the queue is a part of what is told with this.
                self.0 = self.0.resubscribe();
                Some(TokenChange::OfAnybody)
            }
            Err(RecvError::Closed) => None,
        }
    }
}

struct Telling {
    sets: watch::Sender<Option<ToolServerSet>>,
    changes: broadcast::Sender<TokenChange>,
    logger: Logger,
}

impl Telling {
    fn tell(&self, message: &WatchToolServersResponse) {
        let set = ToolServerSet {
            generation: message.generation,
            has_servers: message.has_servers,
        };
        self.sets.send_if_modified(|current| {
            let is_new = *current != Some(set);
            *current = Some(set);
            is_new
        });
        let users: Result<Vec<ActorId>, _> = message.user_ids.iter().map(|id| id.parse()).collect();
        let changes = match users {
            Ok(users) if !message.reset => users.into_iter().map(TokenChange::Of).collect(),
            Ok(_) => vec![TokenChange::OfAnybody],
            Err(_) => {
                warn!(
                    self.logger,
                    "a user with changed tokens has no readable id, all are asked for"
                );
                vec![TokenChange::OfAnybody]
            }
        };
        debug!(self.logger, "tool servers or tokens changed"; keys::GENERATION => set.generation,
            "users" => message.user_ids.len(), "reset" => message.reset);
        for change in changes {
            // Without listeners nobody keeps tokens.
            let _nobody = self.changes.send(change);
        }
    }
}
