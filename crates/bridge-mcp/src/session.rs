//! One session with one server for one identity, over the official SDK.
//!
//! The SDK has the protocol: versions, sessions and their renewal, streams and their resumption,
//! cancellation. HTTP below it and the meaning above it are ours.

mod events;
mod head;
mod line;
pub(crate) mod message;
mod owed;
mod pace;
mod places;
mod refusal;
mod slot;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bridge_auth::HeaderPolicy;
use bridge_telemetry::task::{self, Task};
use bridge_upstream::Exchange;
use bytes::Bytes;
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, ClientCapabilities, ClientRequest, Implementation,
    InitializeRequestParams, ListToolsRequest, PaginatedRequestParams, ProtocolVersion,
};
use rmcp::service::{
    ClientInitializeError, NotificationContext, Peer, PeerRequestOptions, RequestHandle,
    RunningService, RunningServiceCancellationToken, ServiceError,
};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::common::client_side_sse::ExponentialBackoff;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ClientHandler, RoleClient, ServiceExt as _};
use serde_json::value::RawValue;
use slog::Logger;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use self::line::Line;
use self::message::RawArguments;
pub(crate) use self::places::Places;
use self::slot::Slot;
use crate::access::Access;
use crate::leaving::Leaving;
use crate::listing::{Listing, Page};
use crate::object::read_object;
use crate::outcome;
use crate::{McpConfig, McpError, Outcome, ToolServer};

/// How much of a server's error message is kept, in bytes.
const LONGEST_MESSAGE: usize = 2 << 10;
/// How often a stream that broke is resumed, one second after the first time and later and later
/// after the others. What the server says unasked is not heard any more after that.
const RESUMED: usize = 8;
/// The longest wait before that.
const LAST_RESUMPTION: Duration = Duration::from_secs(60);

/// How many requests of one session may wait for the head of their answers; further ones wait for
/// these. One turn makes few at once, but an identity may have many agents.
const AT_ONCE: usize = 256;

/// What sessions are opened with.
#[derive(Clone)]
pub(crate) struct Opener {
    pub(crate) exchange: Arc<dyn Exchange>,
    pub(crate) policy: Arc<HeaderPolicy>,
    pub(crate) config: McpConfig,
    pub(crate) places: Places,
    pub(crate) leaving: Leaving,
    pub(crate) logger: Logger,
}

/// An open session. Dropping it ends it: the server is told, which takes at most five seconds and
/// belongs to the [`Leaving`].
pub(crate) struct Session {
    peer: Peer<RoleClient>,
    access: Arc<Access>,
    config: McpConfig,
    changed: Arc<Notify>,
    over: watch::Receiver<bool>,
    stop: Option<RunningServiceCancellationToken>,
    task: Option<Task<()>>,
    leaving: Leaving,
    logger: Logger,
}

impl Opener {
    /// Opens a session. Dropping the future gives up.
    ///
    /// # Errors
    /// When the server does not open one.
    pub(crate) async fn open(&self, access: Arc<Access>) -> Result<Session, McpError> {
        let changed = Arc::new(Notify::new());
        let uri: Arc<str> = Arc::from(access.server.url());
        let (line, opening) = Line::new(
            Arc::clone(&self.exchange),
            Arc::clone(&access),
            Arc::clone(&self.policy),
            self.config.answer_bytes,
            self.places.clone(),
            Arc::clone(&changed),
        );
        let mut config = StreamableHttpClientTransportConfig::with_uri(uri);
        config.retry_config = Arc::new(resumption());
        config.max_concurrent_requests = AT_ONCE;
        let transport = StreamableHttpClientTransport::with_client(line.clone(), config);
        let listener = Listener(Arc::clone(&changed));
        let service = Box::pin(listener.serve(transport)).await;
        let service = service.map_err(|error| masked(not_opened(error, &line), &access))?;
        opening.done();
        Ok(self.attend(service, changed, access))
    }

    fn attend(
        &self,
        service: RunningService<RoleClient, Listener>,
        changed: Arc<Notify>,
        access: Arc<Access>,
    ) -> Session {
        let (tell, over) = watch::channel(false);
        let peer = service.peer().clone();
        let stop = Some(service.cancellation_token());
        let attend = async move {
            // However it ended, it has.
            let _how = service.waiting().await;
            tell.send_replace(true);
        };
        Session {
            peer,
            access,
            config: self.config,
            changed,
            over,
            stop,
            task: Some(task::spawn(&self.logger, "tool session", attend)),
            leaving: self.leaving.clone(),
            logger: self.logger.clone(),
        }
    }
}

impl Session {
    /// Sends a request whose answer is put into the slot.
    async fn ask(
        &self,
        request: ClientRequest,
        slot: &Slot,
        within: Duration,
    ) -> Result<Bytes, McpError> {
        let asked = async {
            let options = PeerRequestOptions::no_options();
            let handle = self.peer.send_cancellable_request(request, options).await;
            let mut asked = Asked::new(handle.map_err(|_| McpError::SessionEnded)?, self);
            let answered = asked.answered().await;
            match slot.take() {
                Some(answer) => answer,
                None => Err(not_answered(answered)),
            }
        };
        let asked = timeout(within, asked).await;
        let asked = asked.unwrap_or(Err(McpError::TimedOut { after: within }));
        asked.map_err(|error| masked(error, &self.access))
    }

