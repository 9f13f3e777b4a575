//! Messages read octet by octet, and what becomes of them.

use dns_common::{
    ask::{self, Cookie, Subnet},
    octets::Octets,
    outcome::Outcome,
};

use super::plain;

/// A query for one record set, as [`dns_common::ask::ask`] is to read it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) name_len: usize,
    pub(crate) rtype: u16,
    pub(crate) id: [u8; 2],
    pub(crate) recursion_desired: bool,
    pub(crate) edns: Option<Edns>,
}

/// What an OPT record says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Edns {
    pub(crate) payload: u16,
    pub(crate) version: u8,
    pub(crate) dnssec_ok: bool,
    pub(crate) nsid: bool,
    pub(crate) keepalive: bool,
    pub(crate) cookie: Option<Cookie>,
    pub(crate) subnet: Option<Subnet>,
}

impl Edns {
    /// What the fast path read, likewise.
    pub(crate) fn of(edns: ask::Edns, message: &(impl Octets + ?Sized)) -> Option<Self> {
        edns.is_present().then(|| Self {
            payload: edns.payload(),
            version: edns.version(),
            dnssec_ok: edns.dnssec_ok(),
            nsid: edns.asks_nsid(),
            keepalive: edns.asks_keepalive(),
            cookie: edns.cookie(message),
            subnet: edns.subnet(message),
        })
    }
}

/// Reads a query; what it is else.
pub(crate) fn question(message: &[u8]) -> Result<Question, Outcome> {
    if !(17..=2047).contains(&message.len()) {
        return Err(Outcome::UpLength);
    }
    if message[2] & 0x80 != 0 {
        return Err(Outcome::UpResponse);
    }
    if message[2] & 0x7a != 0 {
        return Err(Outcome::UpOpcode);
    }
    let [questions, answers, authorities, additionals] =
        [4, 6, 8, 10].map(|at| pair(&message[at..]));
    if questions != 1 {
        return Err(Outcome::UpQuestionCount);
    }
    if answers != 0 || authorities != 0 {
        return Err(Outcome::UpRecords);
    }
    if additionals > 1 {
        return Err(Outcome::UpAdditional);
    }
    let name_len = if additionals == 0 {
        message.len() - 16
    } else if let Some(record) = last_record(message) {
        message.len() - 16 - record
    } else {
        let root = message[12..].iter().position(|octet| *octet == 0);
        root.ok_or(Outcome::UpQuestion)? + 1
    };
    let end = 12 + name_len;
    let opt_len = 11 * usize::from(additionals);
    if name_len > 255 || message.len() < end + 4 + opt_len {
        return Err(Outcome::UpQuestion);
    }
    let edns = if additionals == 0 {
        None
    } else {
        Some(opt(&message[end + 4..])?)
    };
    if pair(&message[end + 2..]) != plain::IN {
        return Err(Outcome::UpClass);
    }
    let rtype = pair(&message[end..]);
    if rtype == 0 || rtype == 41 || (128..255).contains(&rtype) {
        return Err(Outcome::UpType);
    }
    Ok(Question {
        name_len,
        rtype,
        id: [message[0], message[1]],
        recursion_desired: message[2] & 1 != 0,
        edns,
    })
}

/// Octets of the OPT record that the message ends with, if it is one that is looked for
/// there, with a name before it: without options, or with a usual one alone.
fn last_record(message: &[u8]) -> Option<usize> {
    const OPTIONS: [(usize, &[u8]); 5] = [
        (2, &[0, 0]),
        (12, &[0, 10, 0, 8]),
        (11, &[0, 8, 0, 7, 0, 1, 24, 0]),
        (15, &[0, 8, 0, 11, 0, 2, 56, 0]),
        (28, &[0, 10, 0, 24]),
    ];
    let last = |octets| message.len().checked_sub(octets).map(|at| &message[at..]);
    let seen = OPTIONS
        .into_iter()
        .find(|(octets, first)| last(*octets).is_some_and(|last| last.starts_with(first)));
    let (octets, _) = seen?;
    let options = if octets == 2 { 0 } else { octets };
    let opt = last(11 + options)?;
    let is_opt = opt[..3] == [0, 0, 41] && usize::from(pair(&opt[9..])) == options;
    let name = message.len().checked_sub(16 + opt.len())?;
    (is_opt && (1..=255).contains(&name)).then_some(opt.len())
}

fn pair(octets: &[u8]) -> u16 {
    u16::from_be_bytes([octets[0], octets[1]])
}

/// Reads an OPT record that ends with `octets`.
fn opt(octets: &[u8]) -> Result<Edns, Outcome> {
    if octets[..3] != [0, 0, 41] {
        return Err(Outcome::UpAdditional);
    }
    if octets.len() != 11 + usize::from(pair(&octets[9..])) {
        return Err(Outcome::UpOpt);
    }
    let mut edns = Edns {
        payload: pair(&octets[3..]),
        version: octets[6],
        dnssec_ok: octets[7] & 0x80 != 0,
        ..Edns::default()
    };
    if edns.version != 0 {
        return Ok(edns);
    }
    let options = options(&octets[11..]).ok_or(Outcome::UpOpt)?;
    // The first of a kind counts (RFC 7873 section 5.2).
    let data_of = |code| {
        let mut all = options.iter().filter(move |(other, _)| *other == code);
        all.next().map(|(_, data)| *data)
    };
    edns.nsid = options.iter().any(|(code, _)| *code == plain::NSID);
    edns.keepalive = options.iter().any(|(code, _)| *code == plain::KEEPALIVE);
    if let Some(data) = data_of(plain::COOKIE) {
        edns.cookie = Some(cookie(data).ok_or(Outcome::UpCookie)?);
    }
    if let Some(data) = data_of(plain::SUBNET) {
        edns.subnet = Some(subnet(data).ok_or(Outcome::UpSubnet)?);
    }
    Ok(edns)
}

