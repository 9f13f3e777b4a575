//! What another DNS is told of a client (RFC 7871): of a public one its block, of
//! others nothing.

use std::net::{IpAddr, Ipv4Addr};

use dns_common::decision::{BLOCK_V4, BLOCK_V6};
use ipnet::{IpNet, Ipv4Net};

/// The network told of the client at `source`, who asked with a SOURCE PREFIX-LENGTH of
/// `asked` if with any; `None` where that is nobody's business but the client's own.
pub(super) fn told(source: IpAddr, asked: Option<u8>) -> Option<IpNet> {
    let source = source.to_canonical();
    if asked == Some(0) || !is_public(source) {
        return None;
    }
    // What tells networks apart, and no clients (section 11.1).
    let most = if source.is_ipv4() { BLOCK_V4 } else { BLOCK_V6 };
    let len = asked.map_or(most, |asked| asked.min(most));
    IpNet::new(source, len).ok().map(|network| network.trunc())
}

/// Whether the address says anything outside of its own network.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            // RFC 6598.
            let [first, second, ..] = v4.octets();
            let is_shared = first == 100 && second & 0xc0 == 64;
            let is_local = v4.is_private() || v4.is_loopback() || v4.is_link_local();
            !is_local && !is_shared && first != 0 && !v4.is_multicast() && first < 240
        }
        IpAddr::V6(v6) => {
            let is_local = v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_loopback();
            !is_local && !v6.is_unspecified() && !v6.is_multicast()
        }
    }
}

/// The data of the CLIENT-SUBNET option that says `network` (section 6), SCOPE
/// PREFIX-LENGTH 0; of nobody, that the client's address is not to be used.
pub(crate) fn option(network: Option<IpNet>) -> Vec<u8> {
    let nobody = IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0));
    let network = network.unwrap_or(nobody);
    let (family, octets) = match network.addr() {
        IpAddr::V4(v4) => (1, v4.octets().to_vec()),
        IpAddr::V6(v6) => (2, v6.octets().to_vec()),
    };
    let kept = usize::from(network.prefix_len()).div_ceil(8);
    [&[0, family, network.prefix_len(), 0][..], &octets[..kept]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_told_or_the_clients_shorter_prefix() {
        for (source, asked, expected) in [
            ("198.51.100.77", None, Some("198.51.100.0/24")),
            ("198.51.100.77", Some(32), Some("198.51.100.0/24")),
            ("198.51.100.0", Some(20), Some("198.51.96.0/20")),
            ("::ffff:198.51.100.77", None, Some("198.51.100.0/24")),
            ("2001:db8:1:2ff::1", None, Some("2001:db8:1:200::/56")),
            ("2001:db8:1:2ff::1", Some(64), Some("2001:db8:1:200::/56")),
            ("2001:db8:1::", Some(48), Some("2001:db8:1::/48")),
            // They keep it to themselves.
            ("198.51.100.77", Some(0), None),
            ("2001:db8::1", Some(0), None),
        ] {
            let told = told(source.parse().unwrap(), asked).map(|net| net.to_string());
            assert_eq!(told.as_deref(), expected, "{source} {asked:?}");
        }
    }

    #[test]
    fn no_private_address_is_told() {
        for source in [
            "10.9.1.1",
            "172.16.0.1",
            "192.168.1.1",
            "127.0.0.1",
            "169.254.1.1",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fd00::1",
            "fe80::1",
            "ff02::1",
            "::ffff:10.0.0.1",
        ] {
            assert_eq!(told(source.parse().unwrap(), Some(24)), None, "{source}");
        }
        for source in ["100.128.0.1", "9.255.255.255", "172.32.0.1", "2600::1"] {
            assert!(told(source.parse().unwrap(), None).is_some(), "{source}");
        }
    }

    #[test]
    fn rfc7871_6_the_option_has_the_octets_of_the_prefix() {
        let of = |text: &str| option(Some(text.parse().unwrap()));
        assert_eq!(of("198.51.100.0/24"), [0, 1, 24, 0, 198, 51, 100]);
        assert_eq!(of("198.51.96.0/20"), [0, 1, 20, 0, 198, 51, 96]);
        assert_eq!(
            of("2001:db8:1:200::/56"),
            [0, 2, 56, 0, 0x20, 1, 0xd, 0xb8, 0, 1, 2]
        );
        assert_eq!(option(None), [0, 1, 0, 0]);
    }
}
