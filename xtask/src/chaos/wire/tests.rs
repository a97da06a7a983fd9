//! The wire between two ends of a socket.

use std::io::Read;

use super::frame::Frame;
use super::*;

/// A wire with both its ends.
struct Ends {
    wire: Wire,
    client: TcpStream,
    server: TcpStream,
}

fn ends() -> Ends {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let wire = Wire::lay(1).unwrap();
    wire.lead_to(Some(listener.local_addr().unwrap()));
    let client = TcpStream::connect(wire.address()).unwrap();
    let (server, _) = listener.accept().unwrap();
    Ends {
        wire,
        client,
        server,
    }
}

fn read(from: &mut TcpStream, bytes: usize) -> Vec<u8> {
    let mut read = vec![0; bytes];
    from.read_exact(&mut read).unwrap();
    read
}

#[test]
fn without_trouble_everything_travels_both_ways() {
    let mut ends = ends();
    ends.client.write_all(b"PRI * no frame").unwrap();
    assert_eq!(read(&mut ends.server, 14), b"PRI * no frame");
    let frame = Frame::new(1, 3, b"answer");
    ends.server.write_all(frame.bytes()).unwrap();
    assert_eq!(read(&mut ends.client, frame.bytes().len()), frame.bytes());
    drop(ends.server);
    assert_eq!(
        ends.client.read(&mut [0]).unwrap(),
        0,
        "the end travels, too"
    );
}

#[test]
fn frames_are_doubled_and_a_held_one_comes_in_the_end() {
    let mut ends = ends();
    let frame = Frame::new(0, 3, b"answer");
    let once = frame.bytes();
    ends.wire.trouble(Odds {
        double: 1,
        ..Odds::default()
    });
    ends.server.write_all(once).unwrap();
    let twice = [once, once].concat();
    assert_eq!(read(&mut ends.client, twice.len()), twice);
    ends.wire.trouble(Odds {
        hold: 1,
        ..Odds::default()
    });
    ends.server.write_all(once).unwrap();
    assert_eq!(read(&mut ends.client, once.len()), once);
    let (done, connections) = ends.wire.done();
    assert_eq!((done.doubled, connections), (1, 1));
}

#[test]
fn an_answer_can_be_the_end_and_so_can_an_order() {
    let mut first = ends();
    first.wire.trouble(Odds {
        cut: 1,
        ..Odds::default()
    });
    let headers = Frame::new(1, 3, b"answer");
    first.server.write_all(headers.bytes()).unwrap();
    assert_eq!(first.client.read(&mut [0]).unwrap_or(0), 0);
    let mut second = ends();
    second.client.write_all(b"x").unwrap();
    read(&mut second.server, 1);
    second.wire.cut();
    assert_eq!(second.client.read(&mut [0]).unwrap_or(0), 0);
}

#[test]
fn a_wire_that_leads_nowhere_ends_connections() {
    let wire = Wire::lay(1).unwrap();
    let mut client = TcpStream::connect(wire.address()).unwrap();
    assert_eq!(client.read(&mut [0]).unwrap_or(0), 0);
}
