//! Connecting to one of several addresses.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;
use tokio::time::sleep;

/// How long an attempt is waited for before the next address is tried beside it (RFC 8305, section
/// 8, recommends a quarter of a second).
const HEAD_START: Duration = Duration::from_millis(250);

/// How many addresses of a name are tried.
const MOST_ADDRESSES: usize = 16;

/// Connects to whichever answers first. Each address has a head start before the next; one that
/// refuses makes room at once. The others are given up when this ends or is dropped.
///
/// # Errors
/// When all of them refuse: what the last one said.
pub(crate) async fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut waiting = alternating(addresses).into_iter();
    let mut trying = FuturesUnordered::new();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    loop {
        trying.extend(waiting.next().map(TcpStream::connect));
        let has_more = waiting.len() > 0;
        tokio::select! {
            outcome = trying.next() => match outcome {
                Some(Ok(stream)) => return Ok(stream),
                Some(Err(cause)) => last = cause,
                None => return Err(last),
            },
            () = sleep(HEAD_START), if has_more => {}
        }
    }
}

/// The same addresses, IPv4 and IPv6 by turns, so that a family that leads nowhere costs little.
/// Within a family the order is the resolver's, and so is the family that comes first.
fn alternating(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let is_first = |address: &&SocketAddr| {
        addresses
            .first()
            .is_none_or(|first| first.is_ipv6() == address.is_ipv6())
    };
    let mut ours = addresses.iter().filter(is_first);
    let mut others = addresses.iter().filter(|address| !is_first(address));
    let mut order = Vec::with_capacity(addresses.len().min(MOST_ADDRESSES));
    while order.len() < MOST_ADDRESSES {
        let pair = [ours.next(), others.next()];
        if pair == [None, None] {
            break;
        }
        order.extend(pair.into_iter().flatten().copied());
    }
    order
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn families_take_turns() {
        let found = addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "1.1.1.2:1"]);
        let wanted = addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "1.1.1.2:1", "[::3]:1"]);
        assert_eq!(alternating(&found), wanted);
        let found = addresses(&["1.1.1.1:1", "[::1]:1"]);
        assert_eq!(alternating(&found), found);
        assert_eq!(alternating(&[]), []);
        let many: Vec<_> = (0..50).map(|port| ([1, 1, 1, 1], port).into()).collect();
        assert_eq!(alternating(&many), many[..MOST_ADDRESSES]);
    }

    #[tokio::test]
    async fn an_address_that_refuses_does_not_stand_in_the_way() {
        let open = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = open.local_addr().unwrap();
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let refusing = closed.local_addr().unwrap();
        drop(closed);
        let stream = connect(&[refusing, refusing, address]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), address);
        let refused = connect(&[refusing, refusing]).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        let none = connect(&[]).await.unwrap_err();
        assert_eq!(none.kind(), io::ErrorKind::NotFound);
    }
}
