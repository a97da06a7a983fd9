//! What every test stands on: the program, a running server, a provider that can be held, and a
//! raw client.

mod provider;
mod server;

use std::process::{Child, Command, Output};
use std::time::Duration;

use tempfile::TempDir;

pub(crate) use provider::{HeldProvider, LAST};
pub(crate) use server::{
    Served, Serving, Start, connect, held_socket, open_stream, read_rest, read_until, send,
};

/// The program with a home of its own.
pub(crate) struct Program {
    pub(crate) folder: TempDir,
}

impl Program {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bridged"));
        command
            .env_clear()
            .env("HOME", self.folder.path())
            .args(arguments);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A started program that ends with the test.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ignored = self.0.kill();
        let _ignored = self.0.wait();
    }
}

/// Sends a signal to a process that a test started.
pub(crate) fn signal(child: &Child, name: &str) {
    let order = format!("kill -{name} {}", child.id());
    let status = Command::new("/bin/sh").args(["-c", &order]).status();
    assert!(status.unwrap().success());
}

/// Waits for a condition, at most for as long as a stuck test may take.
pub(crate) fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    const EACH: Duration = Duration::from_millis(10);
    for _ in 0..3_000 {
        if let Some(found) = condition() {
            return found;
        }
        pause(EACH);
    }
    panic!("waited in vain: {what}");
}

#[expect(
    clippy::disallowed_methods,
    reason = "a process has no clock that a test could hold"
)]
fn pause(span: Duration) {
    std::thread::sleep(span);
}