    async fn page(&self, cursor: Option<String>) -> Result<Bytes, McpError> {
        let mut request = ListToolsRequest::with_param(PaginatedRequestParams::default());
        request.params = cursor.map(|at| PaginatedRequestParams::default().with_cursor(Some(at)));
        let slot = Slot::default();
        request.extensions.insert(slot.clone());
        let request = ClientRequest::ListToolsRequest(request);
        self.ask(request, &slot, self.config.opening).await
    }
}

#[async_trait]
impl ToolServer for Session {
    async fn list(&self) -> Result<Listing, McpError> {
        let (mut pages, mut cursor) = (Vec::new(), None);
        let mut bytes = 0;
        loop {
            if pages.len() == self.config.pages {
                return Err(McpError::TooMany {
                    what: "pages",
                    limit: self.config.pages,
                });
            }
            let result = self.page(cursor.take()).await?;
            bytes += result.len();
            if bytes > self.config.listing_bytes {
                return Err(McpError::TooLarge {
                    limit: self.config.listing_bytes,
                });
            }
            let mut page = Page::read(&result)?;
            cursor = page.next.take();
            pages.push(page);
            if cursor.is_none() {
                return Ok(Listing::of(pages));
            }
        }
    }

    async fn call(
        &self,
        tool: &str,
        arguments: &str,
        within: Duration,
    ) -> Result<Outcome, McpError> {
        let arguments = raw_object(arguments)?;
        let slot = Slot::default();
        let mut request = CallToolRequest::new(CallToolRequestParams::new(tool.to_owned()));
        request.extensions.insert(slot.clone());
        request.extensions.insert(RawArguments(arguments));
        let request = ClientRequest::CallToolRequest(request);
        let result = self.ask(request, &slot, within).await?;
        outcome::read(&result)
    }

    async fn changed(&self) {
        self.changed.notified().await;
    }

    async fn ended(&self) {
        // An error says that who would tell is gone, which is the end as well.
        let mut over = self.over.clone();
        let _either = over.wait_for(|over| *over).await;
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop.cancel();
        }
        if let Some(task) = self.task.take() {
            self.leaving.see_off(task);
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session")
    }
}

/// A request that was sent. Dropped before its answer, it is cancelled.
struct Asked<'a> {
    handle: Option<RequestHandle<RoleClient>>,
    session: &'a Session,
}

impl<'a> Asked<'a> {
    fn new(handle: RequestHandle<RoleClient>, session: &'a Session) -> Self {
        Self {
            handle: Some(handle),
            session,
        }
    }

    /// Waits for the answer. What it says is in the slot of the request.
    async fn answered(&mut self) -> Result<(), ServiceError> {
        let Some(handle) = &mut self.handle else {
            return Ok(());
        };
        let answer = (&mut handle.rx).await;
        self.handle = None;
        answer
            .map_err(|_| ServiceError::TransportClosed)?
            .map(|_| ())
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        let Some(handle) = self.handle.take() else {
            return;
        };
        let cancel = async move {
            // When the session is gone there is nothing to cancel.
            let _gone = handle.cancel(Some("nobody waits for it".to_owned())).await;
        };
        let session = self.session;
        session
            .leaving
            .say(&session.logger, "tool call cancelled", cancel);
    }
}

/// What the server says unasked.
struct Listener(Arc<Notify>);

impl ClientHandler for Listener {
    fn get_info(&self) -> InitializeRequestParams {
        let us = Implementation::new("bridged", env!("CARGO_PKG_VERSION"));
        InitializeRequestParams::new(ClientCapabilities::default(), us)
            .with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE)
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.0.notify_one();
    }
}

fn resumption() -> ExponentialBackoff {
    let mut policy = ExponentialBackoff::default();
    policy.max_times = Some(RESUMED);
    policy.max_delay = Some(LAST_RESUMPTION);
    policy
}

/// The text as it is, if it is an object.
fn raw_object(text: &str) -> Result<Arc<RawValue>, McpError> {
    let raw: &RawValue = read_object(text.as_bytes()).map_err(McpError::Arguments)?;
    Ok(Arc::from(raw.to_owned()))
}

fn not_opened(error: ClientInitializeError, line: &Line) -> McpError {
    if let Some(trouble) = line.trouble() {
        return trouble;
    }
    if let ClientInitializeError::JsonRpcError(data) = error {
        return McpError::Answered {
            code: data.code.0,
            message: data.message.into_owned(),
        };
    }
    // The SDK's own words may have the server's in them, at any length.
    message::malformed("it opens no session", None)
}

/// The same without what was presented to the server, and not longer than anybody reads.
fn masked(error: McpError, access: &Access) -> McpError {
    if let McpError::Answered { code, message } = error {
        let mut message = access.mask(message);
        message.truncate(message.floor_char_boundary(LONGEST_MESSAGE));
        return McpError::Answered { code, message };
    }
    error
}

fn not_answered(answered: Result<(), ServiceError>) -> McpError {
    match answered {
        Err(ServiceError::McpError(data)) => McpError::Answered {
            code: data.code.0,
            message: data.message.into_owned(),
        },
        Err(_) => McpError::SessionEnded,
        Ok(()) => message::malformed("it is empty", None),
    }
}