/// At most eight options, which end where `octets` do.
fn options(mut octets: &[u8]) -> Option<Vec<(u16, &[u8])>> {
    let mut options = Vec::new();
    while !octets.is_empty() {
        let (head, rest) = octets.split_at_checked(4)?;
        let (data, rest) = rest.split_at_checked(usize::from(pair(&head[2..])))?;
        options.push((pair(head), data));
        octets = rest;
    }
    (options.len() <= 8).then_some(options)
}

fn cookie(data: &[u8]) -> Option<Cookie> {
    let words: Vec<u64> = super::memory::words(data);
    let server = match data.len() {
        8 | 16..24 | 25..=40 => (0, 0),
        24 => (words[1], words[2]),
        _ => return None,
    };
    Some(Cookie {
        client: words[0],
        server,
    })
}

fn subnet(data: &[u8]) -> Option<Subnet> {
    let (head, prefix) = data.split_at_checked(4)?;
    let (family, source_len, scope) = (pair(head), head[2], head[3]);
    let bits = usize::from(source_len);
    let bits_max = match family {
        // Only to say that no use is to be made of the address.
        0 => 0,
        1 => 32,
        2 => 128,
        _ => return None,
    };
    let mut address = [0; 16];
    if scope != 0 || bits > bits_max || prefix.len() != bits.div_ceil(8) {
        return None;
    }
    address[..prefix.len()].copy_from_slice(prefix);
    let words = super::memory::words(&address);
    let address = u128::from_be_bytes(address);
    if (bits..128).any(|bit| address >> (127 - bit) & 1 != 0) {
        return None;
    }
    Some(Subnet {
        family: family as u8,
        source_len,
        words: (words[0], words[1]),
    })
}

/// What is wrong with `reply` as one to `query` (RFC 1035 section 4.1): it has
/// the query's ID, RD and question, as many records as it says and nothing after
/// them, and every name in it can be read.
pub(crate) fn fault(query: &[u8], reply: &[u8]) -> Option<String> {
    let Some(end) = plain::question_end(query) else {
        return Some("a reply to what has no question".into());
    };
    if reply.len() < end || reply[..2] != query[..2] || reply[12..end] != query[12..end] {
        return Some("another ID or question".into());
    }
    let flags = reply[2];
    if flags & 0xf8 != 0x80 || flags & 1 != query[2] & 1 || reply[3] & 0xf0 != 0 {
        return Some(format!("flags {flags:#x} {:#x}", reply[3]));
    }
    if pair(&reply[4..]) != 1 {
        return Some("not one question".into());
    }
    let counts = [6, 8, 10].map(|at| pair(&reply[at..]));
    if flags & 2 != 0 && (counts[0] != 0 || counts[1] != 0 || counts[2] > 1) {
        return Some("records, and TC".into());
    }
    let mut at = end;
    let mut opts = 0;
    for (section, count) in counts.into_iter().enumerate() {
        for number in 0..count {
            match record(reply, at) {
                Some((41, _)) if section != 2 => return Some("OPT not in additional".into()),
                Some((rtype, next)) => {
                    opts += u16::from(rtype == 41);
                    at = next;
                }
                None => return Some(format!("record {number} of section {section} at {at}")),
            }
        }
    }
    if at != reply.len() {
        return Some(format!("{} octets after the records", reply.len() - at));
    }
    (opts != u16::from(query[11] != 0)).then(|| format!("{opts} OPT records"))
}

/// The type of the record at `at`, and where the next one is.
fn record(message: &[u8], at: usize) -> Option<(u16, usize)> {
    let fixed = name(message, at)?;
    let rdata = fixed + 10;
    let next = rdata + usize::from(pair(message.get(fixed + 8..fixed + 10)?));
    message.get(rdata..next)?;
    let rtype = pair(&message[fixed..]);
    let names_end = match rtype {
        2 | 5 => name(message, rdata)?,
        6 => name(message, name(message, rdata)?)? + 20,
        _ => next,
    };
    (names_end == next).then_some((rtype, next))
}

/// Where the name at `at` ends, if it is one of 255 octets or less whose pointers
/// all go back (RFC 1035 section 4.1.4).
fn name(message: &[u8], at: usize) -> Option<usize> {
    let (mut at, mut len, mut end) = (at, 1, None);
    let mut before = at;
    loop {
        let octet = *message.get(at)?;
        match octet {
            0 => return (len <= 255).then_some(end.unwrap_or(at + 1)),
            1..=63 => {
                len += 1 + usize::from(octet);
                at += 1 + usize::from(octet);
            }
            0xc0.. => {
                let target = usize::from(pair(message.get(at..at + 2)?) & 0x3fff);
                end = end.or(Some(at + 2));
                if !(12..before).contains(&target) {
                    return None;
                }
                (at, before) = (target, target);
            }
            _ => return None,
        }
    }
}
