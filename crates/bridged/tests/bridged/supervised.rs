//! A server that a supervisor starts: sockets handed over, and word given back.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::support::{
    HeldProvider, LAST, Program, Served, Start, connect, held_socket, open_stream, read_rest,
    read_until, send, until,
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

/// Sends request after request, each over a connection of its own, until it is told to stop. Says
/// how many were answered, and what went wrong.
struct Hammer {
    is_over: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    work: JoinHandle<Vec<String>>,
}

impl Hammer {
    fn start(to: SocketAddr, key: &str) -> Self {
        let (is_over, answered) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let (over, count, key) = (Arc::clone(&is_over), Arc::clone(&answered), key.to_owned());
        let work = thread::spawn(move || {
            let mut wrong = Vec::new();
            while !over.load(Ordering::Relaxed) {
                match ask(to, &key) {
                    Ok(heard) if heard.starts_with("HTTP/1.1 200") && heard.contains(LAST) => {}
                    Ok(heard) => wrong.push(heard),
                    Err(cause) => wrong.push(cause.to_string()),
                }
                count.fetch_add(1, Ordering::Relaxed);
            }
            wrong
        });
        Self {
            is_over,
            answered,
            work,
        }
    }

    /// Waits until this many more were answered.
    fn more(&self, count: usize) {
        let wanted = self.answered.load(Ordering::Relaxed) + count;
        until("more answers", || {
            (self.answered.load(Ordering::Relaxed) >= wanted).then_some(())
        });
    }

    fn end(self) -> Vec<String> {
        self.is_over.store(true, Ordering::Relaxed);
        self.work.join().unwrap()
    }
}

