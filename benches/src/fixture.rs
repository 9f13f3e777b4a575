//! One steered name in tables, and the query for it: what a hot query meets.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::Result;
use dns_common::{
    decision::{Eligible, Ranking},
    tables::Row,
};
use veer::tables::{Capacity, ImageBuilder, Records, RowData, Tables};

/// Where the query comes from.
pub(crate) const RESOLVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// Where it goes to.
pub(crate) const SERVICE_ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 53);
/// The port there.
pub(crate) const PORT: u16 = 53;

/// `www.bench.example.` in wire form.
const NAME: &[u8] = b"\x03www\x05bench\x07example\x00";
/// The question's name again, A, IN, TTL 20, four octets: a compressed record.
const RECORD: &[u8] = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x14\x00\x04\xcb\x00\x71\x01";
const CANDIDATES: u8 = 4;

/// Tables of the default's shape, but small.
pub(crate) const CAPACITY: Capacity = Capacity {
    names: 1024,
    groups: 1,
    pools: 1,
    answer_cells: 1024,
    chunks: 1,
    services: 1,
};

/// The query for the A records of the steered name, as a resolver writes it:
/// ID, RD set, one question, letters in mixed case.
pub(crate) fn query() -> Vec<u8> {
    let mut name = NAME.to_vec();
    name[1].make_ascii_uppercase();
    let header: &[u8] = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00";
    [header, &name, b"\x00\x01\x00\x01"].concat()
}

/// Fills `tables` of [`CAPACITY`] with the name: four candidates with an IPv4
/// address each, of which the group's first choice is down.
pub(crate) fn publish(tables: &Tables) -> Result<()> {
    let number = tables.generation_number() + 1;
    let mut image = ImageBuilder::new(CAPACITY, tables.half(number));
    let order: Vec<u8> = (0..CANDIDATES).collect();
    image.pool(Eligible::new(0b1110, 0, true), vec![Ranking::new(&order)]);
    let record = Records {
        octets: RECORD.to_vec(),
        count: 1,
    };
    let mut answers = [const { [const { None }; Row::STEERED_ANSWERS as usize] }; 2];
    answers[0][..usize::from(CANDIDATES)].fill(Some(record));
    let row = RowData::Steered {
        service: 0,
        pool: 0,
        answers,
    };
    image.name(NAME, &row);
    tables.publish(&image.build(&[IpAddr::V4(SERVICE_ADDRESS)], PORT)?);
    Ok(())
}
