//! What is expected of a reply, and whether one is that. Messages are read here
//! by hand, so that the reader is not the writer's.

use super::{query::*, world};

pub(crate) const NOERROR: u16 = 0;
pub(crate) const FORMERR: u16 = 1;
pub(crate) const NXDOMAIN: u16 = 3;
pub(crate) const NOTIMP: u16 = 4;
pub(crate) const REFUSED: u16 = 5;
pub(crate) const BADVERS: u16 = 16;

/// What a reply must be. What [`check`] asks of every reply is not said again.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "so are the flags of a header"
)]
pub(crate) struct Expected {
    /// There is none at all.
    silence: bool,
    /// With its upper bits from OPT.
    rcode: u16,
    authoritative: bool,
    truncated: bool,
    /// The question is echoed.
    question: bool,
    /// Types in the answer section, in order.
    answer: Vec<u16>,
    /// Types in the authority section, in order.
    authority: Vec<u16>,
    /// Records in the additional section, OPT aside.
    additional: usize,
    /// There is an OPT record, with DO or without.
    opt: Option<bool>,
    with: Vec<(u16, Vec<u8>)>,
    without: Vec<u16>,
}

/// A reply with that RCODE, and nothing else in it but the question.
pub(crate) fn reply(rcode: u16) -> Expected {
    Expected {
        silence: false,
        rcode,
        authoritative: false,
        truncated: false,
        question: true,
        answer: Vec::new(),
        authority: Vec::new(),
        additional: 0,
        opt: None,
        with: Vec::new(),
        without: Vec::new(),
    }
}

/// No reply.
pub(crate) fn silence() -> Expected {
    Expected {
        silence: true,
        ..reply(NOERROR)
    }
}

/// An authoritative answer of these types.
pub(crate) fn answer(types: &[u16]) -> Expected {
    Expected {
        authoritative: true,
        answer: types.to_vec(),
        ..reply(NOERROR)
    }
}

/// An authoritative answer that there is nothing: NODATA or NXDOMAIN.
pub(crate) fn nothing(rcode: u16) -> Expected {
    Expected {
        authoritative: true,
        authority: vec![SOA],
        ..reply(rcode)
    }
}

/// A referral of `types` with so many addresses.
pub(crate) fn referral(types: &[u16], addresses: usize) -> Expected {
    Expected {
        authority: types.to_vec(),
        additional: addresses,
        ..reply(NOERROR)
    }
}

impl Expected {
    /// With TC, and without records.
    pub(crate) fn truncated(self) -> Self {
        Self {
            truncated: true,
            ..self
        }
    }

    /// With these types in the answer section.
    pub(crate) fn behind(self, types: &[u16]) -> Self {
        Self {
            answer: types.to_vec(),
            ..self
        }
    }

    pub(crate) fn without_question(self) -> Self {
        Self {
            question: false,
            ..self
        }
    }

    /// With so many additional records.
    pub(crate) fn addresses(self, additional: usize) -> Self {
        Self { additional, ..self }
    }

    /// With an OPT record, without DO.
    pub(crate) fn opt(self) -> Self {
        Self {
            opt: Some(false),
            ..self
        }
    }

    /// With an OPT record with DO.
    pub(crate) fn dnssec_ok(self) -> Self {
        Self {
            opt: Some(true),
            ..self
        }
    }

    /// With that option.
    pub(crate) fn option(mut self, code: u16, data: &[u8]) -> Self {
        self.with.push((code, data.to_vec()));
        self
    }

    /// Without that option.
    pub(crate) fn without(mut self, code: u16) -> Self {
        self.without.push(code);
        self
    }
}

/// A message, read.
#[derive(Debug)]
struct Message {
    flags: u16,
    /// The octets of the question, if there is one.
    question: Vec<u8>,
    /// Answer, authority, additional.
    sections: [Vec<Record>; 3],
}

#[derive(Debug)]
struct Record {
    owner: Vec<u8>,
    rtype: u16,
    class: u16,
    ttl: u32,
    data: Vec<u8>,
}

