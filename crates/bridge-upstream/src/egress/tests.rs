use super::*;
use crate::{FailureClass, Manners};

fn check_kind(kind: Option<AddressKind>, addresses: &[&str]) {
    for address in addresses {
        assert_eq!(AddressKind::of(address.parse().unwrap()), kind, "{address}");
    }
}

#[test]
fn addresses_that_are_not_of_the_open_internet_are_known() {
    check_kind(
        None,
        &[
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "223.255.255.255",
            "2606:4700::1111",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
            "2002:101:101::1",
        ],
    );
    check_kind(
        Some(AddressKind::Loopback),
        &[
            "127.0.0.1",
            "127.255.0.1",
            "0.0.0.0",
            "0.1.2.3",
            "::1",
            "::",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
        ],
    );
    check_kind(
        Some(AddressKind::Private),
        &[
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "fc00::1",
            "fd12:3456::1",
            "fec0::1",
            "::ffff:10.0.0.1",
            "64:ff9b:1::a00:1",
        ],
    );
    check_kind(
        Some(AddressKind::Metadata),
        &[
            "169.254.169.254",
            "169.254.0.1",
            "100.100.100.200",
            "168.63.129.16",
            "fe80::1",
            "febf::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "::ffff:169.254.169.254",
            "::ffff:0:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
        ],
    );
    check_kind(
        Some(AddressKind::Reserved),
        &[
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "ff02::1",
            "2001::1",
        ],
    );
}

/// Whether a host that leads to this address may be connected to, with this allowed for all and
/// that for the provider.
fn check(host: &str, address: &str, all: &[&str], own: &[&str], permitted: bool) {
    let networks = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    let manners = Manners {
        allowed_private: networks(own),
        ..Manners::default()
    };
    let to = Endpoint::try_new(&format!("http://{host}")).unwrap();
    let to = to.of_provider("p", manners);
    let found = [SocketAddr::new(address.parse().unwrap(), 80)];
    let outcome = Egress::new(networks(all)).permitted(&to, found.into_iter());
    assert_eq!(
        outcome.is_ok(),
        permitted,
        "{host} {address} {all:?} {own:?}"
    );
    if let Err(error) = outcome {
        assert_eq!(error.class(), FailureClass::NeverSent);
        let text = error.to_string();
        for part in ["\"p\"", host, address, "egress.allowed_private"] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }
}

#[test]
fn a_name_leads_into_private_networks_only_where_that_is_allowed() {
    check("api.example.com", "1.1.1.1", &[], &[], true);
    check("api.example.com", "10.1.2.3", &[], &[], false);
    check("api.example.com", "10.1.2.3", &["10.0.0.0/8"], &[], true);
    check("api.example.com", "10.1.2.3", &[], &["10.1.2.3"], true);
    check(
        "api.example.com",
        "10.1.2.3",
        &["192.168.0.0/16"],
        &["fd00::/8"],
        false,
    );
    check("api.example.com", "127.0.0.1", &[], &[], false);
    check(
        "api.example.com",
        "::ffff:10.1.2.3",
        &["10.0.0.0/8"],
        &[],
        true,
    );
    check("localhost.example.com", "127.0.0.1", &[], &[], false);
}

#[test]
fn an_address_in_the_base_url_is_the_operators_word() {
    check("10.1.2.3", "10.1.2.3", &[], &[], true);
    check("127.0.0.1", "127.0.0.1", &[], &[], true);
    check("localhost", "127.0.0.1", &[], &[], true);
    check("LOCALHOST.", "127.0.0.1", &[], &[], true);
    check("app.localhost", "127.0.0.1", &[], &[], true);
    // Other spellings of an address are names to the resolver, and to us.
    check("127.1", "127.0.0.1", &[], &[], false);
}

#[test]
fn other_spellings_of_an_address_do_not_pass_by_way_of_a_proxy() {
    let check = |host: &str, permitted: bool| {
        let to = Endpoint::try_new(&format!("http://{host}")).unwrap();
        let outcome = Egress::new(Vec::new()).check_unresolved(&to);
        assert_eq!(outcome.is_ok(), permitted, "{host}");
    };
    for metadata in [
        "169.254.169.254",
        "2852039166",
        "0xA9FEA9FE",
        "0xa9.0xfe.0xa9.0xfe",
        "0251.0376.0251.0376",
        "169.254.43518",
        "169.16689662",
        "169.254.169.254.",
    ] {
        check(metadata, false);
    }
    check("127.1", false);
    check("10.1.2.3", true);
    check("16843009", true);
    // These are names.
    for name in [
        "api.example.com",
        "1.2.3.4.5",
        "256.1.1.1",
        "1..1",
        "0x",
        "-1",
        "localhost",
    ] {
        check(name, true);
    }
}

#[test]
fn metadata_is_allowed_by_name_only() {
    let found = "169.254.169.254";
    check(found, found, &[], &[], false);
    check(found, found, &["10.0.0.0/8"], &[], false);
    check(found, found, &[], &["169.254.0.0/16"], true);
    check("metadata.example", found, &[], &[], false);
    check("localhost", found, &[], &[], false);
    check("metadata.example", found, &["169.254.169.254"], &[], true);
}

#[test]
fn of_several_addresses_the_permitted_ones_are_used() {
    let to = Endpoint::try_new("http://api.example.com").unwrap();
    let found = ["10.0.0.1:80", "1.1.1.1:80"].map(|text| text.parse().unwrap());
    let permitted = Egress::new(Vec::new()).permitted(&to, found.into_iter());
    assert_eq!(permitted.unwrap(), [found[1]]);
}
