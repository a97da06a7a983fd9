//! A provider of HTTP/2.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bridge_telemetry::task::{self, Task};
use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Barrier, watch};
use tokio_rustls::TlsAcceptor;

/// What it does with each request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Habit {
    Answer,
    /// When so many have come.
    AnswerTogether(usize),
    /// The connection takes nothing new after the first.
    AnswerAndLeave,
    Echo,
    /// It answers 413 and does not read.
    RefuseUnread,
    Silent,
    /// It stops in the middle.
    Half,
    /// It resets the exchange before the head.
    Reset,
    /// It resets the exchange in the middle.
    ResetHalfway,
}

/// Remembers the heads of its requests, and how many of them were given up by the other side.
pub(super) struct Http2 {
    pub(super) port: u16,
    pub(super) heads: Arc<Mutex<Vec<String>>>,
    pub(super) connections: Arc<Mutex<usize>>,
    pub(super) connections_open: watch::Receiver<usize>,
    asked: watch::Receiver<usize>,
    resets: watch::Receiver<usize>,
    _task: Task<()>,
}

#[derive(Clone)]
struct Desk {
    habit: Habit,
    heads: Arc<Mutex<Vec<String>>>,
    asked: Arc<watch::Sender<usize>>,
    resets: Arc<watch::Sender<usize>>,
    together: Arc<Barrier>,
}

impl Http2 {
    pub(super) async fn start(tls: Option<TlsAcceptor>, habit: Habit, streams: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::<Mutex<usize>>::default();
        let together = if let Habit::AnswerTogether(many) = habit {
            many
        } else {
            1
        };
        let desk = Desk {
            habit,
            heads: Arc::default(),
            asked: Arc::default(),
            resets: Arc::default(),
            together: Arc::new(Barrier::new(together)),
        };
        let open = Arc::new(watch::Sender::new(0));
        let (heads, asked, resets) = (
            Arc::clone(&desk.heads),
            desk.asked.subscribe(),
            desk.resets.subscribe(),
        );
        let (count, connections_open) = (Arc::clone(&connections), open.subscribe());
        let logger = bridge_telemetry::discard();
        let _task = task::spawn(&logger.clone(), "server", async move {
            let mut tasks = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                *count.lock() += 1;
                open.send_modify(|open| *open += 1);
                let (desk, tls, open) = (desk.clone(), tls.clone(), Arc::clone(&open));
                tasks.push(task::spawn(&logger, "connection", async move {
                    match tls {
                        None => serve(stream, desk, streams).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, desk, streams).await;
                            }
                        }
                    }
                    open.send_modify(|open| *open -= 1);
                }));
            }
        });
        Self {
            port,
            heads,
            connections,
            connections_open,
            asked,
            resets,
            _task,
        }
    }

    /// Waits until so many requests have come.
    pub(super) async fn until_asked(&self, times: usize) {
        let mut asked = self.asked.clone();
        asked.wait_for(|asked| *asked >= times).await.unwrap();
    }

    /// Waits until so many exchanges were given up by the other side.
    pub(super) async fn until_reset(&self, times: usize) {
        let mut resets = self.resets.clone();
        resets.wait_for(|resets| *resets >= times).await.unwrap();
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    desk: Desk,
    streams: u32,
) {
    let habit = desk.habit;
    let (told, mut leave) = watch::channel(false);
    let told = Arc::new(told);
    let service = service_fn(move |request| {
        let (desk, told) = (desk.clone(), Arc::clone(&told));
        async move {
            let answer = answer(desk, request).await;
            told.send_replace(true);
            answer
        }
    });
    let connection = http2::Builder::new(TokioExecutor::new())
        .max_concurrent_streams(streams)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    if matches!(habit, Habit::AnswerAndLeave) {
        tokio::select! {
            _ = connection.as_mut() => return,
            _ = leave.wait_for(|leave| *leave) => connection.as_mut().graceful_shutdown(),
        }
    }
    let _ignored = connection.await;
}

type Answer = Result<Response<BoxBody<Bytes, Gone>>, Gone>;

/// Ends an exchange with an internal error.
#[derive(Debug, thiserror::Error)]
#[error("gone")]
pub(super) struct Gone;

impl From<Infallible> for Gone {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

async fn answer(desk: Desk, request: Request<Incoming>) -> Answer {
    let (parts, body) = request.into_parts();
    let lines = parts.headers.iter();
    let lines = lines.map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()));
    let head = format!("{} {} {:?}\n", parts.method, parts.uri, parts.version);
    desk.heads.lock().push(head + &lines.collect::<String>());
    // Dropped without an answer when the other side gives up.
    let unanswered = Given(Some(Arc::clone(&desk.resets)));
    desk.asked.send_modify(|asked| *asked += 1);
    if matches!(desk.habit, Habit::RefuseUnread) {
        unanswered.kept();
        let mut refusal = whole("too much");
        *refusal.status_mut() = http::StatusCode::PAYLOAD_TOO_LARGE;
        return Ok(refusal);
    }
    let body = body.collect().await.map_err(|_| Gone)?.to_bytes();
    let answer = match desk.habit {
        Habit::Answer | Habit::AnswerAndLeave | Habit::RefuseUnread => Ok(whole("ok")),
        Habit::AnswerTogether(_) => {
            desk.together.wait().await;
            Ok(whole("ok"))
        }
        Habit::Echo => Ok(whole(body)),
        Habit::Silent => std::future::pending().await,
        Habit::Half => {
            let half = Half {
                piece: Some(Bytes::from_static(b"half")),
                given: Given(Some(Arc::clone(&desk.resets))),
                ends: false,
            };
            Ok(Response::new(BoxBody::new(half)))
        }
        Habit::Reset => Err(Gone),
        Habit::ResetHalfway => {
            let half = Half {
                piece: Some(Bytes::from_static(b"half")),
                given: Given(None),
                ends: true,
            };
            Ok(Response::new(BoxBody::new(half)))
        }
    };
    unanswered.kept();
    answer
}

fn whole(text: impl Into<Bytes>) -> Response<BoxBody<Bytes, Gone>> {
    let body = Full::new(text.into()).map_err(Gone::from);
    Response::new(BoxBody::new(body))
}

/// Counts what the other side gives up.
struct Given(Option<Arc<watch::Sender<usize>>>);

impl Given {
    fn kept(mut self) {
        self.0 = None;
    }
}

impl Drop for Given {
    fn drop(&mut self) {
        if let Some(resets) = &self.0 {
            resets.send_modify(|resets| *resets += 1);
        }
    }
}

/// A body of which the second half does not come.
struct Half {
    piece: Option<Bytes>,
    given: Given,
    ends: bool,
}

impl Body for Half {
    type Data = Bytes;
    type Error = Gone;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Gone>>> {
        match self.piece.take() {
            Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece)))),
            None if self.ends => {
                // The piece before is on its way first.
                self.ends = false;
                let mut later = Box::pin(tokio::task::yield_now());
                let _ignored = later.as_mut().poll(cx);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            None => match self.given.0 {
                Some(_) => Poll::Pending,
                None => Poll::Ready(Some(Err(Gone))),
            },
        }
    }
}