/// Reads octets one after another; what is not there is an error.
struct Reader<'m> {
    message: &'m [u8],
    at: usize,
}

impl<'m> Reader<'m> {
    fn take(&mut self, octets: usize) -> Result<&'m [u8], String> {
        let taken = self.message.get(self.at..self.at + octets);
        let taken = taken.ok_or_else(|| format!("ends before octet {}", self.at + octets))?;
        self.at += octets;
        Ok(taken)
    }

    fn word(&mut self) -> Result<u16, String> {
        let octets = self.take(2)?;
        Ok(u16::from_be_bytes([octets[0], octets[1]]))
    }

    /// A name, decompressed (RFC 1035 section 4.1.4); pointers lead backwards.
    fn name(&mut self) -> Result<Vec<u8>, String> {
        let mut name = Vec::new();
        let mut jumped = None;
        // Labels between pointers could lead round in a circle.
        while name.len() < 255 {
            let start = self.at;
            match self.take(1)?[0] {
                0 => {
                    name.push(0);
                    self.at = jumped.unwrap_or(self.at);
                    return Ok(name);
                }
                length @ 1..=63 => {
                    name.push(length);
                    name.extend(self.take(length.into())?);
                }
                pointer @ 0xc0.. => {
                    let low = self.take(1)?[0];
                    jumped.get_or_insert(self.at);
                    self.at = usize::from(u16::from_be_bytes([pointer & 0x3f, low]));
                    if self.at >= start {
                        return Err(format!("a pointer at {start} leads to {}", self.at));
                    }
                }
                other => return Err(format!("a label of type {other:#x}")),
            }
        }
        Err("a name of more than 255 octets".to_owned())
    }

    fn record(&mut self) -> Result<Record, String> {
        let owner = self.name()?;
        let (rtype, class) = (self.word()?, self.word()?);
        let ttl = u32::from(self.word()?) << 16 | u32::from(self.word()?);
        let length = self.word()?;
        let data = self.take(length.into())?.to_vec();
        Ok(Record {
            owner,
            rtype,
            class,
            ttl,
            data,
        })
    }
}

fn read(message: &[u8]) -> Result<Message, String> {
    let mut reader = Reader { message, at: 2 };
    let flags = reader.word()?;
    let questions = reader.word()?;
    let counts = [reader.word()?, reader.word()?, reader.word()?];
    let start = reader.at;
    for _ in 0..questions {
        reader.name()?;
        reader.take(4)?;
    }
    let question = message[start..reader.at].to_vec();
    let mut sections = [Vec::new(), Vec::new(), Vec::new()];
    for (section, count) in sections.iter_mut().zip(counts) {
        for _ in 0..count {
            section.push(reader.record()?);
        }
    }
    match message.len() - reader.at {
        0 => Ok(Message {
            flags,
            question,
            sections,
        }),
        rest => Err(format!("{rest} octets after the last record")),
    }
}

/// Options by code and data.
fn options(record: &Record) -> Result<Vec<(u16, Vec<u8>)>, String> {
    let mut reader = Reader {
        message: &record.data,
        at: 0,
    };
    let mut options = Vec::new();
    while reader.at < record.data.len() {
        let (code, length) = (reader.word()?, reader.word()?);
        options.push((code, reader.take(length.into())?.to_vec()));
    }
    Ok(options)
}

