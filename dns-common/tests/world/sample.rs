//! A zone with one of everything, for resolvers of four groups.

use dns_common::{
    ask::rtype,
    cookie::Secret,
    decision::{ALL_CANDIDATES, Eligible, Ranking, SHARE_WORDS},
    host::{Class, ClientSubnet, Constants},
    tables::{AnswerHead, Below, By, Entry, Row, Source, TypeEntry, Word},
};

use super::{
    World,
    memory::{AUTHORITATIVE, Answer, NXDOMAIN, REFERRAL},
    plain::{owned_record, record},
};

pub(crate) const APEX: &[u8] = b"\x07example\0";
/// Steered, with A, AAAA and HTTPS.
pub(crate) const WWW: &[u8] = b"\x03www\x07example\0";
/// Static, with an address of either family.
pub(crate) const FIXED: &[u8] = b"\x05fixed\x07example\0";
/// Static, with as many addresses as a reply of [`BIG`] octets has.
pub(crate) const MANY: &[u8] = b"\x04many\x07example\0";
/// There is a wildcard below it.
pub(crate) const WILD: &[u8] = b"\x04wild\x07example\0";
const WILDCARD: &[u8] = b"\x01*\x04wild\x07example\0";
/// Delegated.
pub(crate) const SUB: &[u8] = b"\x03sub\x07example\0";
/// There is no answer to anything here, nor below.
pub(crate) const ELSEWHERE: &[u8] = b"\x02up\x07example\0";

/// Octets of the records at [`MANY`].
pub(crate) const BIG: usize = 50 * 16;

/// SVCB's better known form (RFC 9460).
pub(crate) const HTTPS: u16 = 65;
const NS: u16 = 2;
const SOA: u16 = 6;

/// The zone's number, and the service's at [`WWW`].
pub(crate) const ZONE: u32 = 3;
pub(crate) const SERVICE: u32 = 7;
const POOL: u16 = 1;

/// In group 1, as all of its /24, and believed when it sends client subnets.
pub(crate) const TRUSTED: Source = Source::V4(0x0a00_0001);
/// In group 2, as all of its /23, and not limited in rate.
pub(crate) const EXEMPT: Source = Source::V4(0x0a00_0101);
/// In group 3, as all of its /16.
pub(crate) const IPV6: Source = Source::V6(0x2001_0db8_0000_0001, 1);

/// The secret that makes cookies, and the one before it.
pub(crate) const SECRETS: [Secret; 2] = [Secret(1, 2), Secret(3, 4)];

/// One response in a hundredth of a second.
pub(crate) const INTERVAL_NS: u64 = 10_000_000;

/// Everything on, with the same rate for all.
pub(crate) const ON: Constants = Constants {
    payload: 1232,
    client_subnet: ClientSubnet::On as u64,
    cookies: 1,
    nsid: 1,
    rates: 1,
    rate_intervals_ns: [INTERVAL_NS; Class::ALL.len()],
    rate_mask: 63,
    rate_ipv4_shift: 8,
    rate_ipv6_shift: 8,
    slip: 2,
    cookie_required_over_limit: 1,
    up_interval_ns: INTERVAL_NS,
    reply_by_fib: 0,
    group_sample: Constants::one_in(1),
    told_sample: 0,
    expires: 0,
    dry_run: 0,
};

/// The records of candidate `number`, or of all three, in the answers to `rtype`.
pub(crate) fn candidate_records(rtype: u16, number: u8) -> Vec<u8> {
    let all = number == ALL_CANDIDATES;
    if rtype == HTTPS {
        // Priority 1, target `.`, and ipv4hint where there is one candidate.
        let hint = [0, 4, 0, 4, 192, 0, 2, number + 1];
        let hint = if all { &[][..] } else { &hint };
        return record(HTTPS, &[&[0, 1, 0], hint].concat());
    }
    let numbers = if all { 0..3 } else { number..number + 1 };
    numbers
        .flat_map(|number| record(rtype, &address(rtype, number + 1)))
        .collect()
}

/// RDATA of an address.
fn address(rtype: u16, last: u8) -> Vec<u8> {
    match rtype {
        rtype::A => vec![192, 0, 2, last],
        _ => vec![0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last],
    }
}

/// The SOA record for negative answers, of the zone at the pointer's target.
fn soa() -> Vec<u8> {
    let mut rdata = b"\x02ns\xc0\x0c\x0ahostmaster\xc0\x0c".to_vec();
    rdata.extend(
        [1, 3600, 600, 86_400, 60]
            .into_iter()
            .flat_map(u32::to_be_bytes),
    );
    record(SOA, &rdata)
}

/// Where the zone's name is pointed to in [`soa`].
const SOA_POINTERS: [u16; 3] = [0, 15, 28];

/// No such type, at a name of the zone.
fn nodata() -> Answer {
    Answer::positive(&soa())
        .of([0, 1, 0], AUTHORITATIVE, Class::Negative)
        .moved(APEX.len(), &SOA_POINTERS)
}

/// No such name.
fn nxdomain() -> Answer {
    nodata().of([0, 1, 0], NXDOMAIN, Class::Negative)
}

/// To `ns.sub.example`, with an address.
fn referral() -> Answer {
    let mut records = record(NS, b"\x02ns\xc0\x0c");
    // The server's name is 12 octets into the first record, after the question.
    let server = 0xc000 | (12 + SUB.len() + 4 + 12) as u16;
    let second = records.len() as u16;
    records.extend(owned_record(
        &server.to_be_bytes(),
        rtype::A,
        &address(rtype::A, 53),
    ));
    Answer::positive(&records)
        .of([0, 1, 1], REFERRAL, Class::Referral)
        .moved(SUB.len(), &[0, 15, second])
}

