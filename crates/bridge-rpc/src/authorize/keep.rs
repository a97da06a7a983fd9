//! A copy of the known grants on disk, so that a gateway which is started while the control plane
//! is away goes on with them.

mod file;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bridge_telemetry::{ErrorChain, keys, wall_clock};
use parking_lot::Mutex;
use slog::{Logger, info, warn};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use self::file::{Copied, KeptGrant};
use super::cache::{Changes, Confirmed};
use super::question::Hasher;
use super::{Inner, KNOWN_FOR, Outage, State, answer};
use crate::private_file;

/// How often is looked for changes. What was revoked leaves the file that soon.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long new grants wait for others before the file is written.
const GATHER_FOR: Duration = Duration::from_secs(5);
/// How old the file may become although nothing changes: a gateway that dies together with the
/// control plane loses so much of its grace.
const RENEW_EVERY: Duration = Duration::from_secs(60);
/// So far a clock may be set back between two processes without harm.
const CLOCK_SLACK: Duration = Duration::from_secs(5);
/// Writing takes at most one part in so many of the time.
const SHARE: u32 = 10;

/// Where the copy is.
#[derive(Debug)]
pub(super) struct Keep {
    path: PathBuf,
    /// Whose grants they are.
    control: String,
    /// Held while the file is written, so that the last one to write has the newest grants.
    writing: Mutex<()>,
}

/// The copy cannot be used in this folder.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeepError {
    #[error("the key of the kept grants cannot be read or made in {}", path.display())]
    Key { path: PathBuf, source: io::Error },
}

impl Keep {
    /// Reads or makes the key by which credentials are found again. Blocks for as long as the disk
    /// takes.
    pub(super) fn open(folder: &Path, control: &str) -> Result<(Self, Hasher), KeepError> {
        let path = folder.join(file::KEY);
        let key = file::key(&path).map_err(|source| KeepError::Key { path, source })?;
        let path = folder.join(file::NAME);
        let keep = Self {
            path,
            control: control.to_owned(),
            writing: Mutex::new(()),
        };
        Ok((keep, Hasher::with_key(&key)))
    }

    /// Takes what an earlier process left. What cannot be used is told and ignored: then nobody is
    /// known. Blocks for as long as the disk takes.
    pub(super) fn restore(&self, hasher: &Hasher, state: &mut State, logger: &Logger) {
        let bytes = match private_file::read(&self.path) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return,
            Err(cause) => {
                warn!(logger, "kept grants cannot be read, nobody is known";
                    keys::PATH => %self.path.display(), keys::ERROR => ErrorChain(&cause));
                return;
            }
        };
        match file::decode(&bytes, hasher, &self.control) {
            Ok(copied) => match take(copied, state) {
                Some(grants) => {
                    info!(logger, "kept grants are known again"; "grants" => grants);
                }
                None => warn!(logger, "kept grants are of a later time than the clock tells, \
                    nobody is known"; keys::PATH => %self.path.display()),
            },
            Err(cause) => warn!(logger, "kept grants cannot be used, nobody is known";
                keys::PATH => %self.path.display(), keys::ERROR => ErrorChain(&cause)),
        }
    }

    /// Writes the copy whole, or takes the old one away: it may have what was revoked meanwhile.
    fn write(&self, inner: &Inner) -> io::Result<()> {
        let _writing = self.writing.lock();
        let Some(copied) = copy(inner) else {
            return private_file::remove(&self.path);
        };
        let bytes = file::encode(&copied, &inner.hasher, &self.control);
        let written = private_file::write(&self.path, &bytes);
        if written.is_err() {
            // On a full disk this works, and a broken disk has nothing to read either.
            let _gone = private_file::remove(&self.path);
        }
        written
    }
}

/// Takes the copy out of a folder, with the key that belongs to it. What is not there is no error.
///
/// # Errors
/// When a file is there and cannot be removed.
pub fn forget_kept_grants(folder: &Path) -> io::Result<()> {
    for name in [file::NAME, file::KEY] {
        private_file::remove(&folder.join(name))?;
    }
    Ok(())
}

