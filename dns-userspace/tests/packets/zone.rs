//! The zone `example.`: what stands in it beside the sites, what is said of
//! names that are not in it, and the names between ours and the root.

use std::collections::BTreeSet;

use dns_common::{
    decision::ALL_CANDIDATES,
    host::Class,
    tables::{AnswerKind, Below, By},
};
use veer::tables::{Addresses, Answer, ImageBuilder, RowData, Slot, TypeData};

use crate::{
    shared::plain::{owned_record, record},
    wire::{A, AAAA, Body, TXT, name},
};

pub(crate) const APEX: &str = "example.";
/// Another zone, with so short a name that one of 127 labels can be in it.
pub(crate) const SHORT_APEX: &str = "z.";
/// Delegated, with glue.
pub(crate) const CUT: &str = "sub.example.";
/// There is a wildcard below it.
pub(crate) const WILD: &str = "wild.example.";
const WILDCARD: &str = "*.wild.example.";
/// An empty non-terminal.
pub(crate) const EMPTY: &str = "empty.example.";
const BELOW_EMPTY: &str = "leaf.empty.example.";
/// Nothing is known of it, nor of what is below, as with a DNAME.
pub(crate) const ELSEWHERE: &str = "up.example.";
/// It has records of [`typed`].
pub(crate) const TYPES: &str = "types.example.";

/// Number of the zone [`APEX`]; all other names are in zone 0.
pub(crate) const ZONE: u32 = 7;

const NS: u16 = 2;
const SOA: u16 = 6;
const HINFO: u16 = 13;
const MX: u16 = 15;
pub(crate) const HTTPS: u16 = 65;
pub(crate) const ANY: u16 = 255;
pub(crate) const CAA: u16 = 257;

const AA: [u8; 2] = [0x84, 0];
const AA_NXDOMAIN: [u8; 2] = [0x84, 3];
const REFERRAL: [u8; 2] = [0x80, 0];

/// How much longer a question's `name` is than `ancestor`.
fn longer(name: &[u8], ancestor: &str) -> usize {
    name.len() - self::name(ancestor).len()
}

/// A compression pointer (RFC 1035 section 4.1.4) to octet `at` of the message.
fn pointer(at: usize) -> [u8; 2] {
    (0xc000 | at as u16).to_be_bytes()
}

/// The SOA record of the zone whose name starts `longer` octets into the question.
fn soa(longer: usize) -> Vec<u8> {
    let apex = pointer(12 + longer);
    let mut rdata = [b"\x02ns", &apex[..], b"\x0ahostmaster", &apex].concat();
    rdata.extend(
        [1, 3600, 600, 86_400, 60_u32]
            .into_iter()
            .flat_map(u32::to_be_bytes),
    );
    owned_record(&apex, SOA, &rdata)
}

/// What is said of a type that `name` in the zone `apex` does not have.
pub(crate) fn nodata(name: &[u8], apex: &str) -> Body {
    negative(AA, longer(name, apex))
}

/// What is said of `name`, which the zone `apex` does not have.
pub(crate) fn nxdomain(name: &[u8], apex: &str) -> Body {
    negative(AA_NXDOMAIN, longer(name, apex))
}

fn negative(flags: [u8; 2], longer: usize) -> Body {
    Body {
        flags,
        counts: [0, 1, 0],
        records: soa(longer),
    }
}

/// The delegation of [`CUT`] as `name` there or below gets it: `ns.sub` with an
/// address of either family.
pub(crate) fn referral(name: &[u8]) -> Body {
    referred(longer(name, CUT))
}

fn referred(longer: usize) -> Body {
    let cut = pointer(12 + longer);
    let mut records = owned_record(&cut, NS, &[b"\x02ns", &cut[..]].concat());
    // Behind the question and the record's own fields stands the server's name.
    let question = 12 + longer + name(CUT).len() + 4;
    let server = pointer(question + 12);
    records.extend(owned_record(&server, A, &[192, 0, 2, 99]));
    records.extend(owned_record(&server, AAAA, &[0x20; 16]));
    Body {
        flags: REFERRAL,
        counts: [0, 1, 2],
        records,
    }
}