/// The world with that zone, everything off.
pub(crate) fn sample() -> World {
    let mut world = World::new();
    let nodata = world.add_answer(&nodata());
    let nxdomain = world.add_answer(&nxdomain());
    let referral = world.add_answer(&referral());
    let zone = |row: Row| row.in_zone(ZONE).with_below(Below::Answer(nxdomain));
    let types = |world: &mut World, entries: &[(u16, u32, u8, By)]| {
        let cell = world.tables.answers.len() as u32;
        world
            .tables
            .answers
            .push(dns_common::tables::Line::default());
        let default = (0, nodata, 1, By::Nobody);
        let entries = std::iter::once(&default).chain(entries);
        for (slot, (rtype, cell, stride, by)) in
            world.tables.answers[cell as usize].0.iter().zip(entries)
        {
            slot.store(TypeEntry::new(*rtype, *cell, *stride, *by).0);
        }
        cell
    };
    // Both families' answers are one that is elsewhere.
    let shared = |world: &mut World, cell: u32| {
        let first = world.tables.answers.len() as u32;
        world.tables.put_head(first, AnswerHead::shared(cell));
        world.tables.put_head(first + 1, AnswerHead::shared(cell));
        first
    };

    world.add_name(b"\0", Row::fixed(1, 0, 0).with_below(Below::Outside));

    let none = shared(&mut world, nodata);
    let ns = world.add_answer(&Answer::positive(&record(NS, b"\x02ns\xc0\x0c")));
    let others = types(&mut world, &[(NS, ns, 1, By::Nobody)]);
    world.add_name(
        APEX,
        zone(Row::fixed(APEX.len() as u8, none, 1)).with_types(others),
    );

    let candidates = |rtype| {
        (0..=ALL_CANDIDATES).map(move |number| Answer::positive(&candidate_records(rtype, number)))
    };
    let addresses: Vec<Answer> = candidates(rtype::A)
        .chain(candidates(rtype::AAAA))
        .collect();
    let (steered, stride) = world.add_answers(&addresses);
    let https: Vec<Answer> = candidates(HTTPS).collect();
    let (https, https_stride) = world.add_answers(&https);
    let others = types(&mut world, &[(HTTPS, https, https_stride, By::Both)]);
    let row = Row::steered(WWW.len() as u8, SERVICE, POOL, steered, stride);
    world.add_name(WWW, zone(row).with_types(others));

    let others = types(&mut world, &[]);
    for (name, addresses) in [(FIXED, 1), (MANY, BIG / 16), (WILDCARD, 1)] {
        let pair = [rtype::A, rtype::AAAA].map(|rtype| {
            let count = if rtype == rtype::A { addresses } else { 1 };
            let records = record(rtype, &address(rtype, 99)).repeat(count);
            Answer::positive(&records).of([count as u16, 0, 0], AUTHORITATIVE, Class::Positive)
        });
        let (first, stride) = world.add_answers(&pair);
        let row = zone(Row::fixed(name.len() as u8, first, stride)).with_types(others);
        let cell = world.add_name(name, row);
        if name == WILDCARD {
            let none = shared(&mut world, nodata);
            let row = Row::fixed(WILD.len() as u8, none, 1).in_zone(ZONE);
            let row = row.with_types(others).with_below(Below::Wildcard(cell));
            world.add_name(WILD, row);
        }
    }

    let both = shared(&mut world, referral);
    let others = world.tables.answers.len() as u32;
    world
        .tables
        .answers
        .push(dns_common::tables::Line::default());
    world.tables.answers[others as usize].0[0].store(TypeEntry::new(0, referral, 1, By::Nobody).0);
    let row = Row::fixed(SUB.len() as u8, both, 1)
        .in_zone(ZONE)
        .with_types(others);
    world.add_name(SUB, row.with_below(Below::Answer(referral)));

    let row = Row::fixed(ELSEWHERE.len() as u8, 0, 0).in_zone(ZONE);
    world.add_name(ELSEWHERE, row);

    add_resolvers(&mut world);
    world
}

fn add_resolvers(world: &mut World) {
    let tables = &mut world.tables;
    tables.set_v4(0x000a_0000, Entry::new(1, 24, Entry::TRUSTED));
    tables.set_v4(0x000a_0001, Entry::new(2, 23, Entry::EXEMPT));
    tables.set_v6(0x2001, Entry::new(3, 16, 0));
    let orders = [&[0, 1, 2][..], &[1, 0, 2], &[2, 1, 0], &[2, 0, 1]];
    tables.rankings = [&[][..]; 4]
        .iter()
        .chain(&orders)
        .map(|order| {
            let word = Word::default();
            word.store(Ranking::new(order).0);
            word
        })
        .collect();
    tables.eligible = [0, Eligible::new(0b111, 0b111, false).0]
        .map(|eligible| {
            let word = Word::default();
            word.store(eligible);
            word
        })
        .into();
    tables.shares = (0..2 * SHARE_WORDS).map(|_| Word::default()).collect();
    tables.rates = (0..=ON.rate_mask + 1).map(|_| Word::default()).collect();
    tables.control.describe(0, &world.generation, SECRETS);
}
