//! What is expected of a reply, and whether one is that.

use super::{
    message::{Record, options, read},
    query::*,
    world,
};

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

#[cfg(test)]
mod tests;
