//! Questions of every kind to the standard zone and services, and what is right.

use super::world::Resolver;

/// A question, what our server says to it, and what a recursor makes of that.
pub(crate) struct Case {
    pub(crate) resolver: Resolver,
    pub(crate) name: &'static str,
    pub(crate) rtype: &'static str,
    /// Answered in the kernel when it comes over UDP.
    pub(crate) hot: bool,
    pub(crate) rcode: &'static str,
    pub(crate) aa: bool,
    pub(crate) answer: &'static [&'static str],
    /// How the records of the authority section start.
    pub(crate) authority: &'static [&'static str],
    pub(crate) additional: &'static [&'static str],
    /// What the recursor answers with; `None` where it is the same.
    pub(crate) resolved: Option<&'static [&'static str]>,
}

const SOA: &[&str] = &["example. SOA "];

/// What most cases are: hot, with an authoritative answer.
const CASE: Case = Case {
    resolver: Resolver::A,
    name: "",
    rtype: "A",
    hot: true,
    rcode: "NOERROR",
    aa: true,
    answer: &[],
    authority: &[],
    additional: &[],
    resolved: None,
};

/// Everything a zone can hold.
pub(crate) const CASES: &[Case] = &[
    // Steered, for each group.
    Case {
        name: "www.example.",
        answer: &["www.example. A 10.8.0.1"],
        ..CASE
    },
    Case {
        name: "www.example.",
        rtype: "AAAA",
        answer: &["www.example. AAAA fd08::1"],
        ..CASE
    },
    Case {
        resolver: Resolver::B,
        name: "www.example.",
        answer: &["www.example. A 10.8.0.2"],
        ..CASE
    },
    Case {
        resolver: Resolver::B,
        name: "www.example.",
        rtype: "AAAA",
        answer: &["www.example. AAAA fd08::2"],
        ..CASE
    },
    Case {
        resolver: Resolver::Other,
        name: "cdn.example.",
        answer: &[
            "cdn.example. CNAME s1.cdn.example.",
            "s1.cdn.example. A 10.8.0.1",
        ],
        ..CASE
    },
    Case {
        resolver: Resolver::B,
        name: "cdn.example.",
        rtype: "AAAA",
        answer: &[
            "cdn.example. CNAME s2.cdn.example.",
            "s2.cdn.example. AAAA fd08::2",
        ],
        ..CASE
    },
    Case {
        name: "s3.cdn.example.",
        answer: &["s3.cdn.example. A 10.8.0.3"],
        ..CASE
    },
    // What is at a CNAME for one type is so for every type (RFC 1034 section 3.6.2).
    Case {
        name: "cdn.example.",
        rtype: "TXT",
        answer: &["cdn.example. CNAME s1.cdn.example."],
        authority: SOA,
        ..CASE
    },
    Case {
        name: "www.example.",
        rtype: "TXT",
        authority: SOA,
        ..CASE
    },
    // Static records.
    Case {
        name: "static.example.",
        answer: &["static.example. A 192.0.2.11"],
        ..CASE
    },
    Case {
        name: "static.example.",
        rtype: "AAAA",
        answer: &["static.example. AAAA 2001:db8::11"],
        ..CASE
    },
    Case {
        name: "static.example.",
        rtype: "TXT",
        answer: &["static.example. TXT \"as it is\""],
        ..CASE
    },
    Case {
        name: "multi.example.",
        answer: &[
            "multi.example. A 192.0.2.21",
            "multi.example. A 192.0.2.22",
            "multi.example. A 192.0.2.23",
        ],
        ..CASE
    },
    Case {
        name: "example.",
        rtype: "SOA",
        answer: &["example. SOA ns1.example. hostmaster.example. 1 3600 900 604800 60"],
        ..CASE
    },
    Case {
        name: "example.",
        rtype: "NS",
        answer: &["example. NS ns1.example."],
        additional: &["ns1.example. A 10.9.0.53", "ns1.example. AAAA fd09::53"],
        ..CASE
    },
    // Aliases.
    Case {
        name: "alias.example.",
        answer: &[
            "alias.example. CNAME static.example.",
            "static.example. A 192.0.2.11",
        ],
        ..CASE
    },
    Case {
        name: "alias.example.",
        rtype: "CNAME",
        answer: &["alias.example. CNAME static.example."],
        ..CASE
    },
    Case {
        name: "far.example.",
        rtype: "TXT",
        answer: &[
            "alias.example. CNAME static.example.",
            "far.example. CNAME alias.example.",
            "static.example. TXT \"as it is\"",
        ],
        ..CASE
    },
    // RFC 6672.
    Case {
        name: "x.old.example.",
        hot: false,
        answer: &[
            "old.example. DNAME new.example.",
            "x.new.example. A 192.0.2.33",
            "x.old.example. CNAME x.new.example.",
        ],
        ..CASE
    },
    // RFC 4592.
    Case {
        name: "some.name.wild.example.",
        answer: &["some.name.wild.example. A 192.0.2.31"],
        ..CASE
    },
    Case {
        name: "a.wild.example.",
        rtype: "TXT",
        answer: &["a.wild.example. TXT \"any\""],
        ..CASE
    },
    Case {
        name: "a.wild.example.",
        rtype: "AAAA",
        authority: SOA,
        ..CASE
    },
    // Absence (RFC 2308), an empty non-terminal's too (RFC 8020).
    Case {
        name: "ent.example.",
        authority: SOA,
        ..CASE
    },
    Case {
        name: "leaf.ent.example.",
        answer: &["leaf.ent.example. A 192.0.2.32"],
        ..CASE
    },
    Case {
        name: "leaf.ent.example.",
        rtype: "AAAA",
        authority: SOA,
        ..CASE
    },
    Case {
        name: "no.such.example.",
        rcode: "NXDOMAIN",
        authority: SOA,
        ..CASE
    },
    Case {
        name: "below.static.example.",
        rcode: "NXDOMAIN",
        authority: SOA,
        ..CASE
    },
    // Referrals, which a recursor follows to the child's own server.
    Case {
        name: "www.sub.example.",
        aa: false,
        authority: &["sub.example. NS ns.sub.example."],
        additional: &[
            "ns.sub.example. A 10.9.0.54",
            "ns.sub.example. AAAA fd09::54",
        ],
        resolved: Some(&["www.sub.example. A 192.0.2.41"]),
        ..CASE
    },
    Case {
        name: "www.sub.example.",
        rtype: "AAAA",
        aa: false,
        authority: &["sub.example. NS ns.sub.example."],
        additional: &[
            "ns.sub.example. A 10.9.0.54",
            "ns.sub.example. AAAA fd09::54",
        ],
        resolved: Some(&["www.sub.example. AAAA 2001:db8::41"]),
        ..CASE
    },
];

/// What is not ours; no recursor would ask us.
pub(crate) const OUTSIDE: Case = Case {
    name: "www.example.org.",
    hot: false,
    rcode: "REFUSED",
    aa: false,
    ..CASE
};
