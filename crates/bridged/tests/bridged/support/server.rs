//! A server that runs as a process of its own, and a raw client for it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;
use serde_json::Value;

use super::provider::FIRST;
use super::{HeldProvider, Program, Running, signal, text, until};

/// Hands socket 0 to the program as its socket 3, as a supervisor would.
const HAND_OVER: &str = "exec 3<&0 </dev/null; export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$@\"";

/// How a server is started.
pub(crate) struct Start<'s> {
    pub(crate) program: &'s Program,
    /// Below the sections that every server has.
    pub(crate) settings: String,
    /// `serve` or `control`, and what follows it.
    pub(crate) command: Vec<String>,
    /// A socket to hand over.
    pub(crate) socket: Option<OwnedFd>,
    pub(crate) variables: Vec<(&'static str, String)>,
}

/// A server, and what it said until it was up.
pub(crate) struct Serving {
    pub(crate) running: Running,
    pub(crate) gateway: SocketAddr,
    pub(crate) operator: SocketAddr,
    pub(crate) said: String,
    log: Arc<Mutex<String>>,
}

/// What became of a request.
pub(crate) struct Served {
    pub(crate) stream: TcpStream,
    pub(crate) heard: Vec<u8>,
}

impl<'s> Start<'s> {
    pub(crate) fn new(program: &'s Program, provider: &HeldProvider) -> Self {
        let settings = format!(
            "[[providers]]\nname = \"anthropic\"\ntype = \"anthropic\"\n\
             base_url = \"http://{}\"\napi_keys = [\"operator-key\"]\n",
            provider.address
        );
        Self {
            program,
            settings,
            command: vec!["serve".to_owned()],
            socket: None,
            variables: Vec::new(),
        }
    }

    /// Says this in a variable.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    /// The configuration file of the server.
    pub(crate) fn write_file(&self) {
        let listen = "[listen]\naddress = \"127.0.0.1:0\"\noperator_address = \"127.0.0.1:0\"\n";
        let text = format!("{listen}{}", self.settings);
        fs::write(self.program.folder.path().join("bridged.toml"), text).unwrap();
    }

    fn command(&self) -> Command {
        let file = self.program.folder.path().join("bridged.toml");
        let mut serve: Vec<&str> = self.command.iter().map(String::as_str).collect();
        serve.extend(["--config", file.to_str().unwrap()]);
        let mut command = if self.socket.is_some() {
            let mut command = Command::new("/bin/sh");
            command
                .env_clear()
                .env("HOME", self.program.folder.path())
                .args(["-c", HAND_OVER, "sh", env!("CARGO_BIN_EXE_bridged")])
                .args(serve);
            command
        } else {
            self.program.command(&serve)
        };
        command.envs(self.variables.iter().map(|(name, value)| (*name, value)));
        command
    }

    /// Starts the server and waits until it says where it is.
    pub(crate) fn run(mut self) -> Serving {
        self.write_file();
        let mut command = self.command();
        if let Some(socket) = self.socket.take() {
            command.stdin(Stdio::from(socket));
        }
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut running = Running(child.unwrap());
        let log = follow(&mut running.0);
        let mut out = BufReader::new(running.0.stdout.take().unwrap());
        let mut said = String::new();
        while !said.contains("\nNext:") {
            let read = out.read_line(&mut said).unwrap();
            assert!(read > 0, "{said}{}", log.lock());
        }
        // What it says later is nobody's, and must not stop it.
        thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
        Serving {
            gateway: address(&said, "gateway"),
            operator: address(&said, "operator"),
            running,
            said,
            log,
        }
    }

    /// Starts the server, which is to end by itself, and gives its code and what it complained of.
    pub(crate) fn fail(mut self) -> (Option<i32>, String) {
        self.write_file();
        let mut command = self.command();
        if let Some(socket) = self.socket.take() {
            command.stdin(Stdio::from(socket));
        }
        let output = command.output().unwrap();
        (output.status.code(), text(&output.stderr))
    }
}

