//! A server that a supervisor starts: sockets handed over, and word given back.

use std::net::UdpSocket;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use crate::support::{
    HeldProvider, LAST, Program, Served, Start, connect, held_socket, open_stream, read_rest,
    read_until, send,
};

#[test]
fn the_next_process_takes_the_connections_that_the_last_one_did_not() {
    let (program, provider) = (Program::new(), HeldProvider::start());
    let (socket, address) = held_socket();
    let start = || Start {
        socket: Some(socket.try_clone().unwrap().into()),
        ..Start::new(&program, &provider)
    };
    let mut old = start().run();
    assert_eq!(old.gateway, address);
    assert!(
        old.said
            .contains("socket       the supervisor's, for the gateway"),
        "{}",
        old.said
    );
    let key = old.key(&program);
    let running = open_stream(address, &key);
    old.signal("TERM");
    old.wait_for_log("\"draining\"");
    // Nobody accepts these two; they wait, one with its request and one without.
    let (mut early, mut silent) = (connect(address), connect(address));
    send(&mut early, &key);
    provider.let_go();
    let heard = read_rest(running);
    assert!(
        heard.contains(LAST) && heard.ends_with("0\r\n\r\n"),
        "{heard}"
    );
    assert_eq!(old.ended().code(), Some(0), "{}", old.log());
    let new = start().run();
    assert_eq!(new.gateway, address);
    send(&mut silent, &key);
    for stream in [early, silent] {
        let mut served = Served {
            stream,
            heard: Vec::new(),
        };
        read_until(&mut served, "0\r\n\r\n");
        let heard = String::from_utf8(served.heard).unwrap();
        assert!(
            heard.starts_with("HTTP/1.1 200") && heard.contains(LAST),
            "{heard}"
        );
    }
}

#[test]
fn sockets_of_no_use_are_refused_with_a_reason() {
    let (program, provider) = (Program::new(), HeldProvider::start());
    let check = |socket: OwnedFd, names: Option<&str>, part: &str| {
        let names = names.map(|names| ("LISTEN_FDNAMES", names.to_owned()));
        let start = Start {
            socket: Some(socket),
            variables: names.into_iter().collect(),
            ..Start::new(&program, &provider)
        };
        let (code, told) = start.fail();
        assert_eq!(code, Some(1), "{told}");
        assert!(told.contains(part), "{part:?} is not in {told}");
    };
    let tcp = || OwnedFd::from(held_socket().0);
    let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
    check(
        datagrams.into(),
        None,
        "socket 3 of the supervisor cannot take connections",
    );
    let (listener, address) = held_socket();
    check(connect(address).into(), None, "it does not listen");
    drop(listener);
    check(tcp(), Some("gatewy"), "name it gateway or operator");
    check(
        tcp(),
        Some("gateway:operator"),
        "hands over 1 sockets and names 2",
    );
}

#[test]
fn the_supervisor_hears_when_requests_are_taken_and_when_no_more() {
    let (program, provider) = (Program::new(), HeldProvider::start());
    let path = program.folder.path().join("notify");
    let supervisor = UnixDatagram::bind(&path).unwrap();
    let patience = Some(Duration::from_secs(30));
    supervisor.set_read_timeout(patience).unwrap();
    let heard = || {
        let mut bytes = [0; 1_024];
        let length = supervisor.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    };
    let mut serving = Start {
        variables: vec![("NOTIFY_SOCKET", path.display().to_string())],
        ..Start::new(&program, &provider)
    }
    .run();
    let ready = heard();
    assert!(ready.contains("READY=1\n"), "{ready}");
    serving.signal("TERM");
    let stopping = heard();
    assert!(stopping.contains("STOPPING=1\n"), "{stopping}");
    assert_eq!(serving.ended().code(), Some(0));
}
