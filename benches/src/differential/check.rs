//! Whether a reply is one: well-formed, to that query, and what the authority
//! says too.

use super::{
    options::{COOKIE, KEEPALIVE, NSID, SUBNET},
    query::OPT,
    reader::{EdnsOption, Message, Record, read},
};

const QR: u16 = 0x8000;
const OPCODE: u16 = 0x7800;
const AA: u16 = 0x0400;
const TC: u16 = 0x0200;
const RD: u16 = 0x0100;
const RCODE: u16 = 0x000f;
const NXDOMAIN: u16 = 3;
const BADVERS: u16 = 16;
/// Octets of a reply to whoever has no EDNS (RFC 1035 section 2.3.4).
const UDP_MAX: usize = 512;
const FULL_COOKIE: usize = 24;

/// Asserts `condition`, or says what is wrong.
macro_rules! ensure {
    ($condition:expr, $($wrong:tt)+) => {
        if !$condition {
            return Err(format!($($wrong)+));
        }
    };
}

/// A reply as it is compared.
pub(super) struct Parts {
    message: Message,
    opt: Option<(Record, Vec<EdnsOption>)>,
}

impl Parts {
    fn of(reply: &[u8]) -> Result<Self, String> {
        let mut message = read(reply)?;
        let [answer, authority, additional] = &mut message.sections;
        let elsewhere = answer.iter().chain(&*authority);
        ensure!(
            elsewhere.into_iter().all(|record| record.rtype != OPT),
            "OPT outside the additional section"
        );
        let at = additional.iter().position(|record| record.rtype == OPT);
        let opt = at.map(|at| additional.remove(at));
        ensure!(
            additional.iter().all(|record| record.rtype != OPT),
            "a second OPT record"
        );
        let opt = opt.map(|opt| opt.options().map(|options| (opt, options)));
        Ok(Self {
            message,
            opt: opt.transpose()?,
        })
    }

    fn rcode(&self) -> u16 {
        let upper = self.opt.as_ref().map_or(0, |(opt, _)| opt.ttl >> 24);
        (upper as u16) << 4 | self.message.flags & RCODE
    }

    fn is_truncated(&self) -> bool {
        self.message.flags & TC != 0
    }
}

/// What holds for every reply, whoever made it: at most `payload` octets, and
/// everything in it can be read.
pub(super) fn any(query: &[u8], reply: &[u8], payload: usize) -> Result<Parts, String> {
    ensure!(
        reply.len() <= payload.max(UDP_MAX),
        "{} octets are too many",
        reply.len()
    );
    ensure!(reply.get(..2) == query.get(..2), "another ID");
    let parts = Parts::of(reply)?;
    let (flags, asked) = (
        parts.message.flags,
        u16::from_be_bytes([query[2], query[3]]),
    );
    ensure!(flags & QR != 0, "no QR");
    ensure!(
        flags & (OPCODE | RD) == asked & (OPCODE | RD),
        "flags {flags:#x}"
    );
    ensure!(flags & 0x00f0 == 0, "flags {flags:#x}");
    ensure!(
        parts.message.questions <= 1,
        "{} questions",
        parts.message.questions
    );
    Ok(parts)
}

