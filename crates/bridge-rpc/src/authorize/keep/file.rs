//! The file of kept grants: a line that names it, an HMAC over the rest, and a protobuf message.
//! It holds keyed hashes, ids and times; no secret can be read out of it.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bridge_auth::{Actor, ActorId, Grant, Standing, constant_time_eq};
use prost::Message;

use crate::authorize::cache::{Digest, Subject};
use crate::authorize::question::Hasher;
use crate::private_file::{MODE, read, write};

/// The file's name in the data folder.
pub(super) const NAME: &str = "grants";
/// The name of the file with the key of the hashes.
pub(super) const KEY: &str = "grants.key";
/// The first line, the number of the version last.
const TITLE: &[u8] = b"bridged grants 1\n";
const FAMILY: &[u8] = b"bridged grants ";
const MAC_BYTES: usize = 32;
const KEY_BYTES: usize = 64;

/// What the file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Copied {
    /// When the control plane was heard of last.
    pub(super) heard_at: SystemTime,
    pub(super) grants: Vec<KeptGrant>,
}

/// One grant of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeptGrant {
    pub(super) digest: Digest,
    pub(super) subject: Subject,
    pub(super) grant: Arc<Grant>,
    pub(super) confirmed_at: SystemTime,
}

/// Why a file is ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unusable {
    #[error("not a file of kept grants")]
    Foreign,
    #[error("written by another version")]
    Version,
    #[error("damaged, or written with another key or for another control plane")]
    Damaged,
}

#[derive(Clone, PartialEq, Message)]
struct CopiedMessage {
    #[prost(int64, tag = "1")]
    heard_at_ms: i64,
    #[prost(message, repeated, tag = "2")]
    grants: Vec<GrantMessage>,
}

#[derive(Clone, PartialEq, Message)]
struct GrantMessage {
    #[prost(bytes = "vec", tag = "1")]
    digest: Vec<u8>,
    #[prost(bool, tag = "2")]
    is_permit: bool,
    #[prost(bytes = "vec", tag = "3")]
    user_id: Vec<u8>,
    #[prost(string, tag = "4")]
    username: String,
    #[prost(string, optional, tag = "5")]
    email: Option<String>,
    #[prost(string, tag = "6")]
    api_key_id: String,
    #[prost(string, optional, tag = "7")]
    workspace_id: Option<String>,
    #[prost(int64, optional, tag = "8")]
    expires_at_ms: Option<i64>,
    #[prost(int64, tag = "9")]
    confirmed_at_ms: i64,
}

/// The bytes of the file.
pub(super) fn encode(copied: &Copied, hasher: &Hasher, control: &str) -> Vec<u8> {
    let message = CopiedMessage {
        heard_at_ms: to_ms(copied.heard_at),
        grants: copied.grants.iter().map(to_message).collect(),
    };
    let message = message.encode_to_vec();
    let mac = mac(hasher, control, &message);
    [TITLE, &mac, &message].concat()
}

/// What the bytes mean.
pub(super) fn decode(bytes: &[u8], hasher: &Hasher, control: &str) -> Result<Copied, Unusable> {
    let Some(rest) = bytes.strip_prefix(TITLE) else {
        return Err(if bytes.starts_with(FAMILY) {
            Unusable::Version
        } else {
            Unusable::Foreign
        });
    };
    let split = rest.split_at_checked(MAC_BYTES);
    let (found, message) = split.ok_or(Unusable::Damaged)?;
    if !constant_time_eq(&mac(hasher, control, message), found) {
        return Err(Unusable::Damaged);
    }
    let message = CopiedMessage::decode(message).map_err(|_| Unusable::Damaged)?;
    let grants = message.grants.into_iter().map(from_message);
    Ok(Copied {
        heard_at: from_ms(message.heard_at_ms),
        grants: grants.collect::<Option<_>>().ok_or(Unusable::Damaged)?,
    })
}

/// Over everything in the file, and whose grants they are.
fn mac(hasher: &Hasher, control: &str, message: &[u8]) -> [u8; MAC_BYTES] {
    let length = control.len().to_le_bytes();
    hasher.authenticate(&[TITLE, &length, control.as_bytes(), message])
}

fn to_message(kept: &KeptGrant) -> GrantMessage {
    let grant = &kept.grant;
    GrantMessage {
        digest: kept.digest.to_vec(),
        is_permit: kept.subject == Subject::Permit,
        user_id: grant.actor.id.as_bytes().to_vec(),
        username: grant.actor.username.clone(),
        email: grant.actor.email.clone(),
        api_key_id: grant.api_key_id.clone(),
        workspace_id: grant.workspace_id.clone(),
        expires_at_ms: grant.expires_at.map(to_ms),
        confirmed_at_ms: to_ms(kept.confirmed_at),
    }
}

fn from_message(message: GrantMessage) -> Option<KeptGrant> {
    let subject = if message.is_permit {
        Subject::Permit
    } else {
        Subject::Key
    };
    let grant = Grant {
        actor: Actor {
            id: ActorId::from_bytes(message.user_id.try_into().ok()?),
            username: message.username,
            email: message.email,
        },
        api_key_id: message.api_key_id,
        workspace_id: message.workspace_id,
        expires_at: message.expires_at_ms.map(from_ms),
        standing: Standing::Confirmed,
    };
    Some(KeptGrant {
        digest: message.digest.try_into().ok()?,
        subject,
        grant: Arc::new(grant),
        confirmed_at: from_ms(message.confirmed_at_ms),
    })
}

/// Rounded down, so that nothing ends later than it should.
fn to_ms(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A time that cannot be is the beginning of time: long over.
fn from_ms(ms: i64) -> SystemTime {
    let since = Duration::from_millis(u64::try_from(ms).unwrap_or_default());
    UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH)
}

/// The key of the hashes, made when there is none. One of a wrong length is replaced: whatever was
/// written with it cannot be used any more.
pub(super) fn key(path: &Path) -> io::Result<[u8; KEY_BYTES]> {
    let found = read(path)?.and_then(|bytes| bytes.try_into().ok());
    if let Some(key) = found {
        fs::set_permissions(path, Permissions::from_mode(MODE))?;
        return Ok(key);
    }
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    write(path, &key)?;
    Ok(key)
}

#[cfg(test)]
mod tests;