/// What every name below [`WILD`] has.
pub(crate) fn wildcard(rtype: u16) -> Option<Body> {
    let rdata = match rtype {
        A => vec![192, 0, 2, 42],
        AAAA => vec![0x42; 16],
        TXT => b"\x05wild!".to_vec(),
        _ => return None,
    };
    Some(Body::positive(1, record(rtype, &rdata)))
}

/// What stands at [`TYPES`].
pub(crate) fn typed(rtype: u16) -> Option<Body> {
    let records = match rtype {
        TXT => [record(TXT, b"\x05hello"), record(TXT, b"\x01 \x02, ")].concat(),
        MX => record(MX, &[&[0, 10][..], b"\x02mx", &name(APEX)].concat()),
        CAA => record(CAA, b"\0\x05issueca.example"),
        // RFC 8482 section 4.2.
        ANY => record(HINFO, b"\x07RFC8482\0"),
        _ => return None,
    };
    let count = if rtype == TXT { 2 } else { 1 };
    Some(Body::positive(count, records))
}

/// Types of [`typed`].
pub(crate) const TYPES_THERE: [u16; 4] = [TXT, MX, CAA, ANY];

/// The HTTPS record with the address hint of one candidate, or for all without.
pub(crate) fn https(candidate: Option<u8>) -> Body {
    let hint = candidate.map_or(vec![], |number| vec![0, 4, 0, 4, 203, 0, number, 1]);
    Body::positive(1, record(HTTPS, &[&[0, 1, 0], &hint[..]].concat()))
}

/// `body`, to be put into the tables for questions of `name_len` octets.
fn stored(body: &Body, name_len: usize, class: Class) -> Answer {
    Answer {
        octets: body.records.clone(),
        counts: body.counts,
        kind: AnswerKind {
            flags: u16::from_le_bytes(body.flags),
            name_len: name_len as u8,
            class,
        },
        moving: Vec::new(),
    }
}

/// The same of a body whose pointers move: `body` says how it looks for a name
/// that is so much longer than `shortest`.
fn moving(shortest: &str, class: Class, body: impl Fn(usize) -> Body) -> Answer {
    let [one, other] = [0, 1].map(&body);
    let differ = (0..one.records.len()).filter(|at| one.records[*at] != other.records[*at]);
    // One more changes the second octet of a pointer.
    let moving = differ.map(|at| at as u16 - 1).collect();
    Answer {
        moving,
        ..stored(&one, name(shortest).len(), class)
    }
}

/// Cells of a zone's answers that its names share.
#[derive(Clone, Copy)]
pub(crate) struct Shared {
    pub(crate) nodata: u32,
    pub(crate) nxdomain: u32,
}

impl Shared {
    fn new(builder: &mut ImageBuilder<'_>, apex: &str) -> Self {
        let mut add = |flags| {
            let answer = moving(apex, Class::Negative, |longer| negative(flags, longer));
            builder.answer(answer)
        };
        Self {
            nodata: add(AA),
            nxdomain: add(AA_NXDOMAIN),
        }
    }

    /// `row` as one of the zone: types it does not have are denied, and what is
    /// below it as well.
    pub(crate) fn row(self, zone: u32, row: RowData) -> RowData {
        let denied = TypeData {
            rtype: 0,
            by: By::Nobody,
            answers: vec![Slot::Shared(self.nodata)],
        };
        let types = [vec![denied], row.types].concat();
        let below = match row.below {
            Below::Up => Below::Answer(self.nxdomain),
            other => other,
        };
        RowData {
            zone,
            addresses: row.addresses,
            types,
            below,
        }
    }

