//! What is off is not there: the verifier takes it out of the program.

use dns_common::host::{Class, ClientSubnet, Constants};

use crate::{
    cases::ONCE_NS,
    rig::{PLAIN, Rig},
    world,
};

/// Octets of the program as it stands after the verifier.
fn size(constants: &Constants) -> u32 {
    let mut rig = Rig::with(world::CAPACITY, constants);
    let program = rig.kernel.program().expect("the program is loaded");
    let info = program.info().expect("the kernel tells of its programs");
    info.size_translated().expect("a size")
}

#[test]
fn a_feature_that_is_off_has_no_instructions() {
    let smallest = size(&PLAIN);
    let rated = Constants {
        rates: 1,
        rate_intervals_ns: [ONCE_NS; Class::ALL.len()],
        ..PLAIN
    };
    let features = [
        (
            "client subnets",
            Constants {
                client_subnet: ClientSubnet::On as u64,
                ..PLAIN
            },
        ),
        (
            "client subnets of trusted resolvers",
            Constants {
                client_subnet: ClientSubnet::Trusted as u64,
                ..PLAIN
            },
        ),
        (
            "cookies",
            Constants {
                cookies: 1,
                ..PLAIN
            },
        ),
        ("NSID", Constants { nsid: 1, ..PLAIN }),
        ("rates", rated),
        (
            "the budget",
            Constants {
                up_interval_ns: ONCE_NS,
                ..PLAIN
            },
        ),
        (
            "routes",
            Constants {
                reply_by_fib: 1,
                ..PLAIN
            },
        ),
    ];
    for (what, constants) in features {
        let with = size(&constants);
        println!("{what}: {} octets", with - smallest);
        assert!(with > smallest, "{what}: {with}, without {smallest}");
    }
    // What only sets how far something goes that is off is not there either.
    for (what, constants) in [
        (
            "the payload size",
            Constants {
                payload: 4096,
                ..PLAIN
            },
        ),
        (
            "rates",
            Constants {
                rates: 0,
                slip: 2,
                ..rated
            },
        ),
        (
            "prefixes of rates",
            Constants {
                rate_mask: 1023,
                rate_ipv4_shift: 8,
                rate_ipv6_shift: 8,
                ..PLAIN
            },
        ),
        (
            "cookies over the rate",
            Constants {
                slip: 2,
                cookie_required_over_limit: 1,
                ..PLAIN
            },
        ),
    ] {
        assert_eq!(size(&constants), smallest, "{what}");
    }
    // Within rates, slips are a feature of their own.
    assert!(size(&Constants { slip: 2, ..rated }) > size(&rated));
}
