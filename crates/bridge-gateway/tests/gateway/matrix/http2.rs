//! A provider that speaks HTTP/2 and does not finish.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use h2::Reason;
use h2::server::{self, Connection, SendResponse};
use http::Response;
use tokio::net::TcpStream;

use crate::support::{Script, Step, chunk};

use super::play::head;
use super::voice::{Manner, Voice};

/// What it says to each request, and how it ends.
#[derive(Clone)]
pub(super) struct Broken {
    manner: Manner,
    /// Pieces of the body; without any there is no head either.
    pieces: Vec<Bytes>,
    end: End,
}

#[derive(Clone, Copy)]
pub(super) enum End {
    /// The stream is reset for this reason.
    Reset(Reason),
    /// The whole connection is given up for this reason.
    GoesAway(Reason),
    /// As if everything were said.
    Properly,
}

impl Broken {
    /// Ends before it has said anything.
    pub(super) fn silent(manner: Manner, end: End) -> Self {
        let pieces = Vec::new();
        Self {
            manner,
            pieces,
            end,
        }
    }

    /// Ends in the middle of an event, or of a whole answer.
    pub(super) fn begun(voice: &Voice, manner: Manner, end: End) -> Self {
        let pieces = match manner {
            Manner::Blocking => vec![&voice.answer.as_bytes()[..60]],
            Manner::Streaming => {
                let [first, second, third] = voice.events.map(str::as_bytes);
                vec![first, second, &third[..20]]
            }
        };
        let pieces = pieces.into_iter().map(Bytes::copy_from_slice).collect();
        Self {
            manner,
            pieces,
            end,
        }
    }

    /// Ends properly, behind whole events or in the middle of a whole answer.
    pub(super) fn early(voice: &Voice, manner: Manner) -> Self {
        let mut broken = Self::begun(voice, manner, End::Properly);
        if let Manner::Streaming = manner {
            broken.pieces.pop();
        }
        broken
    }

    /// The same as it would be said in HTTP/1.1.
    pub(super) fn script(&self) -> Script {
        let mut script = match self.manner {
            Manner::Streaming => vec![head(self.manner)],
            Manner::Blocking => vec![Step::Send(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(),
            )],
        };
        script.extend(self.pieces.iter().map(|piece| Step::Send(chunk(piece))));
        script.push(Step::Send(b"0\r\n\r\n".to_vec()));
        script
    }

    /// Answers every request of a connection so, and counts them.
    pub(super) async fn converse(self, stream: TcpStream, asked: Arc<AtomicUsize>) {
        let Ok(mut connection) = server::handshake(stream).await else {
            return;
        };
        while let Some(Ok((_, respond))) = connection.accept().await {
            asked.fetch_add(1, Ordering::SeqCst);
            self.answer(&mut connection, respond).await;
        }
    }

    async fn answer(
        &self,
        connection: &mut Connection<TcpStream, Bytes>,
        mut respond: SendResponse<Bytes>,
    ) {
        if self.pieces.is_empty() {
            match self.end {
                End::Reset(reason) => respond.send_reset(reason),
                End::GoesAway(reason) => connection.abrupt_shutdown(reason),
                End::Properly => panic!("an end is the end of something"),
            }
            return;
        }
        let kind = match self.manner {
            Manner::Blocking => "application/json",
            Manner::Streaming => "text/event-stream",
        };
        let head = Response::builder().header("content-type", kind);
        let mut body = respond
            .send_response(head.body(()).unwrap(), false)
            .unwrap();
        for piece in &self.pieces {
            body.send_data(piece.clone(), false).unwrap();
        }
        // What was said goes out before the end that overtakes it.
        flushed(connection).await;
        match self.end {
            End::Reset(reason) => body.send_reset(reason),
            End::GoesAway(reason) => connection.abrupt_shutdown(reason),
            End::Properly => body.send_data(Bytes::new(), true).unwrap(),
        }
    }
}

/// Lets the connection write all that it has to.
async fn flushed(connection: &mut Connection<TcpStream, Bytes>) {
    let mut ping = connection.ping_pong().unwrap();
    let pong = ping.ping(h2::Ping::opaque());
    tokio::select! {
        pong = pong => {
            pong.unwrap();
        }
        // Nobody asks anything else meanwhile.
        _ = connection.accept() => {}
    }
}