/// Whether `reply` is a well-formed reply to `query` and what is `expected`; what
/// is not, if it is not.
pub(crate) fn check(
    query: &Query,
    reply: Option<&[u8]>,
    expected: &Expected,
) -> Result<(), String> {
    let Some(octets) = reply else {
        return same("silence", true, expected.silence);
    };
    same("silence", false, expected.silence)?;
    let most = most_octets(query);
    if octets.len() > most {
        return Err(format!("{} octets are more than {most}", octets.len()));
    }
    same("ID", octets.get(..2), Some(&query.id.to_be_bytes()[..]))?;
    let mut message = read(octets)?;
    let opt = take_opt(&mut message.sections[2], query)?;
    let (upper, dnssec_ok, options) = match &opt {
        Some((ttl, options)) => ((ttl >> 24) as u16, Some(ttl & 0x8000 != 0), &options[..]),
        None => (0, None, &[][..]),
    };
    same("OPT and DO", dnssec_ok, expected.opt)?;

    let flags = message.flags;
    same("RCODE", upper << 4 | flags & 0xf, expected.rcode)?;
    same("QR", flags & QR != 0, true)?;
    same("opcode", flags & 0x7800, query.flags & 0x7800)?;
    same("AA", flags & AA != 0, expected.authoritative)?;
    same("TC", flags & TC != 0, expected.truncated)?;
    same("RD", flags & RD, query.flags & RD)?;
    same("RA, Z, AD, CD", flags & (RA | Z | AD | CD), 0)?;

    let echoed: &[u8] = if expected.question {
        &query.question
    } else {
        &[]
    };
    same("question", &message.question[..], echoed)?;
    let types = |section: &[Record]| section.iter().map(|record| record.rtype).collect();
    let [answer, authority, additional] = &message.sections;
    same("answer", types(answer), expected.answer.clone())?;
    same("authority", types(authority), expected.authority.clone())?;
    same("additional", additional.len(), expected.additional)?;
    check_answer(query, answer)?;
    check_negative(answer, authority)?;

    for (code, data) in &expected.with {
        let found = options.iter().find(|option| option.0 == *code);
        let found = found.map(|option| &option.1);
        same(&format!("option {code}"), found, Some(data))?;
    }
    for code in &expected.without {
        let found = options.iter().any(|option| option.0 == *code);
        same(&format!("option {code} is there"), found, false)?;
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "callers have values")]
fn same<T: PartialEq + std::fmt::Debug>(what: &str, is: T, should: T) -> Result<(), String> {
    if is == should {
        return Ok(());
    }
    Err(format!("{what}: is {is:?}, should be {should:?}"))
}

/// Octets the reply may have (RFC 6891 section 6.2.5).
fn most_octets(query: &Query) -> usize {
    match (query.transport, query.opts.first()) {
        (Transport::Tcp, _) => 65_535,
        (Transport::Udp, None) => 512,
        (Transport::Udp, Some(opt)) => opt.payload.clamp(512, world::UDP_PAYLOAD).into(),
    }
}

/// Takes the OPT record out of the additional section: at most one, at the root,
/// version 0, our payload size, no flag but DO, only options that were asked
/// for, each once. Its TTL field, and its options.
#[expect(clippy::type_complexity, reason = "two fields of one record")]
fn take_opt(
    additional: &mut Vec<Record>,
    query: &Query,
) -> Result<Option<(u32, Vec<(u16, Vec<u8>)>)>, String> {
    let Some(at) = additional.iter().position(|record| record.rtype == OPT) else {
        return Ok(None);
    };
    let opt = additional.remove(at);
    if additional.iter().any(|record| record.rtype == OPT) {
        return Err("a second OPT record".to_owned());
    }
    same("owner of OPT", &opt.owner[..], &[0])?;
    same("payload size of OPT", opt.class, world::UDP_PAYLOAD)?;
    same("version of OPT", opt.ttl >> 16 & 0xff, 0)?;
    same("Z flags of OPT", opt.ttl & 0x7fff, 0)?;
    let options = options(&opt)?;
    let asked: Vec<u16> = query
        .opts
        .iter()
        .flat_map(|opt| opt.options.iter().map(|option| option.0))
        .collect();
    for (number, (code, _)) in options.iter().enumerate() {
        same(
            &format!("option {code} was asked for"),
            asked.contains(code),
            true,
        )?;
        let again = options[..number].iter().any(|option| option.0 == *code);
        same(&format!("option {code} comes twice"), again, false)?;
    }
    Ok(Some((opt.ttl, options)))
}

