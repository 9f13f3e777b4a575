//! The OPT record (RFC 6891): what a requester says of itself, and what we
//! say back.

use dns_common::{
    ask::{Cookie, Subnet, Wanted},
    outcome::Outcome,
    tables::Source,
};
use domain::base::{
    ParsedRecord,
    iana::{OptRcode, OptionCode},
    message_builder::{AdditionalBuilder, PushError},
    opt::{Opt, UnknownOptData},
    wire::{Composer, ParseError},
};

/// Octets of an OPT record without options.
const OPT_LEN: usize = 11;

/// Octets of an option's code and length.
const OPTION_HEADER_LEN: usize = 4;

/// Octets of a time-out in edns-tcp-keepalive (RFC 7828 section 3.1).
const KEEPALIVE_LEN: u16 = 2;

/// Octets of a COOKIE option's data with client and server cookie (RFC 9018).
const COOKIE_LEN: usize = 24;

/// The EDNS version we speak.
pub const VERSION: u8 = 0;

/// What a requester's OPT record says. Options that are not here are ignored
/// (RFC 6891 section 6.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edns {
    /// The largest UDP payload it takes, octets, as it says; below 512 means 512.
    pub udp_payload: u16,
    /// Its EDNS version; we speak 0.
    pub version: u8,
    /// The DO flag.
    pub dnssec_ok: bool,
    /// It asks who we are. What else its NSID option holds is ignored (RFC 5001
    /// section 2.2).
    pub nsid: bool,
    /// Its edns-tcp-keepalive option.
    pub keepalive: Keepalive,
    /// Its COOKIE option.
    pub cookie: Option<Cookie>,
    /// Its CLIENT-SUBNET option.
    pub subnet: Option<Subnet>,
}

/// A requester's edns-tcp-keepalive option (RFC 7828).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keepalive {
    /// Not there.
    Absent,
    /// It asks how long the connection may be idle.
    Asked,
    /// It has a time-out, which only a server may send (section 3.2.1).
    Malformed,
}

impl Edns {
    /// What the fixed part of an OPT record says; the options are not read yet.
    pub fn of(record: &ParsedRecord<'_, [u8]>) -> Self {
        let [_, version, flags, _] = record.ttl().as_secs().to_be_bytes();
        Self {
            udp_payload: record.class().to_int(),
            version,
            dnssec_ok: flags & 0x80 != 0,
            nsid: false,
            keepalive: Keepalive::Absent,
            cookie: None,
            subnet: None,
        }
    }

