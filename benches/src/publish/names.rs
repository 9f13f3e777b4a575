//! A zone of as many names as wanted, in two editions that differ in every address.

use std::net::Ipv4Addr;

use anyhow::{Context as _, Result, anyhow};
use domain::{
    base::{Record, Serial, Ttl, iana::Class},
    rdata::{A, Soa, ZoneRecordData},
};
use veer::{
    authority::{StoredRecord, zone::Zone},
    model::Name,
};

use crate::zone::ORIGIN;

/// Names there can be at most: a name's number must fit an address beside the edition.
pub(super) const NAMES_MAX: u32 = 1 << 22;

const TTL: Ttl = Ttl::from_secs(300);

/// Name `number`, absolute.
pub(super) fn name(number: u32) -> String {
    format!("host-{number}.{ORIGIN}")
}

/// The address of name `number` in the edition of generation `generation`: even and odd
/// ones take turns.
pub(super) fn address(number: u32, generation: u64) -> Ipv4Addr {
    const NETWORK: u32 = 10 << 24;
    Ipv4Addr::from_bits(NETWORK | ((generation & 1) as u32) << 23 | number)
}

/// The zone with `count` names (up to [`NAMES_MAX`]), as generation `generation` has it.
pub(super) fn zone(count: u32, generation: u64) -> Result<Zone> {
    let apex = parse(ORIGIN)?;
    let soa = Soa::new(
        parse(&format!("ns1.{ORIGIN}"))?,
        parse(&format!("hostmaster.{ORIGIN}"))?,
        Serial(generation as u32),
        TTL,
        TTL,
        TTL,
        TTL,
    );
    let mut zone = Zone::new(record(apex, ZoneRecordData::Soa(soa)));
    for number in 0..count {
        let address = A::new(address(number, generation));
        let record = record(parse(&name(number))?, ZoneRecordData::A(address));
        zone.insert(record).map_err(|error| anyhow!("{error}"))?;
    }
    Ok(zone)
}

fn record(owner: Name, data: ZoneRecordData<bytes::Bytes, Name>) -> StoredRecord {
    Record::new(owner, Class::IN, TTL, data)
}

fn parse(name: &str) -> Result<Name> {
    name.parse().with_context(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_names_nor_editions_share_an_address() {
        let numbers = [0, 1, 255, 256, NAMES_MAX - 1];
        let addresses = numbers
            .into_iter()
            .flat_map(|number| [1, 2].map(|generation| address(number, generation)));
        assert_eq!(addresses.collect::<BTreeSet<_>>().len(), 2 * numbers.len());
        assert_eq!(address(7, 1), address(7, 3));
    }

    #[test]
    fn a_zone_has_its_names_and_its_apex() {
        let zone = zone(10, 1).expect("a zone");
        assert_eq!(zone.names().count(), 11);
        let last = parse(&name(9)).expect("a name");
        assert!(zone.names().any(|name| *name == last));
    }
}
