//! The queries that the rows ask, in EDNS with what resolvers say there.

use std::net::IpAddr;

use anyhow::{Context as _, Result};
use dns_common::{
    cookie::{self, Secret},
    tables::Source,
};
use domain::base::{MessageBuilder, Name, Rtype, iana::OptionCode};
use veer::clock::{self, Clock as _};

use crate::fixture::RESOLVER;

/// The payload size that resolvers of today announce, octets.
const PAYLOAD: u16 = 1232;

/// A client cookie (RFC 7873).
const CLIENT_COOKIE: u64 = u64::from_le_bytes(*b"\x3a\x19\xc4\x0d\x92\x5e\x7b\xf1");

/// An option: its code and octets.
type Opt = (OptionCode, Vec<u8>);

/// What an OPT record says beside the payload size.
#[derive(Clone, Debug, Default)]
pub(super) struct Edns {
    dnssec_ok: bool,
    option: Option<Opt>,
}

impl Edns {
    /// The DO flag, as a validating resolver has it.
    pub(super) fn dnssec_ok() -> Self {
        Self {
            dnssec_ok: true,
            option: None,
        }
    }

    /// DO and a cookie: a client cookie, with the server cookie that we make of it
    /// now under `secret`, if one is given.
    pub(super) fn cookie(secret: Option<Secret>) -> Self {
        const SECOND_NS: u64 = 1_000_000_000;
        let mut octets = CLIENT_COOKIE.to_le_bytes().to_vec();
        if let Some(secret) = secret {
            let now_ns = clock::BootClock.now_ns().wrapping_add(clock::offset_ns());
            let source = Source::V4(RESOLVER.into());
            let now_s = (now_ns / SECOND_NS) as u32;
            let server = cookie::make(secret, CLIENT_COOKIE, source, now_s);
            octets.extend(server.0.to_le_bytes());
            octets.extend(server.1.to_le_bytes());
        }
        Self {
            dnssec_ok: true,
            option: Some((OptionCode::COOKIE, octets)),
        }
    }

    /// A client subnet (RFC 7871 section 6): the first `len` bits of `address`, a
    /// whole number of octets.
    pub(super) fn subnet(address: IpAddr, len: u8) -> Self {
        let (family, octets) = match address {
            IpAddr::V4(address) => (1, address.octets().to_vec()),
            IpAddr::V6(address) => (2, address.octets().to_vec()),
        };
        let octets = &octets[..usize::from(len / 8)];
        Self {
            dnssec_ok: false,
            option: Some((
                OptionCode::CLIENT_SUBNET,
                [&[0, family, len, 0], octets].concat(),
            )),
        }
    }
}

/// The query for `name` and `rtype`, with `edns` if given.
pub(super) fn query(name: &str, rtype: Rtype, edns: Option<&Edns>) -> Result<Vec<u8>> {
    let name: Name<Vec<u8>> = name.parse().with_context(|| name.to_owned())?;
    let mut query = MessageBuilder::new_vec().question();
    query.header_mut().set_id(0x1234);
    query.push((name, rtype)).context("a question")?;
    let mut query = query.additional();
    if let Some(edns) = edns {
        let opt = query.opt(|opt| {
            opt.set_udp_payload_size(PAYLOAD);
            opt.set_dnssec_ok(edns.dnssec_ok);
            match &edns.option {
                None => Ok(()),
                Some((code, octets)) => opt.push_raw_option(*code, octets.len() as u16, |target| {
                    target.extend(octets);
                    Ok(())
                }),
            }
        });
        opt.context("an OPT record")?;
    }
    Ok(query.finish())
}
