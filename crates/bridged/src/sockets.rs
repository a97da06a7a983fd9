//! Sockets that a supervisor has opened for this process: the protocol of `sd_listen_fds`.
//!
//! Whoever holds the sockets can replace the process without refusing a connection: what arrives
//! meanwhile waits for the next one.

use std::io;
use std::net::{SocketAddr, TcpListener};

use listenfd::ListenFd;
use parking_lot::Mutex;
use socket2::SockRef;

use crate::config::env::Environment;

/// The socket where coding agents connect.
pub(crate) const GATEWAY: &str = "gateway";
/// The socket of the operator's API, health and metrics.
pub(crate) const OPERATOR: &str = "operator";

/// The socket where gateways of other machines connect to a control plane.
pub(crate) const CONTROL: &str = "control";

/// How many sockets are meant for this process, and for which one.
const COUNT: &str = "LISTEN_FDS";
const PROCESS: &str = "LISTEN_PID";
/// Their names, with colons between them.
const NAMES: &str = "LISTEN_FDNAMES";
/// The number of the first one.
const FIRST: usize = 3;
/// More are a mistake: nothing here has use for them.
const MOST: usize = 8;

/// Why the sockets cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SocketError {
    /// Their number is none.
    #[error("LISTEN_FDS is {said:?}, which is not a number from 0 to {MOST}")]
    Count {
        /// What it is.
        said: String,
    },
    /// Not every one has a name, or the other way round.
    #[error("the supervisor hands over {sockets} sockets and names {names} (LISTEN_FDNAMES)")]
    Names {
        /// How many sockets.
        sockets: usize,
        /// How many names.
        names: usize,
    },
    /// A name that means nothing here.
    #[error(
        "the supervisor hands over a socket named {name:?}, for which there is no use here: name \
         it {wanted} (FileDescriptorName= of its socket unit)"
    )]
    Unknown {
        /// The name.
        name: String,
        /// The names that mean something.
        wanted: String,
    },
    /// There is nothing left that it could be for.
    #[error(
        "the supervisor hands over more sockets than are of use here: {wanted} (FileDescriptorName= \
         of a socket unit)"
    )]
    TooMany {
        /// The names that mean something.
        wanted: String,
    },
    /// One name for two sockets.
    #[error("the supervisor hands over two sockets named {name:?}: one is needed")]
    Twice {
        /// The name.
        name: &'static str,
    },
    /// It is something else.
    #[error(
        "socket {number} of the supervisor cannot take connections: a stream socket over TCP that \
         listens is needed (ListenStream= with a port, and Accept=no)"
    )]
    Kind {
        /// The number of its descriptor.
        number: usize,
        /// What it is instead, if that is known.
        source: io::Error,
    },
}

/// The sockets of this process. Each can be taken once.
#[derive(Debug, Default)]
pub(crate) struct Inherited(Mutex<Option<Handed>>);

#[derive(Debug)]
struct Handed {
    sockets: Result<Vec<TcpListener>, SocketError>,
    names: Option<Vec<String>>,
}

impl Inherited {
    /// Takes over what the supervisor hands to this process. Called before there are threads: it
    /// takes the variables away, so that no child believes the sockets to be its own.
    pub(crate) fn of_process(environment: &Environment) -> Self {
        let text = |name| environment.text(name).ok().flatten();
        let is_ours = |said: &str| said.parse() == Ok(std::process::id());
        let Some(said) = text(COUNT).filter(|_| text(PROCESS).is_some_and(is_ours)) else {
            return Self::default();
        };
        let names = text(NAMES).map(|names| names.split(':').map(str::to_owned).collect());
        Self(Mutex::new(Some(Handed {
            sockets: count(said).and_then(all),
            names,
        })))
    }

