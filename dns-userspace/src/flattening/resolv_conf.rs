//! The host's own resolvers, as resolv.conf(5) says.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Where it stands.
pub(super) const PATH: &str = "/etc/resolv.conf";

/// As many as the C library takes.
const RESOLVERS_MAX: usize = 3;

const PORT: u16 = 53;

/// Those that `text` names; where there is none, one on this host.
pub(super) fn resolvers(text: &str) -> Vec<SocketAddr> {
    let named = text.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let address = (words.next()? == "nameserver").then(|| words.next())??;
        Some(SocketAddr::new(address.parse().ok()?, PORT))
    });
    let named: Vec<_> = named.take(RESOLVERS_MAX).collect();
    if named.is_empty() {
        return vec![SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), PORT)];
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_three_that_are_named_count() {
        let text = "# nameserver 192.0.2.1\nsearch example\nnameserver 192.0.2.2\n\
                    \tnameserver\t2001:db8::3 # comment\nnameserver nonsense\nnameserver\n\
                    nameservers 192.0.2.9\nnameserver 192.0.2.4\nnameserver 192.0.2.5\n";
        let expected = ["192.0.2.2:53", "[2001:db8::3]:53", "192.0.2.4:53"];
        assert_eq!(resolvers(text), expected.map(|text| text.parse().unwrap()));
        assert_eq!(
            resolvers("search example\n"),
            ["127.0.0.1:53".parse().unwrap()]
        );
    }
}