/// What holds for a reply of the kernel, which understood all of the query.
pub(super) fn kernel(query: &[u8], reply: &[u8], payload: u16) -> Result<Parts, String> {
    let asked = read(query).map_err(|error| format!("the query: {error}"))?;
    ensure!(
        asked.questions == 1,
        "a query of {} questions",
        asked.questions
    );
    let [answer, authority, additional] = &asked.sections;
    ensure!(
        answer.is_empty() && authority.is_empty() && additional.len() <= 1,
        "a query with records"
    );
    let asked_opt = additional.first();
    let limit = asked_opt.map_or(UDP_MAX, |opt| usize::from(opt.class.min(payload)));
    let parts = any(query, reply, limit)?;
    let message = &parts.message;
    ensure!(
        message.questions == 1 && reply[message.question.clone()] == query[asked.question.clone()],
        "another question"
    );
    let rcode = parts.rcode();
    ensure!([0, NXDOMAIN, BADVERS].contains(&rcode), "RCODE {rcode}");
    let [answer, authority, additional] = &message.sections;
    let empty = answer.is_empty() && authority.is_empty() && additional.is_empty();
    ensure!(empty || !parts.is_truncated(), "records, and TC");
    ensure!(empty || rcode != BADVERS, "records, and BADVERS");
    ensure!(
        rcode != NXDOMAIN || parts.is_truncated() || authority.iter().any(|one| one.rtype == 6),
        "NXDOMAIN without SOA"
    );
    match (asked_opt, &parts.opt) {
        (None, None) => {}
        (Some(asked), Some((opt, options))) => check_opt(asked, opt, options, payload)?,
        _ => return Err("OPT on one side alone".to_owned()),
    }
    Ok(parts)
}

fn check_opt(
    asked: &Record,
    opt: &Record,
    options: &[EdnsOption],
    payload: u16,
) -> Result<(), String> {
    ensure!(opt.class == payload, "payload size {}", opt.class);
    ensure!(opt.ttl >> 16 & 0xff == 0, "EDNS version of the reply");
    ensure!(opt.ttl & 0xffff == asked.ttl & 0x8000, "flags of OPT");
    if asked.ttl >> 16 & 0xff != 0 {
        ensure!(options.is_empty(), "options, and BADVERS");
        return Ok(());
    }
    let asked = asked
        .options()
        .map_err(|error| format!("the query's OPT: {error}"))?;
    for (number, (code, data)) in options.iter().enumerate() {
        ensure!(
            options[..number].iter().all(|(other, _)| other != code),
            "option {code} twice"
        );
        let first = asked.iter().find(|(other, _)| other == code);
        let (_, said) = first.ok_or_else(|| format!("option {code} that nobody asked for"))?;
        match *code {
            COOKIE => ensure!(
                data.len() == FULL_COOKIE && data[..8] == said[..8],
                "cookie {data:02x?} to {said:02x?}"
            ),
            SUBNET => {
                ensure!(data.len() == said.len(), "length of the client subnet");
                ensure!(
                    data[..3] == said[..3] && data[4..] == said[4..],
                    "another client subnet"
                );
                ensure!(data[2] != 0 || data[3] == 0, "scope {} of /0", data[3]);
            }
            NSID | KEEPALIVE => return Err(format!("option {code} is for userspace")),
            _ => return Err(format!("option {code}")),
        }
    }
    Ok(())
}

/// Whether the `kernel` says what the `authority` does, which had more room.
pub(super) fn same(kernel: &Parts, authority: &Parts) -> Result<(), String> {
    let (one, other) = (kernel.rcode(), authority.rcode());
    ensure!(one == other, "RCODE {one}, of the authority {other}");
    let (one, other) = (&kernel.message, &authority.message);
    ensure!(
        one.flags & AA == other.flags & AA,
        "AA: flags {:#x}, of the authority {:#x}",
        one.flags,
        other.flags
    );
    if !kernel.is_truncated() && !authority.is_truncated() {
        for (number, name) in ["answer", "authority", "additional"].iter().enumerate() {
            let sorted = |message: &Message| {
                let mut section = message.sections[number].clone();
                section.sort();
                section
            };
            let (one, other) = (sorted(one), sorted(other));
            ensure!(
                one == other,
                "{name} section: {one:?}, of the authority {other:?}"
            );
        }
    }
    let options = |parts: &Parts| {
        let (opt, options) = parts.opt.as_ref()?;
        let mut options = options.clone();
        options.retain(|(code, _)| *code != KEEPALIVE);
        options.sort();
        Some((opt.class, opt.ttl & 0xffff, options))
    };
    let (one, other) = (options(kernel), options(authority));
    ensure!(one == other, "OPT: {one:?}, of the authority {other:?}");
    Ok(())
}
