//! Kinds of query: what each asks, in which packet, and what becomes of it.

use dns_common::outcome::Outcome::{
    self, Answered, AnsweredNegative, AnsweredReferral, UpUnknownName,
};
use domain::base::Rtype;

/// What carries the query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    V4,
    V6,
}

/// The name that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// A steered one.
    Steered,
    /// This one, always.
    Only(&'static str),
    /// One that does not exist, so many labels of eight letters below a zone's apex.
    Absent(usize),
    /// One below a delegation.
    Delegated,
}

/// What the OPT record says, if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edns {
    Absent,
    Plain,
    DnssecOk,
    /// DO and a client cookie.
    ClientCookie,
    /// DO, and a cookie that we made under the secret of this number.
    OurCookie(usize),
    /// The asker's client subnet, IPv4 /24.
    SubnetV4,
    /// The same, IPv6 /56.
    SubnetV6,
}

impl Edns {
    const fn name(self) -> &'static str {
        match self {
            Self::Absent => "",
            Self::Plain => ", EDNS",
            Self::DnssecOk => ", EDNS, DO",
            Self::ClientCookie => ", client cookie",
            Self::OurCookie(0) => ", server cookie",
            Self::OurCookie(_) => ", cookie of the other secret",
            Self::SubnetV4 => ", ECS IPv4 /24",
            Self::SubnetV6 => ", ECS IPv6 /56",
        }
    }
}

/// One kind of query.
#[derive(Clone, Debug)]
pub(super) struct Family {
    pub(super) name: String,
    pub(super) over: Over,
    /// VLAN tags around it.
    pub(super) tags: usize,
    /// From a resolver that nobody trusts.
    pub(super) untrusted: bool,
    pub(super) asked: Asked,
    pub(super) rtype: Rtype,
    pub(super) edns: Edns,
    pub(super) outcome: Outcome,
}

impl Family {
    /// Whether the rate of its answers is limited by default: denials, referrals,
    /// and what may have more than twice as many octets as the query.
    pub(super) fn is_limited(&self) -> bool {
        self.outcome != Answered || matches!(self.rtype, Rtype::AAAA | Rtype::HTTPS)
    }

    /// Whether there is more than one such query.
    pub(super) fn varies(&self) -> bool {
        !matches!(self.asked, Asked::Only(_)) && !self.untrusted
    }
}

/// The words of EDNS that are measured over both protocols.
const WORDS: [Edns; 7] = [
    Edns::Absent,
    Edns::Plain,
    Edns::DnssecOk,
    Edns::SubnetV4,
    Edns::SubnetV6,
    Edns::ClientCookie,
    Edns::OurCookie(0),
];

/// What is asked for in the smallest of queries.
#[rustfmt::skip] // One family, one line.
const PLAIN: [(&str, Asked, Rtype, Outcome); 10] = [
    ("AAAA", Asked::Steered, Rtype::AAAA, Answered),
    ("A, static", Asked::Only("static.bench.example."), Rtype::A, Answered),
    ("A by a wildcard", Asked::Only("any.wild.bench.example."), Rtype::A, Answered),
    ("TXT, static", Asked::Only("static.bench.example."), Rtype::TXT, Answered),
    ("HTTPS by decision", Asked::Only("www.bench.example."), Rtype::HTTPS, Answered),
    ("no such type", Asked::Steered, Rtype::MX, AnsweredNegative),
    ("no such name, 1 label", Asked::Absent(1), Rtype::A, AnsweredNegative),
    ("no such name, 10 labels", Asked::Absent(10), Rtype::A, AnsweredNegative),
    ("referral", Asked::Delegated, Rtype::A, AnsweredReferral),
    ("outside our zones", Asked::Only("www.other.test."), Rtype::A, UpUnknownName),
];

/// Every family.
pub(super) fn families() -> Vec<Family> {
    let a = |over, edns: Edns| Family {
        name: match over {
            Over::V4 => format!("A{}", edns.name()),
            Over::V6 => format!("A over IPv6{}", edns.name()),
        },
        over,
        tags: 0,
        untrusted: false,
        asked: Asked::Steered,
        rtype: Rtype::A,
        edns,
        outcome: Answered,
    };
    let mut families: Vec<Family> = [Over::V4, Over::V6]
        .into_iter()
        .flat_map(|over| WORDS.map(|edns| a(over, edns)))
        .collect();
    families.push(a(Over::V4, Edns::OurCookie(1)));
    families.push(Family {
        name: "A, ECS IPv4 /24, not trusted".to_owned(),
        untrusted: true,
        ..a(Over::V4, Edns::SubnetV4)
    });
    for tags in [1, 2] {
        families.push(Family {
            name: format!("A in VLAN, tags: {tags}"),
            tags,
            ..a(Over::V4, Edns::Absent)
        });
    }
    families.extend(PLAIN.map(|(name, asked, rtype, outcome)| Family {
        name: name.to_owned(),
        asked,
        rtype,
        outcome,
        ..a(Over::V4, Edns::Absent)
    }));
    families
}
