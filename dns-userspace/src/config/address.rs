//! Which addresses a host can have.

use std::net::{IpAddr, Ipv4Addr};

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