/// How many grants of the copy are still known. The clock of the wall leads over the restart. One
/// that was set back behind the copy cannot tell what is left of the grace: then there is none.
fn take(copied: Copied, state: &mut State) -> Option<usize> {
    let (now, wall) = (Instant::now(), wall_clock());
    if copied.heard_at > wall + CLOCK_SLACK {
        return None;
    }
    let age = |then| wall.duration_since(then).unwrap_or_default();
    state.reach.restore(age(copied.heard_at), now);
    for kept in copied.grants {
        let silent_for = age(kept.confirmed_at);
        let asked_at = now.checked_sub(silent_for);
        let Some(asked_at) = asked_at.filter(|_| silent_for < KNOWN_FOR) else {
            continue;
        };
        let confirmed = Confirmed {
            digest: kept.digest,
            subject: kept.subject,
            expires: answer::end_of(&kept.grant, now),
            grant: kept.grant,
            asked_at,
        };
        state.cache.restore(confirmed, now);
    }
    Some(state.cache.len())
}

/// Writes the copy whenever it has to be another one, until it is dropped.
pub(super) async fn follow(inner: Arc<Inner>, keep: Arc<Keep>) {
    let mut last = Last::default();
    loop {
        sleep(LOOK_EVERY).await;
        let now = Instant::now();
        let (changes, outage) = {
            let state = inner.state.lock();
            (state.cache.changes(), state.reach.outage())
        };
        if last.is_due(changes, outage, now) {
            let is_written = save(&inner, &keep, last.is_failing).await;
            last = Last {
                changes,
                outage,
                at: Some(now),
                took: now.elapsed(),
                is_failing: !is_written,
            };
        }
    }
}

/// What was written last.
#[derive(Default)]
struct Last {
    changes: Changes,
    outage: Option<Outage>,
    at: Option<Instant>,
    took: Duration,
    is_failing: bool,
}

impl Last {
    fn is_due(&self, changes: Changes, outage: Option<Outage>, now: Instant) -> bool {
        let age = self.at.map_or(Duration::MAX, |at| now - at);
        if age < self.took * SHARE {
            return false;
        }
        let is_urgent = changes.taken != self.changes.taken || outage != self.outage;
        let is_new = changes.added != self.changes.added || self.is_failing;
        let is_old = outage.is_none() && self.at.is_some();
        is_urgent || (is_new && age >= GATHER_FOR) || (is_old && age >= RENEW_EVERY)
    }
}

/// Writes the copy as it is to be now. Says whether it was written; the first failure of a row is
/// logged.
pub(super) async fn save(inner: &Arc<Inner>, keep: &Arc<Keep>, is_failing: bool) -> bool {
    let (inner, keep) = (Arc::clone(inner), Arc::clone(keep));
    let logger = inner.channel.logger().clone();
    let work = spawn_blocking(move || keep.write(&inner));
    match work.await {
        Ok(Ok(())) => true,
        Ok(Err(cause)) => {
            if !is_failing {
                warn!(logger, "grants cannot be kept: after a restart nobody is known";
                    keys::ERROR => ErrorChain(&cause));
            }
            false
        }
        Err(cause) => {
            warn!(logger, "grants cannot be kept: after a restart nobody is known";
                keys::ERROR => ErrorChain(&cause));
            false
        }
    }
}

/// Nothing when there is no grace that another process could go on with: the control plane refuses
/// this gateway, or nothing was heard of it yet and there is no telling since when.
fn copy(inner: &Inner) -> Option<Copied> {
    let (grants, outage) = {
        let state = inner.state.lock();
        (state.cache.confirmed(), state.reach.outage())
    };
    if outage.is_some_and(|outage| !outage.has_grace()) {
        return None;
    }
    let (now, wall) = (Instant::now(), wall_clock());
    let on_the_wall = |then: Instant| wall - now.saturating_duration_since(then);
    let grants = grants.into_iter().map(|confirmed| KeptGrant {
        digest: confirmed.digest,
        subject: confirmed.subject,
        grant: confirmed.grant,
        confirmed_at: on_the_wall(confirmed.asked_at),
    });
    Some(Copied {
        heard_at: on_the_wall(outage.map_or(now, |outage| outage.since)),
        grants: grants.collect(),
    })
}

#[cfg(test)]
mod tests;
