//! What is off is not there: the verifier takes it out of the program.

use dns_common::host::{Class, ClientSubnet, Constants};

use crate::{
    cases::ONCE_NS,
    rig::{PLAIN, Rig},
    world,
};

/// Octets of all programs as they stand after the verifier.
fn size(constants: &Constants) -> u32 {
    let rig = Rig::with(world::CAPACITY, constants);
    let infos = rig.kernel.infos();
    let infos = infos.expect("the kernel tells of its programs");
    let sizes = infos.iter().map(|(_, info)| info.size_translated());
    sizes.map(|size| size.expect("a size")).sum()
}

/// Everything on.
const ALL: Constants = Constants {
    client_subnet: ClientSubnet::On as u64,
    cookies: 1,
    nsid: 1,
    rates: 1,
    rate_intervals_ns: [ONCE_NS; Class::ALL.len()],
    rate_mask: 1023,
    rate_ipv4_shift: 8,
    rate_ipv6_shift: 8,
    slip: 2,
    cookie_required_over_limit: 1,
    up_interval_ns: ONCE_NS,
    reply_by_fib: 1,
    group_sample: Constants::one_in(64),
    told_sample: Constants::one_in(64),
    expires: 1,
    ..PLAIN
};

/// How a feature is switched, in [`ALL`] or in [`PLAIN`], to what it is in the
/// other one.
type Switch = fn(&mut Constants, &Constants);

/// Every feature but NSID, which is one comparison with the value or without it.
const FEATURES: [(&str, Switch); 8] = [
    ("client subnets", |constants, other| {
        constants.client_subnet = other.client_subnet;
    }),
    ("cookies", |constants, other| {
        constants.cookies = other.cookies;
    }),
    ("rates", |constants, other| constants.rates = other.rates),
    ("the budget", |constants, other| {
        constants.up_interval_ns = other.up_interval_ns;
    }),
    ("routes", |constants, other| {
        constants.reply_by_fib = other.reply_by_fib;
    }),
    ("counting for groups", |constants, other| {
        constants.group_sample = other.group_sample;
    }),
    ("telling", |constants, other| {
        constants.told_sample = other.told_sample;
    }),
    ("staleness", |constants, other| {
        constants.expires = other.expires;
    }),
];

#[test]
fn a_feature_that_is_off_has_no_instructions() {
    let (smallest, largest) = (size(&PLAIN), size(&ALL));
    for (what, switch) in FEATURES {
        let (mut with, mut without) = (PLAIN, ALL);
        // Rates are of some class.
        with.rate_intervals_ns = ALL.rate_intervals_ns;
        assert_eq!(size(&with), smallest, "intervals without rates");
        switch(&mut with, &ALL);
        switch(&mut without, &PLAIN);
        let (with, without) = (size(&with), size(&without));
        println!("{what}: {smallest} to {with}, {largest} to {without} octets");
        assert!(with > smallest, "{what} alone");
        assert!(without < largest, "all but {what}");
    }
}

#[test]
fn how_far_something_goes_that_is_off_has_no_instructions_either() {
    let smallest = size(&PLAIN);
    let mut off = ALL;
    for (_, switch) in FEATURES {
        switch(&mut off, &PLAIN);
    }
    off.nsid = 0;
    assert_ne!(off, PLAIN);
    assert_eq!(size(&off), smallest);
    let payload = Constants {
        payload: 1400,
        ..PLAIN
    };
    assert_eq!(size(&payload), smallest);
}
