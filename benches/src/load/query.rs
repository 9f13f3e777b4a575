//! Queries, as a resolver sends them to an authoritative server, as templates
//! for the generator.

use anyhow::{Context as _, Result, bail};
use dns_ebpf::load::{LABEL, LABEL_OCTETS, TEMPLATE_OCTETS, TEMPLATES_MAX, Template};
use domain::base::{MessageBuilder, Name, Rtype, iana::OptionCode};

use super::Questions;
use crate::frame::{self, ETHERNET_HEADER, IPV4_HEADER, Path};

/// What queries say in EDNS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edns {
    /// Nothing: no OPT record.
    Off,
    /// As a recursor of today: payload 1232, DO, a client cookie.
    Cookie,
}

/// A client cookie (RFC 7873): the same for one server all along.
const COOKIE: [u8; 8] = *b"\x3a\x19\xc4\x0d\x92\x5e\x7b\xf1";

/// What the templates' first UDP octets are behind.
const UDP: usize = ETHERNET_HEADER + IPV4_HEADER;

/// Templates of hot queries, and one of the flood's.
pub(super) struct Templates {
    pub(super) hot: Vec<Template>,
    pub(super) flood: Template,
}

/// The queries of `questions` along `path`, whose source is still to be filled in.
pub(super) fn templates(path: Path, questions: Questions) -> Result<Templates> {
    let Questions {
        hot,
        flood_zone,
        edns,
    } = questions;
    let room = TEMPLATES_MAX as usize - 1;
    if hot.is_empty() || hot.len() > room {
        bail!("{} names: not from 1 to {room}", hot.len());
    }
    let of = |name: &str| template(path, &message(name, edns)?).context(name.to_owned());
    let mut flood = of(&format!("{}.{flood_zone}", "a".repeat(LABEL_OCTETS)))?;
    // The generator adds what it writes there.
    flood.octets[LABEL..LABEL + LABEL_OCTETS].fill(0);
    flood.sum = sum(&flood);
    Ok(Templates {
        hot: hot.iter().map(|name| of(name)).collect::<Result<_>>()?,
        flood,
    })
}

/// The query for the A records of `name`.
fn message(name: &str, edns: Edns) -> Result<Vec<u8>> {
    let name: Name<Vec<u8>> = name.parse().with_context(|| name.to_owned())?;
    let mut query = MessageBuilder::new_vec().question();
    query.push((name, Rtype::A)).context("a question")?;
    let mut query = query.additional();
    if edns == Edns::Cookie {
        let opt = query.opt(|opt| {
            opt.set_udp_payload_size(1232);
            opt.set_dnssec_ok(true);
            opt.push_raw_option(OptionCode::COOKIE, COOKIE.len() as u16, |target| {
                target.extend(COOKIE);
                Ok(())
            })
        });
        opt.context("an OPT record")?;
    }
    Ok(query.finish())
}

fn template(path: Path, message: &[u8]) -> Result<Template> {
    let mut frame = frame::of(path, message);
    let len = frame.len();
    // The end must move in every frame.
    if len >= TEMPLATE_OCTETS {
        bail!("a query of {len} octets: not below {TEMPLATE_OCTETS}");
    }
    frame[ETHERNET_HEADER + 10..ETHERNET_HEADER + 12].fill(0);
    frame.resize(TEMPLATE_OCTETS, 0);
    let mut template = Template {
        octets: [0; TEMPLATE_OCTETS],
        len: len as u32,
        header_sum: pairs(&frame[ETHERNET_HEADER..UDP]),
        sum: 0,
        rest: 0,
    };
    template.octets.copy_from_slice(&frame);
    template.sum = sum(&template);
    Ok(template)
}

/// See [`Template::sum`].
fn sum(template: &Template) -> u32 {
    const PROTOCOL_UDP: u8 = 17;
    let datagram = &template.octets[UDP..template.len as usize];
    let addresses = &template.octets[UDP - 8..UDP];
    let pseudo_header = [
        addresses,
        &[0, PROTOCOL_UDP],
        &(datagram.len() as u16).to_be_bytes(),
    ]
    .concat();
    pairs(&pseudo_header) + pairs(datagram)
}

/// The sum of little-endian pairs of octets.
fn pairs(octets: &[u8]) -> u32 {
    let pairs = octets.chunks(2);
    pairs
        .map(|pair| u32::from(pair[0]) | pair.get(1).map_or(0, |high| u32::from(*high) << 8))
        .sum()
}
