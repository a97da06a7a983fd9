//! What a simulated provider is made of.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::AwsSender;

/// How a simulated provider behaves.
#[derive(Clone)]
pub struct SimulateConfig {
    /// Where to listen. Default: a free port on 127.0.0.1.
    pub listen: SocketAddr,
    /// A number that all ids follow from, together with the request. Default 0.
    pub seed: u64,
    /// Whether equal requests get equal ids. Default [`IdSource::Request`].
    pub ids: IdSource,
    /// The credential callers must present, as `Authorization: Bearer`, or as `X-Api-Key` where Messages are
    /// spoken, or as `Api-Key` where Azure is. Others are refused with status 401. Default: none is asked for.
    pub expected_key: Option<String>,
    /// Whose signatures are taken where AWS Bedrock is spoken. Others are refused with status 403.
    /// Default: signatures are not looked at.
    pub aws_sender: Option<AwsSender>,
    /// How many requests, and how many answers' ends, are remembered for
    /// [`Simulator::seen`](crate::Simulator::seen) and
    /// [`Simulator::ends_of`](crate::Simulator::ends_of). Default 64. With 0 the bodies are not
    /// hashed for this either, which a load test wants.
    pub keep_seen: usize,
    /// A file of JSON lines to which every request for an answer and every answer's end is
    /// appended; the README describes them. Default none.
    pub ledger: Option<PathBuf>,
    /// How long that file may become, in bytes. Then its last line says so, and nothing follows.
    /// Default 256 MiB.
    pub ledger_bytes: u64,
    /// The largest request body, as it travels and when decoded. Default 64 MiB.
    pub body_bytes: usize,
    /// Whether histories and names of tools are looked at as strictly as providers do: every call
    /// has its result where it belongs, thoughts are as they were, names are good and unique. Others
    /// are refused with status 400. Default true.
    pub is_strict: bool,
    /// Whether [`Simulator::seen`](crate::Simulator::seen) tells bodies, too. Default false.
    pub keep_bodies: bool,
    /// Time between two events of a stream, unless the request says otherwise. Default none: a
    /// stream is written as fast as it is read.
    pub pace: Duration,
}

/// What the ids of an answer follow from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IdSource {
    /// The seed and the request: the same request gets the same answer, byte for byte.
    #[default]
    Request,
    /// The seed, the request and the number of requests before it: no two answers share an id.
    Counter,
}

impl Default for SimulateConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            seed: 0,
            ids: IdSource::default(),
            expected_key: None,
            aws_sender: None,
            keep_seen: 64,
            ledger: None,
            ledger_bytes: 256 << 20,
            body_bytes: 64 << 20,
            is_strict: true,
            keep_bodies: false,
            pace: Duration::ZERO,
        }
    }
}

impl fmt::Debug for SimulateConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulateConfig")
            .field("listen", &self.listen)
            .field("seed", &self.seed)
            .field("ids", &self.ids)
            .field("asks_for_key", &self.expected_key.is_some())
            .field("aws_sender", &self.aws_sender)
            .field("keep_seen", &self.keep_seen)
            .field("ledger", &self.ledger)
            .field("ledger_bytes", &self.ledger_bytes)
            .field("body_bytes", &self.body_bytes)
            .field("is_strict", &self.is_strict)
            .field("keep_bodies", &self.keep_bodies)
            .field("pace", &self.pace)
            .finish()
    }
}