    /// Takes the sockets of these names. Those without a name are for these in turn.
    ///
    /// # Errors
    /// When there is one that none of the names is for, or that cannot take connections.
    pub(crate) fn take<const N: usize>(
        &self,
        wanted: [&'static str; N],
    ) -> Result<[Option<TcpListener>; N], SocketError> {
        let mut taken = [const { None }; N];
        let Some(handed) = self.0.lock().take() else {
            return Ok(taken);
        };
        let sockets = handed.sockets?;
        let names = match handed.names {
            Some(names) => names,
            None => vec![String::new(); sockets.len()],
        };
        if names.len() != sockets.len() {
            return Err(SocketError::Names {
                sockets: sockets.len(),
                names: names.len(),
            });
        }
        for ((index, socket), name) in sockets.into_iter().enumerate().zip(names) {
            let place = place(&name, index, &wanted)?;
            match taken.get_mut(place).zip(wanted.get(place)) {
                Some((free @ None, _)) => *free = Some(socket),
                Some((Some(_), name)) => return Err(SocketError::Twice { name }),
                None => {
                    return Err(SocketError::TooMany {
                        wanted: wanted.join(", "),
                    });
                }
            }
        }
        Ok(taken)
    }
}

fn count(said: &str) -> Result<usize, SocketError> {
    let count = said.parse().ok().filter(|count| *count <= MOST);
    count.ok_or_else(|| SocketError::Count {
        said: said.to_owned(),
    })
}

fn all(count: usize) -> Result<Vec<TcpListener>, SocketError> {
    let mut handed = ListenFd::from_env();
    (0..count).map(|index| one(&mut handed, index)).collect()
}

fn one(handed: &mut ListenFd, index: usize) -> Result<TcpListener, SocketError> {
    let number = FIRST + index;
    let wrong = |source| SocketError::Kind { number, source };
    let socket = handed.take_tcp_listener(index).map_err(wrong)?;
    let socket = socket.ok_or_else(|| wrong(io::ErrorKind::NotFound.into()))?;
    let listens = SockRef::from(&socket).is_listener().map_err(wrong)?;
    if !listens {
        return Err(wrong(io::Error::other("it does not listen")));
    }
    socket.set_nonblocking(true).map_err(wrong)?;
    Ok(socket)
}

/// For which of the wanted names a socket is. One that the operator gave no name has that of its
/// unit, or none.
fn place(name: &str, index: usize, wanted: &[&'static str]) -> Result<usize, SocketError> {
    if matches!(name, "" | "unknown") || name.ends_with(".socket") {
        return Ok(index);
    }
    let place = wanted.iter().position(|known| *known == name);
    place.ok_or_else(|| SocketError::Unknown {
        name: name.to_owned(),
        wanted: wanted.join(" or "),
    })
}

/// Where a socket listens, for people. Its own address is unknown only when it is broken.
pub(crate) fn address(socket: &TcpListener) -> Option<SocketAddr> {
    socket.local_addr().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handed(names: Option<&[&str]>, sockets: usize) -> (Inherited, Vec<SocketAddr>) {
        let sockets: Vec<_> = (0..sockets)
            .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
            .collect();
        let addresses = sockets.iter().filter_map(address).collect();
        let names = names.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        let handed = Handed {
            sockets: Ok(sockets),
            names,
        };
        (Inherited(Mutex::new(Some(handed))), addresses)
    }

    fn check(names: Option<&[&str]>, sockets: usize, wanted: Result<[Option<usize>; 2], &str>) {
        let (inherited, addresses) = handed(names, sockets);
        match (inherited.take([GATEWAY, OPERATOR]), wanted) {
            (Ok(taken), Ok(wanted)) => {
                let taken = taken.map(|socket| address(&socket?));
                let wanted = wanted.map(|index| Some(addresses[index?]));
                assert_eq!(taken, wanted, "{names:?}");
            }
            (Err(told), Err(part)) => {
                let told = told.to_string();
                assert!(told.contains(part), "{names:?}: {told}");
            }
            (taken, wanted) => panic!("{names:?}: {taken:?}, wanted {wanted:?}"),
        }
    }

    #[test]
    fn sockets_are_known_by_name_or_by_place() {
        check(None, 0, Ok([None, None]));
        check(None, 1, Ok([Some(0), None]));
        check(None, 2, Ok([Some(0), Some(1)]));
        check(None, 3, Err("more sockets than are of use"));
        check(Some(&["operator", "gateway"]), 2, Ok([Some(1), Some(0)]));
        check(Some(&["operator"]), 1, Ok([None, Some(0)]));
        let unnamed = ["bridged.socket", "bridged.socket"];
        check(Some(&unnamed), 2, Ok([Some(0), Some(1)]));
        check(Some(&["gateway", "gateway"]), 2, Err("two sockets named"));
        check(Some(&["gatewy"]), 1, Err("name it gateway or operator"));
        check(Some(&["gateway"]), 2, Err("2 sockets and names 1"));
    }

    #[test]
    fn sockets_of_others_are_left_alone() {
        let other = (std::process::id() + 1).to_string();
        let own = std::process::id().to_string();
        for (pairs, problem) in [
            (vec![], None),
            (vec![(COUNT, "1")], None),
            (vec![(COUNT, "1"), (PROCESS, other.as_str())], None),
            (vec![(COUNT, "0"), (PROCESS, own.as_str())], None),
            (
                vec![(COUNT, "many"), (PROCESS, own.as_str())],
                Some("\"many\""),
            ),
            (
                vec![(COUNT, "-1"), (PROCESS, own.as_str())],
                Some("from 0 to 8"),
            ),
            (
                vec![(COUNT, "4000000000"), (PROCESS, own.as_str())],
                Some("from 0 to 8"),
            ),
        ] {
            let environment = Environment::from_pairs(pairs.iter().copied());
            let taken = Inherited::of_process(&environment).take([GATEWAY]);
            match (taken, problem) {
                (Ok([None]), None) => {}
                (Err(told), Some(part)) => {
                    assert!(told.to_string().contains(part), "{told}");
                }
                (taken, _) => panic!("{pairs:?}: {taken:?}"),
            }
        }
    }
}
