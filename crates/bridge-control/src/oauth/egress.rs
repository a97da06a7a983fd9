//! Which addresses of an authorization server may be connected to.
//!
//! The rule is that of gateways for providers: an address in the settings is the operator's own word,
//! a name may lead to the open internet, and elsewhere only where the operator allows it.

use std::net::{IpAddr, SocketAddr};
use std::sync::LazyLock;

use ipnet::IpNet;

use super::RenewError;

/// Not of the open internet: of this machine, this link, a private network, of several machines, or
/// of nobody (RFC 6890); and those that hold an address of IPv4 in another form.
const CLOSED: [&str; 18] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "168.63.129.16/32",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/3",
    "::/96",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "2002::/16",
    "fc00::/7",
    "fe80::/9",
    "ff00::/8",
];

static CLOSED_NETWORKS: LazyLock<Vec<IpNet>> =
    LazyLock::new(|| CLOSED.iter().filter_map(|text| text.parse().ok()).collect());

/// Those of the addresses that may be connected to. `is_said` tells that the host is an address, or
/// the name of this machine.
///
/// # Errors
/// When there are some and none of them may be.
pub(super) fn permitted(
    found: impl Iterator<Item = SocketAddr>,
    is_said: bool,
    allowed: &[String],
) -> Result<Vec<SocketAddr>, RenewError> {
    let allowed: Vec<IpNet> = allowed
        .iter()
        .filter_map(|text| text.parse().ok())
        .collect();
    let mut refused = None;
    let mut permitted = Vec::new();
    for address in found {
        if is_said || is_permitted(address.ip().to_canonical(), &allowed) {
            permitted.push(address);
        } else {
            refused = Some(RenewError::Egress(address.ip()));
        }
    }
    match refused {
        Some(error) if permitted.is_empty() => Err(error),
        Some(_) | None => Ok(permitted),
    }
}

fn is_permitted(address: IpAddr, allowed: &[IpNet]) -> bool {
    let is_in = |networks: &[IpNet]| networks.iter().any(|network| network.contains(&address));
    !is_in(&CLOSED_NETWORKS) || is_in(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: &str, allowed: &[&str], is_permitted: bool) {
        let allowed: Vec<_> = allowed.iter().map(|&text| text.to_owned()).collect();
        let found = [SocketAddr::new(address.parse().unwrap(), 443)].into_iter();
        let outcome = permitted(found, false, &allowed);
        assert_eq!(
            outcome.is_ok(),
            is_permitted,
            "{address} {allowed:?}: {outcome:?}"
        );
    }

    #[test]
    fn every_network_of_the_table_is_one() {
        assert_eq!(CLOSED_NETWORKS.len(), CLOSED.len());
    }

    #[test]
    fn names_lead_out_and_not_in() {
        for open in ["93.184.216.34", "2606:2800::1", "100.128.0.1", "172.32.0.1"] {
            check(open, &[], true);
        }
        for closed in [
            "127.0.0.1",
            "10.1.2.3",
            "169.254.169.254",
            "192.168.0.1",
            "100.64.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "0.0.0.0",
            "::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "fd00::1",
            "fe80::1",
        ] {
            check(closed, &[], false);
        }
        check("10.1.2.3", &["10.1.0.0/16"], true);
        check("::ffff:10.1.2.3", &["10.1.0.0/16"], true);
        check("10.2.2.3", &["10.1.0.0/16"], false);
    }
}
