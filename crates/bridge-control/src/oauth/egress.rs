//! Which addresses of an authorization server may be connected to.
//!
//! The rule is that of gateways for providers: an address in the settings is the operator's own word,
//! a name may lead to the open internet, and elsewhere, as to where clouds tell machines their
//! credentials, only where the operator allows it. One thing is stricter: an address of IPv6 that
//! holds one of IPv4 is closed, whatever it holds, unless it is the usual form (`::ffff:`).

use std::net::{IpAddr, SocketAddr};
use std::sync::LazyLock;

use ipnet::IpNet;

use super::RenewError;

/// Not of the open internet: of this machine, this link, a private network, of several machines, or
/// of nobody (RFC 6890); and those that hold an address of IPv4 in another form.
const CLOSED: [&str; 21] = [
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
    "::ffff:0:0:0/96",
    "100::/64",
    "2001::/32",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "2002::/16",
    "fc00::/7",
    "fe80::/9",
    "ff00::/8",
];

/// Where clouds tell machines their credentials, and forms of IPv6 in which that may be written. No
/// authorization server is there, also when the settings say so.
const METADATA: [&str; 10] = [
    "100.100.100.200/32",
    "168.63.129.16/32",
    "169.254.0.0/16",
    "::ffff:0:0:0/96",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "2002::/16",
    "fd00:ec2::254/128",
    "fd20:ce::254/128",
    "fe80::/10",
];

static CLOSED_NETWORKS: LazyLock<Vec<IpNet>> = LazyLock::new(|| networks(&CLOSED));
static METADATA_NETWORKS: LazyLock<Vec<IpNet>> = LazyLock::new(|| networks(&METADATA));

fn networks(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

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
    let closed = if is_said {
        &METADATA_NETWORKS
    } else {
        &CLOSED_NETWORKS
    };
    for address in found {
        let ip = address.ip().to_canonical();
        if !is_in(ip, closed) || is_in(ip, &allowed) {
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

fn is_in(address: IpAddr, networks: &[IpNet]) -> bool {
    networks.iter().any(|network| network.contains(&address))
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
        assert_eq!(METADATA_NETWORKS.len(), METADATA.len());
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
            "::ffff:0:10.0.0.1",
            "64:ff9b::a00:1",
            "100::1",
            "2001::1",
            "fd00::1",
            "fe80::1",
        ] {
            check(closed, &[], false);
        }
        check("10.1.2.3", &["10.1.0.0/16"], true);
        check("::ffff:10.1.2.3", &["10.1.0.0/16"], true);
        check("10.2.2.3", &["10.1.0.0/16"], false);
    }

    /// As for gateways.
    #[test]
    fn an_address_in_the_settings_is_the_operators_word_but_for_metadata() {
        let check = |address: &str, allowed: &[&str], is_permitted: bool| {
            let allowed: Vec<_> = allowed.iter().map(|&text| text.to_owned()).collect();
            let found = [SocketAddr::new(address.parse().unwrap(), 443)].into_iter();
            let outcome = permitted(found, true, &allowed);
            assert_eq!(outcome.is_ok(), is_permitted, "{address} {allowed:?}");
        };
        check("127.0.0.1", &[], true);
        check("10.1.2.3", &[], true);
        check("fd00::1", &[], true);
        for metadata in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "100.100.100.200",
            "168.63.129.16",
            "fd00:ec2::254",
            "fd20:ce::254",
            "fe80::1",
        ] {
            check(metadata, &[], false);
            check(metadata, &["10.0.0.0/8"], false);
        }
        check("169.254.169.254", &["169.254.0.0/16"], true);
    }
}
