//! Which addresses a host can have, and prefixes of them.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

/// What an address must be, for messages.
pub(super) const VALID: &str = "a unicast IPv4 or IPv6 address";

/// The address `text` says; else what is wrong with it.
pub(super) fn parse(text: &str) -> Result<IpAddr, String> {
    let address: IpAddr = text
        .parse()
        .map_err(|_| format!("`{text}` is not an IP address; valid: {VALID}"))?;
    let fault = if address.is_unspecified() {
        "the unspecified address"
    } else if address.is_multicast() {
        "a multicast address"
    } else if address == Ipv4Addr::BROADCAST {
        "the broadcast address"
    } else if matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some()) {
        "an IPv4 address written as IPv6"
    } else {
        return Ok(address);
    };
    Err(format!("`{text}` is {fault}; valid: {VALID}"))
}

/// The prefix `text` says; a bare address is one of full length. Else what is
/// wrong with it, to be said after it.
pub(super) fn prefix(text: &str) -> Result<IpNet, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(IpNet::from(address));
    }
    let prefix: IpNet = text.parse().map_err(|_| {
        "is not a prefix; valid: an IPv4 or IPv6 address, with a length as in 192.0.2.0/24 or 2001:db8::/32".to_owned()
    })?;
    let meant = prefix.trunc();
    if meant == prefix {
        Ok(prefix)
    } else {
        Err(format!(
            "has bits set past its length; {meant} was probably meant"
        ))
    }
}