/// The first record of an answer is at the name that was asked for, or a DNAME
/// above it; records are of the class that was asked for.
fn check_answer(query: &Query, answer: &[Record]) -> Result<(), String> {
    let Some(first) = answer.first() else {
        return Ok(());
    };
    let (qname, rest) = query.question.split_at(query.question.len() - 4);
    let owner = if first.rtype == DNAME {
        let start = qname.len().saturating_sub(first.owner.len());
        &qname[start..]
    } else {
        qname
    };
    same(
        "owner",
        first.owner.to_ascii_lowercase(),
        owner.to_ascii_lowercase(),
    )?;
    let qclass = u16::from_be_bytes([rest[2], rest[3]]);
    for record in answer {
        same("class", record.class, qclass)?;
    }
    Ok(())
}

/// The SOA of a negative answer has the lower of its TTL and MINIMUM (RFC 2308
/// section 3); only an alias may stand before it.
fn check_negative(answer: &[Record], authority: &[Record]) -> Result<(), String> {
    for record in authority.iter().filter(|record| record.rtype == SOA) {
        same("TTL of the SOA", record.ttl, world::NEGATIVE_TTL)?;
        let aliases = answer
            .iter()
            .all(|record| [CNAME, DNAME].contains(&record.rtype));
        same("records beside the SOA are aliases", aliases, true)?;
    }
    Ok(())
}

/// A reply to a query for `x.` with all there can be, and what is expected of it.
fn sample() -> (Query, Vec<u8>, Expected) {
    let query = ask_edns("x.", A).flags(RD).dnssec_ok().option(NSID, b"");
    let reply = b"\x89\x06\x85\0\0\x01\0\x01\0\0\0\x01\
        \x01x\0\0\x01\0\x01\
        \xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01\
        \0\0\x29\x04\xd0\0\0\x80\0\0\x06\0\x03\0\x02me";
    let expected = answer(&[A]).dnssec_ok().option(NSID, b"me");
    (query, reply.to_vec(), expected)
}

/// What the checker does not look at: TTL and address of the answer.
const NOT_CHECKED: [std::ops::Range<usize>; 2] = [25..29, 31..35];

#[test]
fn the_checker_takes_a_good_reply_and_none_with_a_wrong_bit() {
    let (query, good, expected) = sample();
    assert_eq!(check(&query, Some(&good), &expected), Ok(()));
    let checked = |at: &usize| !NOT_CHECKED.iter().any(|range| range.contains(at));
    for at in (0..good.len()).filter(checked) {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            let found = check(&query, Some(&bad), &expected);
            assert!(found.is_err(), "octet {at}, bit {bit}: {bad:02x?}");
        }
    }
}

#[test]
fn the_checker_takes_no_other_reply() {
    let (query, good, expected) = sample();
    let refused = |reply: Option<&[u8]>, expected: &Expected| {
        assert!(check(&query, reply, expected).is_err(), "{expected:?}");
    };
    refused(None, &expected);
    refused(Some(&good), &silence());
    for length in 0..good.len() {
        refused(Some(&good[..length]), &expected);
    }
    refused(Some(&[&good[..], &[0]].concat()), &expected);
    refused(Some(&good), &expected.clone().truncated());
    refused(Some(&good), &expected.clone().without_question());
    refused(Some(&good), &expected.clone().behind(&[CNAME, A]));
    refused(Some(&good), &expected.clone().addresses(1));
    refused(Some(&good), &expected.clone().opt());
    refused(Some(&good), &expected.clone().without(NSID));
    refused(Some(&good), &expected.clone().option(COOKIE, b""));
    refused(Some(&good), &nothing(NXDOMAIN).dnssec_ok());
    let (mut unasked, ..) = sample();
    unasked.opts[0].options.clear();
    assert!(check(&unasked, Some(&good), &expected).is_err());
    unasked.opts.clear();
    assert!(check(&unasked, Some(&good), &expected).is_err());
}
