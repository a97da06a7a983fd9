//! The limits at the front door, before anybody is asked who a caller is: how many requests run, how
//! fast they come, whether own keys are allowed, and how large a body may be.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};

use bridge_auth::Presented;
use bridge_guard::{CallerKey, Front, FrontPlace, FrontRefusal};
use tokio::time::Instant;

use crate::admission::Claimed;
use crate::read_body::{Framing, ReadBodyError};
use crate::request::Visit;
use crate::{Gateway, Origin};

/// How much of an address of version 6 tells callers apart: a caller has a whole network of that
/// size to themselves (RFC 6177), and so as many addresses as they like.
const NETWORK_BITS: u32 = 64;

/// Who is inside, by a keyed hash of what they presented.
#[derive(Debug, Default)]
pub(crate) struct FrontDoor {
    front: Front,
    /// Made for this process, so that nobody outside can find callers with the same hash.
    hasher: RandomState,
}

/// As whom a caller is counted. None of it has been checked: a caller who makes up credentials is
/// counted as many callers, each of whom is refused by the authorizer.
#[derive(Hash)]
enum Caller<'c> {
    /// The user whom a host program vouches for.
    Delegated(&'c str),
    /// Whoever holds this credential.
    Credential(&'c str),
    /// Whoever has this address.
    Address(IpAddr),
}

impl FrontDoor {
    /// How many callers are kept apart now.
    pub(crate) fn callers(&self) -> usize {
        self.front.callers()
    }

    fn key(&self, presented: &Presented, origin: &Origin) -> CallerKey {
        let caller = match (origin, presented.credential()) {
            (Origin::InProcess(delegation), _) => Caller::Delegated(delegation.key_id()),
            (Origin::Network { .. }, Some(credential)) => {
                Caller::Credential(credential.secret().expose())
            }
            (Origin::Network { peer }, None) => Caller::Address(network(peer.ip())),
        };
        CallerKey(self.hasher.hash_one(caller))
    }
}

/// Why a request goes no further than the front door.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrontError {
    #[error(transparent)]
    Limit(FrontRefusal),
    #[error("own keys are not allowed")]
    OwnKeys,
    #[error(transparent)]
    Body(ReadBodyError),
}

impl Gateway {
    /// Everything that can be decided without asking anybody. Gives the place of the request, to be
    /// kept until its answer is over; a limit that refuses it is counted.
    pub(crate) fn at_the_front(
        &self,
        claimed: &Claimed,
        framing: Framing,
        visit: Visit<'_>,
        now: Instant,
    ) -> Result<FrontPlace, FrontError> {
        let (door, limits) = (&self.inner().front, &visit.terms.limits);
        let key = || door.key(&claimed.presented, visit.origin);
        let place = door.front.enter(key, &limits.front, now.into_std());
        let metrics = &self.inner().metrics;
        let counted = place.inspect_err(|refusal| metrics.front_refused(refusal.as_str()));
        let place = counted.map_err(FrontError::Limit)?;
        if claimed.brings_own_key() && !limits.allow_own_keys {
            return Err(FrontError::OwnKeys);
        }
        framing.check(limits.body_bytes).map_err(FrontError::Body)?;
        Ok(place)
    }
}

/// The part of an address that tells callers apart.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let rest = u128::MAX >> NETWORK_BITS;
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !rest))
        }
    }
}

#[cfg(test)]
mod tests {
    use bridge_auth::{HeaderPolicy, Seal};
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::*;

    fn from(peer: &str) -> Origin {
        Origin::Network {
            peer: peer.parse().unwrap(),
        }
    }

    fn key(door: &FrontDoor, rows: &[(&'static str, &'static str)], origin: &Origin) -> CallerKey {
        let mut headers = HeaderMap::new();
        for (name, value) in rows {
            headers.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        door.key(&HeaderPolicy::default().present(&headers), origin)
    }

    #[test]
    fn a_caller_is_their_credential_wherever_it_stands() {
        let door = FrontDoor::default();
        let (here, there) = (from("10.0.0.1:80"), from("10.0.0.2:80"));
        let bearer = key(&door, &[("authorization", "Bearer one")], &here);
        assert_eq!(bearer, key(&door, &[("x-api-key", "one")], &there));
        let own = [("x-coder-ai-governance-token", "one"), ("x-api-key", "own")];
        assert_eq!(bearer, key(&door, &own, &here));
        assert_ne!(bearer, key(&door, &[("x-api-key", "other")], &here));
        let elsewhere = FrontDoor::default();
        assert_ne!(bearer, key(&elsewhere, &[("x-api-key", "one")], &here));
    }

    #[test]
    fn without_a_credential_a_caller_is_their_address() {
        let door = FrontDoor::default();
        let same = |one: &str, other: &str| {
            key(&door, &[], &from(one)) == key(&door, &[("authorization", "Basic x")], &from(other))
        };
        assert!(same("10.0.0.1:80", "10.0.0.1:4000"));
        assert!(same("10.0.0.1:80", "[::ffff:10.0.0.1]:80"));
        assert!(!same("10.0.0.1:80", "10.0.0.2:80"));
        assert!(same("[2001:db8:1:2::3]:80", "[2001:db8:1:2:ffff::4]:80"));
        assert!(!same("[2001:db8:1:2::3]:80", "[2001:db8:1:3::3]:80"));
    }

    #[test]
    fn whom_a_host_program_vouches_for_is_nobody_else() {
        let (door, seal) = (FrontDoor::default(), Seal::new());
        let vouched = |id: &str| Origin::InProcess(seal.vouch(id).unwrap());
        let headers = [("authorization", "Bearer one")];
        let one = key(&door, &headers, &vouched("one"));
        assert_eq!(one, key(&door, &[], &vouched("one")));
        assert_ne!(one, key(&door, &[], &vouched("other")));
        assert_ne!(one, key(&door, &headers, &from("10.0.0.1:80")));
    }
}