/// Gathers what a child writes to standard error.
fn follow(child: &mut Child) -> Arc<Mutex<String>> {
    let log = Arc::<Mutex<String>>::default();
    let (lines, kept) = (
        BufReader::new(child.stderr.take().unwrap()),
        Arc::clone(&log),
    );
    thread::spawn(move || {
        for line in lines.lines().map_while(Result::ok) {
            kept.lock().push_str(&format!("{line}\n"));
        }
    });
    log
}

fn address(said: &str, name: &str) -> SocketAddr {
    let line = said.lines().find(|line| line.trim().starts_with(name));
    let (_, rest) = line.unwrap().split_once("://").unwrap();
    rest.split_whitespace().next().unwrap().parse().unwrap()
}

impl Serving {
    /// What it logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().clone()
    }

    /// Waits until it has logged this.
    pub(crate) fn wait_for_log(&self, part: &str) -> String {
        until(part, || Some(self.log()).filter(|log| log.contains(part)))
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(&self.running.0, name);
    }

    /// Waits until it has ended.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let child = &mut self.running.0;
        until("the end of the server", || child.try_wait().unwrap())
    }

    /// Runs a command against it.
    pub(crate) fn operate(&self, program: &Program, arguments: &[&str]) -> Result<String, String> {
        let url = format!("http://{}", self.operator);
        let output = program.run(&[arguments, &["--admin-url", &url]].concat());
        if output.status.success() {
            Ok(text(&output.stdout))
        } else {
            Err(text(&output.stderr))
        }
    }

    /// The same for a command that answers in JSON.
    pub(crate) fn ask(&self, program: &Program, arguments: &[&str]) -> Value {
        let arguments = [arguments, &["--json"]].concat();
        serde_json::from_str(&self.operate(program, &arguments).unwrap()).unwrap()
    }

    /// Makes a user and a key.
    pub(crate) fn key(&self, program: &Program) -> String {
        self.operate(program, &["user", "create", "ada"]).unwrap();
        let made = self.ask(program, &["key", "create", "ada"]);
        made["secret"].as_str().unwrap().to_owned()
    }

    /// What `/readyz` answers: its status line and what follows.
    pub(crate) fn readiness(&self) -> String {
        self.get("/readyz")
    }

    /// What the operator's listener answers without a token.
    pub(crate) fn get(&self, path: &str) -> String {
        let mut stream = connect(self.operator);
        let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

pub(crate) fn connect(to: SocketAddr) -> TcpStream {
    TcpStream::connect(to).unwrap()
}

/// Sends a request for a stream, over a connection that could take another one.
pub(crate) fn send(stream: &mut TcpStream, key: &str) {
    let body = r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
    let request = format!(
        "POST /anthropic/v1/messages HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {key}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
}

/// Asks for a stream and reads its first event.
pub(crate) fn open_stream(to: SocketAddr, key: &str) -> Served {
    let mut served = Served {
        stream: connect(to),
        heard: Vec::new(),
    };
    send(&mut served.stream, key);
    read_until(&mut served, FIRST);
    served
}

/// Reads until this has come.
pub(crate) fn read_until(served: &mut Served, end: &str) {
    let mut piece = [0; 4_096];
    while !String::from_utf8_lossy(&served.heard).contains(end) {
        let read = served.stream.read(&mut piece).unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&served.heard));
        served.heard.extend_from_slice(&piece[..read]);
    }
}

/// Reads until the other side closes, and gives everything that was heard.
pub(crate) fn read_rest(mut served: Served) -> String {
    // A connection that is cut may end with a reset.
    let _ignored = served.stream.read_to_end(&mut served.heard);
    String::from_utf8(served.heard).unwrap()
}

/// A socket that listens, to be handed over again and again.
pub(crate) fn held_socket() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}
