//! Which addresses may be connected to.
//!
//! An address that stands in a provider's base URL is the operator's own word. What a name leads to
//! is the word of whoever answers for the name, and may change from one moment to the next: it may
//! lead out, and not into the operator's own networks unless the operator allows it. Addresses of
//! the link, where clouds hand out credentials, have to be allowed in any case.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::{Endpoint, Network, UpstreamError};

/// Why an address is not one of the open internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressKind {
    /// Of this machine.
    Loopback,
    /// Of a private network (RFC 1918, RFC 4193, RFC 6598).
    Private,
    /// Of this link, or otherwise known to serve a cloud's metadata.
    Metadata,
    /// Of no single machine, or not given to anybody (RFC 6890).
    Reserved,
}

impl AddressKind {
    /// The kind of an address; none when it is one of the open internet. Addresses that hold one of
    /// IPv4 are judged by that one.
    #[must_use]
    pub fn of(address: IpAddr) -> Option<Self> {
        match address {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => match held(address) {
                Some(inner) => of_v4(inner),
                None => of_v6(address),
            },
        }
    }
}

impl AddressKind {
    /// A closed word, for metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::Metadata => "metadata",
            Self::Reserved => "reserved",
        }
    }
}

impl fmt::Display for AddressKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loopback => "an address of this machine",
            Self::Private => "an address of a private network",
            Self::Metadata => "an address where clouds hand out metadata and credentials",
            Self::Reserved => "a reserved address",
        })
    }
}

/// What the operator allows for all providers.
#[derive(Debug)]
pub(crate) struct Egress {
    allowed: Vec<Network>,
}

impl Egress {
    pub(crate) fn new(allowed: Vec<Network>) -> Self {
        Self { allowed }
    }

    /// Those of the addresses to which the provider's host has led that may be connected to.
    ///
    /// # Errors
    /// When there are some and none of them may be.
    pub(crate) fn permitted(
        &self,
        to: &Endpoint,
        found: impl Iterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, UpstreamError> {
        let mut refused = None;
        let mut permitted = Vec::new();
        for address in found {
            match self.check(to, address.ip()) {
                Ok(()) => permitted.push(address),
                Err(error) => refused = Some(error),
            }
        }
        match refused {
            Some(error) if permitted.is_empty() => Err(error),
            Some(_) | None => Ok(permitted),
        }
    }

    /// What can be said before a proxy is asked, which looks up names by itself.
    pub(crate) fn check_unresolved(&self, to: &Endpoint) -> Result<(), UpstreamError> {
        let address = to.host().parse().ok();
        match address.or_else(|| spelled(to.host()).map(IpAddr::V4)) {
            Some(address) => self.check(to, address),
            None => Ok(()),
        }
    }

    fn check(&self, to: &Endpoint, address: IpAddr) -> Result<(), UpstreamError> {
        let Some(kind) = AddressKind::of(address) else {
            return Ok(());
        };
        let is_said = kind != AddressKind::Metadata && is_local_word(to.host());
        if is_said || self.is_allowed(to, address) {
            return Ok(());
        }
        Err(UpstreamError::Egress {
            provider: to.provider().to_string(),
            host: to.host().to_owned(),
            address,
            kind,
        })
    }

    fn is_allowed(&self, to: &Endpoint, address: IpAddr) -> bool {
        let networks = self.allowed.iter().chain(&to.place().allowed_private);
        let inner = match address {
            IpAddr::V4(_) => None,
            IpAddr::V6(address) => held(address).map(IpAddr::V4),
        };
        let is_in = |network: &Network| {
            network.contains(address) || inner.is_some_and(|inner| network.contains(inner))
        };
        networks.into_iter().any(is_in)
    }
}

/// Whether a host needs nobody's word to be looked up: it is an address, or the name of this
/// machine (RFC 6761, section 6.3).
pub(crate) fn is_local_word(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok() || is_localhost(host)
}

pub(crate) fn is_localhost(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let last = host.rsplit('.').next().unwrap_or(host);
    last.eq_ignore_ascii_case("localhost")
}

/// An address of IPv4 as resolvers take it besides the usual form: fewer parts, of which the last
/// fills the rest, in decimal, octal or hexadecimal, and a dot at the end (POSIX, `inet_addr`).
fn spelled(host: &str) -> Option<Ipv4Addr> {
    let parts = host.strip_suffix('.').unwrap_or(host).split('.');
    let parts: Vec<u32> = parts.map(number).collect::<Option<_>>()?;
    let (last, first) = parts.split_last()?;
    let mut bits = 0;
    for (at, part) in first.iter().enumerate() {
        let byte = u8::try_from(*part).ok().filter(|_| at < 3)?;
        bits |= u32::from(byte) << (24 - 8 * at);
    }
    let most = u32::MAX.checked_shr(u32::try_from(8 * first.len()).ok()?)?;
    (*last <= most).then(|| Ipv4Addr::from_bits(bits | last))
}

fn number(text: &str) -> Option<u32> {
    let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let (digits, radix) = match (hexadecimal, text.strip_prefix('0')) {
        (Some(digits), _) => (digits, 16),
        (None, Some(digits)) if !digits.is_empty() => (digits, 8),
        (None, _) => (text, 10),
    };
    // A sign is none of them.
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    u32::from_str_radix(digits, radix).ok().filter(|_| is_plain)
}

fn of_v4(address: Ipv4Addr) -> Option<AddressKind> {
    match address.octets() {
        [169, 254, ..] | [100, 100, 100, 200] | [168, 63, 129, 16] => Some(AddressKind::Metadata),
        [127, ..] | [0, ..] => Some(AddressKind::Loopback),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => {
            Some(AddressKind::Private)
        }
        [192, 0, 0, _] | [198, 18..=19, ..] | [224..=255, ..] => Some(AddressKind::Reserved),
        _ => None,
    }
}

fn of_v6(address: Ipv6Addr) -> Option<AddressKind> {
    match address.segments() {
        [0xfe80..=0xfebf, ..]
        | [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254]
        | [0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254] => Some(AddressKind::Metadata),
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => Some(AddressKind::Loopback),
        [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] | [0x0064, 0xff9b, 1, ..] => {
            Some(AddressKind::Private)
        }
        [0xff00..=0xffff, ..] | [0x0100, 0, 0, 0, ..] | [0x2001, 0, ..] => {
            Some(AddressKind::Reserved)
        }
        _ => None,
    }
}

/// The address of IPv4 within one of IPv6: mapped or compatible (RFC 4291, section 2.5.5),
/// translated (RFC 2765, section 2.1, and RFC 6052, section 2.1) or tunnelled (RFC 3056).
fn held(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let of = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x0064, 0xff9b, 0, 0, 0, 0, high, low] => of(high, low),
        [0x2002, high, low, ..] => of(high, low),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