    /// Reads the options that are `wanted`. The record's owner must be the root and
    /// they, where they are of our version, well-formed.
    pub fn read_options(
        &mut self,
        record: &ParsedRecord<'_, [u8]>,
        wanted: Wanted,
    ) -> Result<(), ParseError> {
        let not_opt = ParseError::form_error("not an OPT record at the root");
        if !record.owner().is_root() {
            return Err(not_opt);
        }
        // Of another version nothing is known but that it has one.
        if self.version != VERSION {
            return Ok(());
        }
        let record = record.to_record::<Opt<_>>()?.ok_or(not_opt)?;
        for option in record.data().iter::<UnknownOptData<_>>() {
            let option = option?;
            let octets = option.as_slice();
            match option.code() {
                // The first of a kind counts (RFC 7873 section 5.2).
                OptionCode::COOKIE if wanted.cookie && self.cookie.is_none() => {
                    self.cookie = Some(shared(octets, Cookie::read)?);
                }
                OptionCode::CLIENT_SUBNET if wanted.subnet && self.subnet.is_none() => {
                    self.subnet = Some(shared(octets, Subnet::read)?);
                }
                OptionCode::NSID => self.nsid = true,
                OptionCode::TCP_KEEPALIVE if !octets.is_empty() => {
                    self.keepalive = Keepalive::Malformed;
                }
                OptionCode::TCP_KEEPALIVE if self.keepalive == Keepalive::Absent => {
                    self.keepalive = Keepalive::Asked;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// What `read`, the reader that both planes share, makes of an option's octets.
fn shared<T>(
    octets: &[u8],
    read: impl Fn(&[u8], usize, usize) -> Result<T, Outcome>,
) -> Result<T, ParseError> {
    // It takes eight octets at a time, as they lie in a message.
    const BEFORE: usize = 8;
    let message = [&[0; BEFORE][..], octets, &[0; BEFORE]].concat();
    let malformed = |_| ParseError::form_error("a malformed COOKIE or CLIENT-SUBNET option");
    read(&message, BEFORE, octets.len()).map_err(malformed)
}

/// The OPT record of a reply.
#[derive(Clone, Copy, Debug)]
pub struct OwnOpt<'p> {
    /// The largest UDP payload we take, octets.
    pub udp_payload: u16,
    /// The DO flag, as the requester's (RFC 3225 section 3).
    pub dnssec_ok: bool,
    /// Who we are, for a requester that asked.
    pub nsid: Option<&'p [u8]>,
    /// How long the connection may be idle, in units of 100 ms.
    pub keepalive: Option<u16>,
    /// The client's cookie and ours.
    pub cookie: Option<Cookie>,
    /// The client subnet, and how much of it the answer holds for, bits.
    pub subnet: Option<(Subnet, u8)>,
}

impl OwnOpt<'_> {
    /// Its octets in a message.
    pub fn octets(&self) -> usize {
        let options = [
            self.nsid.map(<[u8]>::len),
            self.keepalive.map(|_| usize::from(KEEPALIVE_LEN)),
            self.cookie.map(|_| COOKIE_LEN),
            self.subnet
                .map(|(subnet, scope)| subnet_octets(subnet, scope).len()),
        ];
        let option_octets = options.iter().flatten().map(|len| OPTION_HEADER_LEN + len);
        OPT_LEN + option_octets.sum::<usize>()
    }

    /// Adds it to a message, with the upper bits of `rcode`; the lower go into
    /// the header.
    pub fn push(
        &self,
        message: &mut AdditionalBuilder<impl Composer>,
        rcode: OptRcode,
    ) -> Result<(), PushError> {
        message.opt(|opt| {
            opt.set_udp_payload_size(self.udp_payload);
            opt.set_version(VERSION);
            opt.set_dnssec_ok(self.dnssec_ok);
            opt.set_rcode(rcode);
            if let Some(nsid) = self.nsid {
                opt.push_raw_option(OptionCode::NSID, nsid.len() as u16, |target| {
                    target.append_slice(nsid)
                })?;
            }
            if let Some(timeout) = self.keepalive {
                opt.push_raw_option(OptionCode::TCP_KEEPALIVE, KEEPALIVE_LEN, |target| {
                    target.append_slice(&timeout.to_be_bytes())
                })?;
            }
            if let Some(Cookie { client, server }) = self.cookie {
                opt.push_raw_option(OptionCode::COOKIE, COOKIE_LEN as u16, |target| {
                    let words = [client, server.0, server.1];
                    words
                        .iter()
                        .try_for_each(|word| target.append_slice(&word.to_le_bytes()))
                })?;
            }
            if let Some((subnet, scope)) = self.subnet {
                let octets = subnet_octets(subnet, scope);
                opt.push_raw_option(OptionCode::CLIENT_SUBNET, octets.len() as u16, |target| {
                    target.append_slice(&octets)
                })?;
            }
            Ok(())
        })
    }
}

/// The data of a CLIENT-SUBNET option (RFC 7871 section 6).
fn subnet_octets(subnet: Subnet, scope: u8) -> Vec<u8> {
    let address = match subnet.address() {
        Source::V4(address) => address.to_be_bytes().to_vec(),
        Source::V6(high, low) => [high.to_be_bytes(), low.to_be_bytes()].concat(),
    };
    let kept = usize::from(subnet.source_len).div_ceil(8);
    let fixed = [0, subnet.family, subnet.source_len, scope];
    [&fixed[..], &address[..kept]].concat()
}