    /// The row of a name that has no records of its own.
    pub(crate) fn empty(self, zone: u32) -> RowData {
        let none = || Slot::Shared(self.nodata);
        self.row(zone, RowData::of(Addresses::Static([none(), none()])))
    }
}

/// The answers to `rtype` at a name, each its own.
pub(crate) fn own(rtype: u16, by: By, bodies: &[Body]) -> TypeData {
    let slots = bodies.iter();
    let slots = slots.map(|body| Slot::Own(stored(body, 0, Class::Positive)));
    TypeData {
        rtype,
        by,
        answers: slots.collect(),
    }
}

/// The HTTPS records of a service.
pub(crate) fn hints() -> TypeData {
    let bodies: Vec<Body> = (0..=ALL_CANDIDATES)
        .map(|number| https((number < ALL_CANDIDATES).then_some(number)))
        .collect();
    own(HTTPS, By::Both, &bodies)
}

/// Adds everything of the zones but the sites; names added are put in `names`.
pub(crate) fn add(builder: &mut ImageBuilder<'_>, names: &mut BTreeSet<Vec<u8>>) -> Shared {
    let mut add = |builder: &mut ImageBuilder<'_>, text: &str, row: &RowData| {
        names.insert(name(text));
        builder.name(&name(text), row)
    };
    let short = Shared::new(builder, SHORT_APEX);
    add(builder, SHORT_APEX, &short.empty(0));

    let shared = Shared::new(builder, APEX);
    for text in [APEX, EMPTY, BELOW_EMPTY] {
        add(builder, text, &shared.empty(ZONE));
    }
    let mut types = shared.empty(ZONE);
    for rtype in TYPES_THERE {
        let body = typed(rtype).expect("one of them");
        types.types.push(own(rtype, By::Nobody, &[body]));
    }
    add(builder, TYPES, &types);

    let pair = [A, AAAA].map(|rtype| {
        let body = wildcard(rtype).expect("an address");
        Slot::Own(stored(&body, 0, Class::Positive))
    });
    let mut row = shared.row(ZONE, RowData::of(Addresses::Static(pair)));
    let text = wildcard(TXT).expect("a text");
    row.types.push(own(TXT, By::Nobody, &[text]));
    let cell = add(builder, WILDCARD, &row);
    let row = RowData {
        below: Below::Wildcard(cell),
        ..shared.empty(ZONE)
    };
    add(builder, WILD, &row);

    let delegation = moving(CUT, Class::Referral, referred);
    let cell = builder.answer(delegation);
    let row = RowData {
        zone: ZONE,
        addresses: Addresses::Static([Slot::Shared(cell), Slot::Shared(cell)]),
        types: vec![TypeData {
            rtype: 0,
            by: By::Nobody,
            answers: vec![Slot::Shared(cell)],
        }],
        below: Below::Answer(cell),
    };
    add(builder, CUT, &row);

    let nothing = RowData::of(Addresses::Static([Slot::Absent, Slot::Absent]));
    let row = RowData {
        zone: ZONE,
        ..nothing
    };
    add(builder, ELSEWHERE, &row);
    shared
}

/// Adds every ancestor that is not among `names`: those in [`APEX`] as empty
/// non-terminals, the others as names outside our zones.
pub(crate) fn add_ancestors(
    builder: &mut ImageBuilder<'_>,
    names: &BTreeSet<Vec<u8>>,
    shared: Shared,
) {
    let mut missing = BTreeSet::new();
    for name in names {
        let mut at = 0;
        while at < name.len() {
            if !names.contains(&name[at..]) {
                missing.insert(name[at..].to_vec());
            }
            at += 1 + usize::from(name[at]);
        }
    }
    for ancestor in missing {
        let row = if ancestor.ends_with(&name(APEX)) {
            shared.empty(ZONE)
        } else {
            RowData::outside()
        };
        builder.name(&ancestor, &row);
    }
}