/// One request, read until the other side has said everything.
fn ask(to: SocketAddr, key: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(to)?;
    let body = r#"{"model":"m","stream":true,"messages":[]}"#;
    let request = format!(
        "POST /anthropic/v1/messages HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {key}\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes())?;
    let mut heard = String::new();
    stream.read_to_string(&mut heard)?;
    Ok(heard)
}

#[test]
fn restarts_under_load_refuse_nobody() {
    let (program, provider) = (Program::new(), HeldProvider::start());
    provider.let_go();
    let (socket, address) = held_socket();
    let start = || Start {
        socket: Some(socket.try_clone().unwrap().into()),
        ..Start::new(&program, &provider)
    };
    let mut serving = start().run();
    let key = serving.key(&program);
    let hammers: Vec<_> = (0..4).map(|_| Hammer::start(address, &key)).collect();
    for _ in 0..3 {
        hammers.iter().for_each(|hammer| hammer.more(5));
        serving.signal("TERM");
        assert_eq!(serving.ended().code(), Some(0), "{}", serving.log());
        serving = start().run();
    }
    hammers.iter().for_each(|hammer| hammer.more(5));
    for hammer in hammers {
        assert_eq!(hammer.end(), [""; 0]);
    }
}

#[test]
fn a_gateway_takes_over_from_another_that_still_runs() {
    let (home, provider) = (Program::new(), HeldProvider::start());
    let (socket, address) = held_socket();
    let (control_socket, control_address) = held_socket();
    let control = Start {
        command: vec!["control".to_owned()],
        socket: Some(control_socket.into()),
        ..Start::new(&home, &provider)
    };
    let control = control.run();
    assert!(
        control.said.contains("the supervisor's, for the control"),
        "{}",
        control.said
    );
    let url = format!("http://{control_address}");
    let made = control.ask(&home, &["gateway-key", "create", "both"]);
    let homes = [Program::new(), Program::new()];
    let start = |at: usize| {
        let start = Start {
            program: &homes[at],
            settings: String::new(),
            command: vec!["serve".to_owned(), "--control".to_owned(), url.clone()],
            socket: Some(socket.try_clone().unwrap().into()),
            variables: Vec::new(),
        };
        let key = made["secret"].as_str().unwrap();
        let serving = start.with("BRIDGED_CONTROL_GATEWAY_KEY", key).run();
        until("a gateway that is ready", || {
            serving
                .readiness()
                .starts_with("HTTP/1.1 200")
                .then_some(())
        });
        serving
    };
    let key = control.key(&home);
    let mut old = start(0);
    let running = open_stream(address, &key);
    let turns = old.ask(&homes[0], &["turns"]);
    assert_eq!(turns[0]["username"], "ada", "{turns}");
    let reloaded = old.ask(&homes[0], &["reload"]);
    assert!(reloaded["generation"].as_u64() > Some(2), "{reloaded}");
    // Both take connections for a while, then only the new one does.
    let new = start(1);
    old.signal("TERM");
    old.wait_for_log("\"draining\"");
    let held = open_stream(address, &key);
    assert_eq!(new.ask(&homes[1], &["turns"]).as_array().unwrap().len(), 1);
    provider.let_go();
    let hammer = Hammer::start(address, &key);
    hammer.more(20);
    assert_eq!(hammer.end(), [""; 0]);
    let heard = read_rest(running);
    assert!(
        heard.contains(LAST) && heard.ends_with("0\r\n\r\n"),
        "{heard}"
    );
    assert_eq!(old.ended().code(), Some(0), "{}", old.log());
    let mut held = held;
    read_until(&mut held, "0\r\n\r\n");
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

#[test]
fn a_supervisor_that_does_not_listen_stops_nothing() {
    let (program, provider) = (Program::new(), HeldProvider::start());
    provider.let_go();
    let path = program.folder.path().join("notify");
    let _deaf = UnixDatagram::bind(&path).unwrap();
    let filler = UnixDatagram::unbound().unwrap();
    filler.set_nonblocking(true).unwrap();
    while filler.send_to(b"STATUS=full", &path).is_ok() {}
    let mut serving = Start {
        variables: vec![("NOTIFY_SOCKET", path.display().to_string())],
        ..Start::new(&program, &provider)
    }
    .run();
    let key = serving.key(&program);
    let mut served = open_stream(serving.gateway, &key);
    read_until(&mut served, "0\r\n\r\n");
    serving.operate(&program, &["reload"]).unwrap();
    serving.signal("HUP");
    serving.signal("TERM");
    assert_eq!(serving.ended().code(), Some(0), "{}", serving.log());
}

#[test]
fn a_gateway_is_ready_for_its_supervisor_when_its_control_plane_has_come() {
    let (home, other, provider) = (Program::new(), Program::new(), HeldProvider::start());
    let (socket, address) = held_socket();
    let control = || Start {
        command: vec!["control".to_owned()],
        socket: Some(socket.try_clone().unwrap().into()),
        ..Start::new(&home, &provider)
    };
    let mut first = control().run();
    let made = first.ask(&home, &["gateway-key", "create", "one"]);
    first.signal("TERM");
    assert_eq!(first.ended().code(), Some(0));
    let path = other.folder.path().join("notify");
    let supervisor = UnixDatagram::bind(&path).unwrap();
    let url = format!("http://{address}");
    let start = Start {
        program: &other,
        settings: String::new(),
        command: vec!["serve".to_owned(), "--control".to_owned(), url],
        socket: None,
        variables: vec![("NOTIFY_SOCKET", path.display().to_string())],
    };
    let key = made["secret"].as_str().unwrap();
    let gateway = start.with("BRIDGED_CONTROL_GATEWAY_KEY", key).run();
    // It serves, and there is nothing to serve with yet.
    let answer = ask(gateway.gateway, "nobody").unwrap();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    // A reload says nothing of it either.
    gateway.operate(&other, &["reload"]).unwrap();
    supervisor.set_nonblocking(true).unwrap();
    let mut word = [0; 1_024];
    let heard = supervisor.recv(&mut word).map_err(|cause| cause.kind());
    assert_eq!(heard, Err(io::ErrorKind::WouldBlock));
    let _control = control().run();
    supervisor.set_nonblocking(false).unwrap();
    let patience = Some(Duration::from_secs(30));
    supervisor.set_read_timeout(patience).unwrap();
    let length = supervisor.recv(&mut word).unwrap();
    let heard = String::from_utf8_lossy(&word[..length]);
    assert!(heard.contains("READY=1\n"), "{heard}");
    let readiness = gateway.readiness();
    assert!(readiness.starts_with("HTTP/1.1 200"), "{readiness}");
}
