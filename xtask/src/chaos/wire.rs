//! A wire between gateways and a control plane that can be led elsewhere, cut, and troubled.
//!
//! Requests travel as they are. Of the answers whole HTTP/2 frames are dropped, delayed, doubled,
//! and overtaken by those of other streams. Where that breaks the protocol's state, the gateway's
//! client ends the connection: that is a fault as any other.

mod frame;
mod trouble;

use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;

use self::frame::Frames;
use self::trouble::{Deed, Trouble};
pub(super) use self::trouble::{Done, Odds};
use super::dice::Dice;
use crate::program::pause;

/// How long a held frame waits for others to overtake it.
const HOLD: Duration = Duration::from_millis(100);
/// How long connecting to the control plane may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// A wire, until the process ends.
#[derive(Debug)]
pub(super) struct Wire {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    seed: u64,
    connections: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Nothing: connections end as soon as they were made.
    to: Option<SocketAddr>,
    odds: Odds,
    done: Done,
    /// Both ends of every connection that may still be open.
    open: Vec<(u64, TcpStream, TcpStream)>,
}

impl Wire {
    pub(super) fn lay(seed: u64) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            seed,
            connections: AtomicU64::new(0),
            state: Mutex::default(),
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&serving);
                // Whatever breaks a connection shows at its ends.
                thread::spawn(move || shared.carry(&client));
            }
        });
        Ok(Self { address, shared })
    }

    /// Where gateways connect.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on connections lead there, or nowhere.
    pub(super) fn lead_to(&self, to: Option<SocketAddr>) {
        self.shared.state.lock().to = to;
    }

    /// What happens to answers from now on.
    pub(super) fn trouble(&self, odds: Odds) {
        self.shared.state.lock().odds = odds;
    }

    /// Ends all connections that are open.
    pub(super) fn cut(&self) {
        let open = std::mem::take(&mut self.shared.state.lock().open);
        for (_, client, server) in &open {
            end(client, server);
        }
    }

    /// What was done until now, and how many connections there were.
    pub(super) fn done(&self) -> (Done, u64) {
        let connections = self.shared.connections.load(Ordering::Relaxed);
        (self.shared.state.lock().done, connections)
    }
}

impl Shared {
    fn carry(&self, client: &TcpStream) -> io::Result<()> {
        let Some(to) = self.state.lock().to else {
            return Ok(());
        };
        let server = TcpStream::connect_timeout(&to, PATIENCE)?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let number = self.connections.fetch_add(1, Ordering::Relaxed);
        let both = (number, client.try_clone()?, server.try_clone()?);
        self.state.lock().open.push(both);
        let (mut from, mut onward) = (client.try_clone()?, server.try_clone()?);
        let there = thread::spawn(move || {
            let _either_ended = io::copy(&mut from, &mut onward);
            end(&from, &onward);
        });
        let _either_ended = self.back(number, &server, client);
        end(client, &server);
        let _panicked = there.join();
        self.state.lock().open.retain(|(open, ..)| *open != number);
        Ok(())
    }

    /// Carries answers, with trouble.
    fn back(&self, number: u64, mut server: &TcpStream, mut client: &TcpStream) -> io::Result<()> {
        server.set_read_timeout(Some(HOLD))?;
        let mut trouble = Trouble::new(Dice::of(self.seed, number));
        let mut frames = Frames::default();
        loop {
            let deeds = match frames.fill(&mut server) {
                Ok(0) => return Ok(()),
                Ok(_) => {
                    let odds = self.state.lock().odds;
                    let next = std::iter::from_fn(|| frames.next());
                    next.flat_map(|frame| trouble.take(frame, odds)).collect()
                }
                Err(cause) if is_silence(&cause) => trouble.release(),
                Err(cause) => return Err(cause),
            };
            self.state
                .lock()
                .done
                .add(std::mem::take(&mut trouble.done));
            for deed in deeds {
                match deed {
                    Deed::Send(frame) => client.write_all(frame.bytes())?,
                    Deed::Wait(time) => pause(time),
                    Deed::Cut => return Ok(()),
                }
            }
        }
    }
}

impl Done {
    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.dropped += other.dropped;
        self.delayed += other.delayed;
        self.doubled += other.doubled;
        self.overtaken += other.overtaken;
        self.cut += other.cut;
    }
}

fn end(client: &TcpStream, server: &TcpStream) {
    let _ended_already = client.shutdown(Shutdown::Both);
    let _ended_already = server.shutdown(Shutdown::Both);
}

fn is_silence(cause: &io::Error) -> bool {
    matches!(
        cause.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests;
