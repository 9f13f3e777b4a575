//! What is measured: a query, the constants of the program that gets it, and
//! what is to become of it.

use std::net::{IpAddr, Ipv4Addr, SocketAddrV4, SocketAddrV6};

use anyhow::Result;
use dns_common::outcome::Outcome::{
    self, Answered, AnsweredNegative, AnsweredReferral, DropRate, DropUnknownName, UpUnknownName,
};
use domain::base::Rtype;

use super::{
    constants::Set::{
        self, Cookies, Defaults, Off, OverRates, OverUpBudget, Rates, ReplyByFib, Subnets,
        SubnetsTrusted, UpBudget,
    },
    queries::{Edns, query},
    route::{NEIGHBOUR_MAC, OUR_MAC, RESOLVER_V6},
};
use crate::{
    fixture::{self, PORT, RESOLVER, SECRETS, SERVICE_ADDRESS, SERVICE_ADDRESS_V6},
    frame::{self, Path},
};

/// A resolver that nobody trusts.
const OTHER_RESOLVER: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);
const RESOLVER_PORT: u16 = 40_000;

const MACS: [frame::Mac; 2] = [NEIGHBOUR_MAC, OUR_MAC];

/// Below the apex, and ten labels of eight octets below it.
const ABSENT: &str = "q7f3k9x2.bench.example.";
const ABSENT_DEEP: &str = "q7f3k9x2.m4c8v1z5.t6b2n8w3.h9d5s1j7.p3g7y4l2.\
                           r8k2q6f9.x1z5m3c7.w4t8b6n2.j5h1d9s3.l7p4g2y6.bench.example.";

/// One of the things measured.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) set: Set,
    pub(super) frame: Vec<u8>,
    pub(super) outcome: Outcome,
}

/// Every row of the responder.
pub(super) fn rows() -> Result<Vec<Row>> {
    let plain = fixture::query();
    let a = |edns: Edns| query("wWw.bench.example.", Rtype::A, Some(&edns));
    let of = |name, rtype| query(name, rtype, None);
    let client_cookie = a(Edns::cookie(None))?;
    let our_cookie = a(Edns::cookie(Some(SECRETS[0])))?;
    let older_cookie = a(Edns::cookie(Some(SECRETS[1])))?;
    let subnet_v4 = a(Edns::subnet(IpAddr::from([203, 0, 113, 0]), 24))?;
    let subnet_v6 = IpAddr::from([0x2001, 0xdb8, 0x113, 0x5500, 0, 0, 0, 0]);
    let subnet_v6 = a(Edns::subnet(subnet_v6, 56))?;
    let absent = of(ABSENT, Rtype::A)?;
    let outside = of("www.other.test.", Rtype::A)?;

    #[rustfmt::skip] // One row, one line.
    let rows = [
        ("A", Off, &plain, Answered),
        ("A", Defaults, &plain, Answered),
        ("AAAA", Off, &of("www.bench.example.", Rtype::AAAA)?, Answered),
        ("A, static", Off, &of("static.bench.example.", Rtype::A)?, Answered),
        ("A by a wildcard", Off, &of("any.wild.bench.example.", Rtype::A)?, Answered),
        ("TXT, static", Off, &of("static.bench.example.", Rtype::TXT)?, Answered),
        ("HTTPS by decision", Off, &of("www.bench.example.", Rtype::HTTPS)?, Answered),
        ("no such type", Off, &of("static.bench.example.", Rtype::MX)?, AnsweredNegative),
        ("no such name, 1 label", Off, &absent, AnsweredNegative),
        ("no such name, 10 labels", Off, &of(ABSENT_DEEP, Rtype::A)?, AnsweredNegative),
        ("referral", Off, &of("www.sub.bench.example.", Rtype::A)?, AnsweredReferral),
        ("outside our zones", Off, &outside, UpUnknownName),
        ("outside our zones", UpBudget, &outside, UpUnknownName),
        ("outside our zones", OverUpBudget, &outside, DropUnknownName),
        ("A, EDNS", Off, &a(Edns::default())?, Answered),
        ("A, EDNS, DO", Off, &a(Edns::dnssec_ok())?, Answered),
        ("A, EDNS, DO, client cookie", Off, &client_cookie, Answered),
        ("A, EDNS, DO, client cookie", Cookies, &client_cookie, Answered),
        ("A, EDNS, DO, our cookie", Off, &our_cookie, Answered),
        ("A, EDNS, DO, our cookie", Cookies, &our_cookie, Answered),
        ("A, EDNS, DO, cookie of the other secret", Cookies, &older_cookie, Answered),
        ("A, EDNS, DO, our cookie", Defaults, &our_cookie, Answered),
        ("A, EDNS, client subnet IPv4 /24", Off, &subnet_v4, Answered),
        ("A, EDNS, client subnet IPv4 /24", Subnets, &subnet_v4, Answered),
        ("A, EDNS, client subnet IPv4 /24", SubnetsTrusted, &subnet_v4, Answered),
        ("A, EDNS, client subnet IPv6 /56", Off, &subnet_v6, Answered),
        ("A, EDNS, client subnet IPv6 /56", Subnets, &subnet_v6, Answered),
        ("A, EDNS, client subnet IPv6 /56", SubnetsTrusted, &subnet_v6, Answered),
        ("A", Rates, &plain, Answered),
        ("no such name, 1 label", Rates, &absent, AnsweredNegative),
        ("no such name, 1 label", OverRates, &absent, DropRate),
        ("A", ReplyByFib, &plain, Answered),
    ];
    let rows = rows.into_iter().map(|(name, set, message, outcome)| Row {
        name,
        set,
        frame: from(RESOLVER, message),
        outcome,
    });
    let mut rows: Vec<Row> = rows.collect();
    for set in [Off, ReplyByFib] {
        rows.push(Row {
            name: "A over IPv6",
            set,
            frame: from_v6(&plain),
            outcome: Answered,
        });
    }
    rows.push(Row {
        name: "A, EDNS, client subnet IPv4 /24, not trusted",
        set: SubnetsTrusted,
        frame: from(OTHER_RESOLVER, &subnet_v4),
        outcome: Answered,
    });
    Ok(rows)
}

fn from(resolver: Ipv4Addr, message: &[u8]) -> Vec<u8> {
    let addresses = [
        SocketAddrV4::new(resolver, RESOLVER_PORT),
        SocketAddrV4::new(SERVICE_ADDRESS, PORT),
    ];
    frame::of(
        Path {
            macs: MACS,
            addresses,
        },
        message,
    )
}

fn from_v6(message: &[u8]) -> Vec<u8> {
    let addresses = [
        SocketAddrV6::new(RESOLVER_V6, RESOLVER_PORT, 0, 0),
        SocketAddrV6::new(SERVICE_ADDRESS_V6, PORT, 0, 0),
    ];
    frame::of_v6(
        Path {
            macs: MACS,
            addresses,
        },
        message,
    )
}
