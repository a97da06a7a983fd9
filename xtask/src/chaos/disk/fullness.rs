//! Ways in which a disk can be full for one process.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::super::node::Node;
use crate::Outcome;

/// Mounts a file system of some megabytes on the first argument and becomes the rest of them.
/// Nobody outside of the process sees it, and it ends with the process.
const WITH_DISK: &str = "mount -t tmpfs -o size=24m,mode=700 tmpfs \"$0\" && exec \"$@\"";
/// Becomes its arguments, which are then told of files that may not grow, and not ended.
const WITH_LIMIT: &str = "trap '' XFSZ; exec \"$@\"";
/// How much is written at once.
const PIECE: usize = 64 << 10;
/// No such file system has more pieces.
const MOST_PIECES: usize = 4_096;

/// How a disk is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fullness {
    /// The data folder is a file system of its own.
    Disk,
    /// No file of the process may grow.
    Limit,
}

impl Fullness {
    /// A disk of its own where the system lets everybody mount one.
    pub(super) fn of_this_machine() -> Self {
        let mut command = Command::new("unshare");
        command.args(["-rm", "/bin/sh", "-c", WITH_DISK, "/tmp", "/bin/true"]);
        let command = command.stdout(Stdio::null()).stderr(Stdio::null());
        match command.status().is_ok_and(|status| status.success()) {
            true => Self::Disk,
            false => Self::Limit,
        }
    }

    pub(super) fn told(self) -> &'static str {
        match self {
            Self::Disk => {
                "the data folder is a tmpfs of 24 MiB, filled until the system said ENOSPC"
            }
            Self::Limit => {
                "no file system could be mounted here: files may not grow (RLIMIT_FSIZE)"
            }
        }
    }

    /// Starts the process so that its disk can be filled.
    pub(super) fn start(self, node: &mut Node) -> Outcome {
        let shell = match self {
            Self::Disk => {
                fs::create_dir_all(node.data())?;
                let mut command = Command::new("unshare");
                command.args(["-rm", "/bin/sh", "-c", WITH_DISK]);
                command.arg(node.data());
                command
            }
            Self::Limit => {
                let mut command = Command::new("/bin/sh");
                command.args(["-c", WITH_LIMIT, "sh"]);
                command
            }
        };
        let mut command = node.command_through(shell);
        // The shell finds `mount`.
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        node.start_as(command, Stdio::null())?;
        node.wait_until_ready()
    }

    /// From now on nothing more can be written.
    pub(super) fn fill(self, node: &Node) -> Outcome {
        match self {
            Self::Disk => fill(&filler(node)?),
            Self::Limit => limit(node, "1:"),
        }
    }

    /// From now on it can.
    pub(super) fn make_room(self, node: &Node) -> Outcome {
        match self {
            Self::Disk => Ok(fs::remove_file(filler(node)?)?),
            Self::Limit => limit(node, "unlimited:"),
        }
    }
}

/// A file on the process's own disk, as it can be reached from outside.
fn filler(node: &Node) -> Outcome<PathBuf> {
    let root = PathBuf::from(format!("/proc/{}/root", node.process_id()?));
    let data = node.data();
    Ok(root.join(data.strip_prefix("/")?).join("filler"))
}

/// Writes until the system refuses for want of space.
fn fill(path: &PathBuf) -> Outcome {
    let mut file = File::create(path)?;
    let mut piece = PIECE;
    for _ in 0..MOST_PIECES {
        match file.write_all(&vec![0; piece]) {
            Ok(()) => {}
            Err(cause) if cause.kind() != io::ErrorKind::StorageFull => return Err(cause.into()),
            Err(_) if piece > 1 => piece /= 2,
            Err(_) => return Ok(()),
        }
    }
    Err("the disk cannot be filled".into())
}

/// Sets how long a file of the process may become, until this is called again.
fn limit(node: &Node, bytes: &str) -> Outcome {
    let mut command = Command::new("prlimit");
    command.arg(format!("--pid={}", node.process_id()?));
    let status = command.arg(format!("--fsize={bytes}")).status()?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("prlimit ended with {status}").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_may_not_grow_is_refused_and_the_process_lives() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        let script = "prlimit --pid=$$ --fsize=1: && echo longer > \"$1\" || echo refused";
        let mut command = Command::new("/bin/sh");
        command.args(["-c", WITH_LIMIT, "sh", "/bin/sh", "-c", script, "sh"]);
        let output = command.arg(&file).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(said.trim(), "refused");
    }
}
